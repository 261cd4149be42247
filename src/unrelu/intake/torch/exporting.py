"""The module's own forward pass, traced by `torch.export`."""

from __future__ import annotations

import inspect
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.func import functional_call
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from unrelu.errors import ModelError, ShapeError, TrainingMode
from unrelu.intake.torch.attention import BatchesInFront

_INDICES = re.compile(r"indices'? to have one of the following scalar types|used as indices must be")
"""How PyTorch says that it is given floats where it looks up rows."""


@dataclass(frozen=True, eq=False)
class Exported:
    """A traced module.

    Attributes:
        nodes: its placeholders and calls, in order.
        constants: copies of the parameters, buffers and other tensors, by the name of their placeholder.
        entry: the placeholder of the input.
        exits: the nodes that compute the output; several where it is not one tensor.
    """

    nodes: tuple[fx.Node, ...]
    constants: dict[str, Tensor]
    entry: fx.Node
    exits: tuple[fx.Node, ...]

    @property
    def needed(self) -> list[fx.Node]:
        """Those of the nodes that the output depends on, in order."""
        needed = set(self.exits)
        for node in reversed(self.nodes):
            if node in needed:
                needed.update(node.all_input_nodes)
        return [node for node in self.nodes if node in needed]


def own_output(module: nn.Module, example: Tensor, *, whole: bool = True) -> Tensor | None:
    """What the module itself gives for the example; run on copies of its buffers, so that none is changed.

    Args:
        module: the module.
        example: a batch (n, *shape).
        whole: whether the output itself is asked about.

    Raises:
        ShapeError: if the module does not take the example.
        ModelError: if it does not give one tensor.
        TrainingMode: if it gives something else every time, as with spectral norm in training mode.
    """
    held = dict(module.named_buffers())
    buffers = {name: buffer.clone() for name, buffer in held.items()}
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about the module, whose user has seen them
            output = functional_call(module, buffers, (example.clone(),))
    except Exception as error:  # whatever the user's own code raises
        if _INDICES.search(str(error)):
            raise ModelError(
                "the module takes whole numbers, as nn.Embedding does, and only functions of real numbers are read; "
                "hand over the part behind what looks them up, with an example of its inputs."
            ) from error
        if "positional argument" in str(error):
            raise ModelError(
                f"the module does not take exactly one input ({_first_line(error)}); wrap it in one that does."
            ) from error
        real = (values for values in module.parameters() if values.is_floating_point())  # Keras keeps seeds, too
        kinds = sorted({f"{values.dtype} on {values.device}" for values in real})
        if len(kinds) > 1:
            raise ModelError(
                f"the module does not run: its weights are {' and '.join(kinds)} ({_first_line(error)}); convert it to "
                "one dtype and device (module.float(), module.cpu())."
            ) from error
        raise ShapeError(
            f"the module does not take the example input of shape {tuple(example.shape)} "
            f"({_first_line(error)}); give a batch (n, *shape) as the module takes it."
        ) from error
    changed = [name for name, values in buffers.items() if not _equal(values, held[name])]
    if changed and isinstance(output, Tensor):  # counting calls does no harm, but does it depend on what it counts?
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = functional_call(module, buffers, (example.clone(),))
        if not _equal(output, again):
            raise TrainingMode(
                f"the module changes its buffer {changed[0]!r} whenever it is called, and gives something else the "
                "next time; call module.eval() first, or take the update out of its forward."
            )
    if whole and not isinstance(output, Tensor):
        raise ModelError(
            f"the module gives a {type(output).__name__}, not one tensor; "
            "wrap it in a module that returns the one tensor you ask about, or name the node (upto)."
        )
    return output if whole else None


def at_least_two(example: Tensor) -> Tensor:
    """The example, repeated if it is one sample alone: a batch of one is special to `squeeze` and to the tracing."""
    return torch.cat([example, example]) if len(example) == 1 else example


