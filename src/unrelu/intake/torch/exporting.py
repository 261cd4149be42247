"""The module's own forward pass, traced by `torch.export`."""

from __future__ import annotations

import io
import logging
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

_MODE_MATTERS = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd, nn.RReLU)


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


def check_mode(module: nn.Module) -> None:
    """Refuse a module with parts whose training mode is another function than their evaluation mode.

    Raises:
        TrainingMode: naming the first such part.
    """
    for path, part in module.named_modules():
        if part.training and isinstance(part, _MODE_MATTERS):
            where = f"its part {path!r}" if path else "it"
            raise TrainingMode(
                f"the module is in training mode, where {where} ({type(part).__name__}) is not one fixed function; "
                "call module.eval() first."
            )


def own_output(module: nn.Module, example: Tensor, *, whole: bool = True) -> Tensor | None:
    """What the module itself gives for the example; run on copies of its buffers, so that none is changed.

    Args:
        module: the module.
        example: a batch (n, *shape).
        whole: whether the output itself is asked about.

    Raises:
        ShapeError: if the module does not take the example.
        ModelError: if it does not give one tensor.
    """
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about the module, whose user has seen them
            output = functional_call(module, buffers, (example.clone(),))
    except Exception as error:  # whatever the user's own code raises
        if "positional argument" in str(error):
            raise ModelError(
                f"the module does not take exactly one input ({_first_line(error)}); wrap it in one that does."
            ) from error
        raise ShapeError(
            f"the module does not take the example input of shape {tuple(example.shape)} "
            f"({_first_line(error)}); give a batch (n, *shape) as the module takes it."
        ) from error
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
        with torch.no_grad(), _quiet():
            program = torch.export.export(
                module, (at_least_two(example)[:2],), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False
            )
            program = program.run_decompositions({})
    except GuardOnDataDependentSymNode as error:
        raise ModelError(
            "the module chooses its path by the values of its input, so it is no fixed graph; "
            "hand over the part that does not."
        ) from error
    except Exception as error:  # torch.export raises many kinds, private ones too
        if "Constraints violated" in str(error):
            raise ModelError(
                "the module takes batches of one size only: dimension 0 of the example must be a batch (n, *shape), "
                "and the module must work for any n (write x.flatten(1), not x.view(64, -1))."
            ) from error
        raise ModelError(
            f"torch.export cannot trace the module for batches of any size ({_first_line(error)}); "
            "dimension 0 of the example must be the batch, (n, *shape), and all else must be fixed."
        ) from error
    return _parts(program)


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
    return Exported(
        nodes=tuple(node for node in program.graph.nodes if node.op != "output"),
        constants=constants,
        entry=by_name[entries[0]],
        exits=tuple(by_name[name] for name in (getattr(each, "name", "") for each in exits) if name in by_name),
    )


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


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