def export(module: nn.Module, example: Tensor) -> Exported:
    """Trace the module for batches of any size.

    Raises:
        ModelError: if `torch.export` cannot; the message tells why in one sentence.
    """
    try:
        with torch.no_grad(), _quiet(), BatchesInFront():
            # of forward(*args) the one argument is a tuple
            shapes = (({0: Dim.DYNAMIC},),) if _takes_any_number(module) else ({0: Dim.DYNAMIC},)
            program = torch.export.export(
                module, (at_least_two(example)[:2],), dynamic_shapes=shapes, strict=False
            ).run_decompositions({})
    except GuardOnDataDependentSymNode as error:
        raise ModelError(
            "the module chooses its path by the values of its input, so it is no fixed graph; "
            "hand over the part that does not."
        ) from error
    except Exception as error:  # torch.export raises many kinds, private ones too
        if "Constraints violated" in str(error):
            raise ModelError(
                "the module takes batches of one size only: dimension 0 of the example must be a batch (n, *shape), "
                "and the module must work for any n (write x.flatten(1), not x.view(64, -1), and x.shape[0], not "
                "len(x))."
            ) from error
        raise ModelError(
            f"torch.export cannot trace the module for batches of any size ({_first_line(error)}); "
            "dimension 0 of the example must be the batch, (n, *shape), and all else must be fixed."
        ) from error
    return _parts(program)


def readable(program: ExportedProgram) -> Exported:
    """The calls of a program that was exported before.

    Raises:
        ModelError: if it takes several inputs, or batches of one size only.
    """
    try:
        with _quiet():
            exported = _parts(program.run_decompositions({}))
    except ModelError:
        raise
    except Exception as error:  # whatever torch raises about a program of another version
        raise ModelError(
            f"the program cannot be brought to the operators that are read ({_first_line(error)}); give the module "
            "that it was exported from."
        ) from error
    size = exported.entry.meta["val"].shape[:1]
    if not size or isinstance(size[0], int):
        raise ModelError(
            "the program was exported for batches of one size; export it for any, torch.export.export(module, "
            "(example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)), or give the module."
        )
    return exported


def _parts(program: ExportedProgram) -> Exported:
    signature = program.graph_signature
    tensors = {**program.state_dict, **program.constants}
    constants: dict[str, Tensor] = {}
    entries: list[str] = []
    for spec in signature.input_specs:
        name = getattr(spec.arg, "name", "")
        if spec.kind is InputKind.USER_INPUT:
            entries.append(name)
        elif spec.target is not None and isinstance(tensors.get(spec.target), Tensor):
            constants[name] = tensors[spec.target].detach().clone()
    exits = [spec.arg for spec in signature.output_specs if spec.kind is OutputKind.USER_OUTPUT]
    by_name = {node.name: node for node in program.graph.nodes}
    if len(entries) != 1:
        raise ModelError(f"the program takes {len(entries)} inputs; export a module that takes one.")
    return Exported(
        nodes=tuple(node for node in program.graph.nodes if node.op != "output"),
        constants=constants,
        entry=by_name[entries[0]],
        exits=tuple(by_name[name] for name in (getattr(each, "name", "") for each in exits) if name in by_name),
    )


def _takes_any_number(module: nn.Module) -> bool:
    first = next(iter(inspect.signature(module.forward).parameters.values()), None)
    return first is not None and first.kind is inspect.Parameter.VAR_POSITIONAL


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's own deprecations and graph dumps: what goes wrong is said in one sentence instead."""
    loggers = [logging.getLogger(name) for name in ("torch.fx.experimental.symbolic_shapes", "torch.export", "torch")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same, NaN where NaN is."""
    return one.shape == other.shape and bool(((one == other) | (one.isnan() & other.isnan())).all())


def _first_line(error: Exception) -> str:
    """The first line that says something: Keras writes whose call failed above it, in colours."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return lines[0] if lines else type(error).__name__
