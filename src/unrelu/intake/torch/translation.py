"""From the calls of a traced module to the nodes of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from unrelu.errors import UnreluError, UnsupportedOperator
from unrelu.intake.builder import moving
from unrelu.intake.draft import Draft, Signal, before
from unrelu.intake.refusals import refusal
from unrelu.intake.survey import Survey, survey_of
from unrelu.intake.torch.exporting import Exported
from unrelu.intake.torch.moved import MOVES, Moved, coordinates, in_front
from unrelu.intake.torch.naming import operator_name
from unrelu.intake.torch.place import Place
from unrelu.intake.torch.program import Reference, Step, TorchProgram
from unrelu.intake.torch.registry import OPERATORS
from unrelu.intake.torch.sizes import SIZES, arguments_at, is_sized, one_sample, size_at
from unrelu.intake.unread import Unread
from unrelu.network.graph import Network
from unrelu.operators import Shape

_FILLS = {"zeros", "ones", "full", "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full"}


def translate(exported: Exported, wish: Callable[[fx.Node], str], upto: str | None = None) -> Network:
    """Write the network that a traced module is.

    Args:
        exported: its traced calls.
        wish: what the node of a call should be called.
        upto: name of the node to end in; None for the module's output. What lies behind it is not looked at.

    Raises:
        UnsupportedOperator: if a call is not read; the message names it.
        TrainingMode: if a call is in training mode.
        UnknownNode: if there is no node to end in.
    """
    return _Translation(exported, wish, upto).network()


def survey(exported: Exported, wish: Callable[[fx.Node], str]) -> Survey:
    """Write all calls that are read, and list those that are not; arguments as for `translate`."""
    return _Translation(exported, wish, None, keep=True).survey()


class _Translation:
    """One walk through the calls, in order."""

    def __init__(
        self, exported: Exported, wish: Callable[[fx.Node], str], upto: str | None, *, keep: bool = False
    ) -> None:
        self._exported = exported
        self._wish = wish
        self._unread: Unread[fx.Node] = Unread(upto, keep)
        self._draft = Draft()
        self._known: dict[fx.Node, Any] = {}
        self._sizes: set[fx.Node] = set()  # whose value is a size that depends on that of the batch
        self._steps: list[Step] = []
        self._places: dict[str, str] = {}
        self._batch = str(exported.entry.meta["val"].shape[0])

    def network(self) -> Network:
        found = self._walk()
        output = self._output() if found is None else found
        return self._draft.finish(output, self._source(self._draft.needed(output)))

    def survey(self) -> Survey:
        self._walk()
        unread = self._unread
        rows = unread.rows(self._draft, operator_name, self._taken, self._shape_if_fixed)
        signals = {node: value for node, value in self._known.items() if isinstance(value, Signal)}
        exits = self._exported.exits
        if not unread.errors and not any(node in signals for node in exits):
            self._output()
        reached = [signals[node] for node in exits if node in signals]
        return survey_of(self._draft, signals.values(), reached, rows, self._source, len(exits))

    def _source(self, names: set[str]) -> TorchProgram:
        """The traced module, able to compute the nodes of these names."""
        entry = self._exported.entry
        example = entry.meta["val"]
        used = {name for step in self._steps for name in step.references}
        return TorchProgram(
            steps=tuple(self._steps),
            constants={name: value for name, value in self._exported.constants.items() if name in used},
            places={name: place for name, place in self._places.items() if name in names},
            entry=entry.name,
            dtype=example.dtype,
            device=example.device,
        )

    def _walk(self) -> Signal | None:
        """Write all nodes that are needed, up to the one that is asked for; None where it is the output."""
        entry = self._exported.entry
        self._remember(entry, self._draft.begin(tuple(entry.meta["val"].shape[1:])))
        for node in self._exported.needed:
            if node.op == "placeholder":
                self._known.setdefault(node, self._exported.constants.get(node.name))
            else:
                wish = self._wish(node)
                self._unread.attempt(
                    node,
                    wish,
                    node.all_input_nodes,
                    lambda node=node, wish=wish: self._read(node, wish),
                    lambda node=node, wish=wish: self._refused(node, wish),
                )
            found = self._unread.found(self._draft)
            if found is not None:
                return found
        if self._unread.upto is not None:
            for node, known in self._known.items():
                if isinstance(known, Moved) and self._wish(node) == self._unread.upto:
                    raise known.refusal
            raise self._unread.missing(self._draft)
        return None

    def _output(self) -> Signal:
        (exit_,) = self._exported.exits
        output = self._known[exit_]
        if isinstance(output, Moved):
            raise output.refusal
        if not isinstance(output, Signal):
            raise UnsupportedOperator(
                "the module's output does not depend on its input; there is nothing to ask about."
            )
        return output

    def _taken(self, node: fx.Node) -> list[fx.Node | str]:
        """What a node takes that depends on the input: nodes that were not read, and names of those that were."""
        found: list[fx.Node | str] = []
        for each in node.all_input_nodes:
            known = self._known.get(each)
            if isinstance(known, Signal) or each in self._unread.errors:
                found.append(known.node if isinstance(known, Signal) else each)
        return found

    def _refused(self, node: fx.Node, name: str) -> UnsupportedOperator | None:
        """The error for a call that no line of the registry reads, whatever it is given."""
        function = operator_name(node)
        if function in OPERATORS or function in _FILLS or isinstance(node.meta.get("val"), torch.SymInt):
            return None
        signals = [self._known.get(each) for each in node.all_input_nodes]
        return refusal(Place(self._draft, name, (), torch.float32, torch.float32, before=before(signals)), function)

    def _shape_if_fixed(self, node: fx.Node) -> Shape | None:
        try:
            return self._sample_shape(node, "")
        except (UnsupportedOperator, AttributeError):  # it mixes samples, or gives something else than a tensor
            return None

    def _read(self, node: fx.Node, name: str) -> None:
        inputs = [self._known.get(source) for source in node.all_input_nodes]
        value = node.meta.get("val")
        if isinstance(value, torch.SymInt) or operator_name(node) == "sym_size":
            self._sizes.add(node)
        elif any(map(_is_computed, inputs)) and operator_name(node) not in _FILLS:
            moved = self._moved(node, name) if operator_name(node) in {*MOVES, "getitem"} else None
            self._remember(node, self._handled(node, name) if moved is None else moved)
        else:
            self._known[node] = self._constant(node, name)
        self._steps.append(_step(node))

    def _moved(self, node: fx.Node, name: str) -> Any:
        """What a call that only moves numbers gives, where it moves the batch axis, or that was moved; else None."""
        sources = [each for each in node.all_input_nodes if each not in self._sizes]
        if len(sources) != 1:
            return None
        known = self._known.get(sources[0])
        if isinstance(known, tuple):
            return known[node.args[1]] if any(isinstance(each, Moved) for each in known) else None  # pyright: ignore[reportArgumentType, reportCallIssue]
        if isinstance(known, Signal):
            try:
                self._sample_shape(node, name)
            except UnsupportedOperator as error:
                refusal = error
            else:
                return None
            size = math.prod(known.shape)
            known = Moved(known, {n: in_front(known, size, n) for n in SIZES}, refusal)
        assert isinstance(known, Moved)
        try:
            places = {n: self._call(node, n, lambda _, held=held: held) for n, held in known.places.items()}
        except Exception as error:  # a view that is one for some sizes of a batch only
            raise known.refusal from error
        at = Place(self._draft, name, (), torch.float32, torch.float32, before=before([known.signal]))
        several = [each if isinstance(each, (tuple, list)) else None for each in places.values()]
        if several[0] is None:
            return self._back(at, known, places)
        if len({len(each or ()) for each in several}) > 1:
            raise known.refusal
        parts = ({n: each[k] for n, each in places.items()} for k in range(len(several[0])))
        return tuple(self._back(at.part(str(k)), known, part) for k, part in enumerate(parts))

    def _back(self, at: Place, moved: Moved, places: dict[int, Tensor]) -> Signal | Moved:
        """The numbers at these places: written, where the batch axis is in front."""
        found = coordinates(places, math.prod(moved.signal.shape))
        if found is None:
            return Moved(moved.signal, places, moved.refusal)
        return moving.pick(at, moved.signal, found.numpy())

    def _handled(self, node: fx.Node, name: str) -> Signal | tuple[Signal, ...]:
        signals = [self._known.get(source) for source in node.all_input_nodes]
        for each in signals:
            if isinstance(each, Moved):
                raise each.refusal
        place = Place(
            draft=self._draft,
            wish=name,
            shape=self._sample_shape(node, name),
            dtype=_tensor(node.meta["val"]).dtype,
            entering=next(
                (_tensor(source.meta["val"]).dtype for source in node.all_input_nodes if source not in self._sizes),
                torch.float32,
            ),
            before=before(signals),
            call=lambda batch: self._call(node, SIZES[0], lambda source: self._instead(source, batch)),
        )
        handler = OPERATORS.get(operator_name(node))
        if handler is None:
            raise refusal(place, operator_name(node))
        try:
            return handler(place, **self._arguments(node))
        except UnreluError:
            raise
        except Exception as error:  # forms of arguments that nobody thought of, whatever comes of them
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise place.unread(f"is {operator_name(node)} in a form that is not read ({said})") from error

    def _arguments(self, node: fx.Node) -> dict[str, Any]:
        """Arguments by the names of the schema, defaults filled in, nodes replaced by what is known of them."""
        schema = getattr(node.target, "_schema", None)
        if schema is None:  # Python's own getitem
            return {"x": self._known[node.args[0]], "index": node.args[1]}  # pyright: ignore[reportArgumentType]
        arguments: dict[str, Any] = {}
        for position, argument in enumerate(schema.arguments):
            given = node.args[position] if position < len(node.args) else node.kwargs.get(argument.name)
            if position >= len(node.args) and argument.name not in node.kwargs:
                given = argument.default_value
            arguments["x" if argument.name in ("self", "input") else argument.name] = map_arg(
                given, lambda source: self._known.get(source, source)
            )
        return arguments

    def _sample_shape(self, node: fx.Node, name: str) -> Shape:
        shape = tuple(_tensor(node.meta["val"]).shape)
        sizes = [size for size in shape[1:] if isinstance(size, int)]
        if any(str(size).startswith("u") for size in shape):
            raise UnsupportedOperator(
                f"node {name!r} gives as many numbers as a mask or a tensor of counts says, which torch.export does "
                "not know; pick by constant indices instead."
            )
        if not shape or str(shape[0]) != self._batch or len(sizes) < len(shape) - 1:
            shown = ", ".join(
                "n" if str(size) == self._batch else str(size).replace(self._batch, "n") for size in shape
            )
            raise UnsupportedOperator(
                f"node {name!r} mixes the samples of a batch: for n samples it gives the shape ({shown}); "
                "keep dimension 0 for the batch (write x.flatten(1), not x.flatten())."
            )
        return tuple(sizes)

    def _constant(self, node: fx.Node, name: str) -> Any:
        """A value that does not depend on the input, computed with the module's own operators."""
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise UnsupportedOperator(f"node {name!r} draws random numbers; replace them by a buffer of the module.")
        compute = lambda n: self._call(node, n, lambda source: self._placeheld(source, n))  # noqa: E731
        meta = node.meta.get("val")
        if not any(is_sized(each) for each in (meta, *(source.meta.get("val") for source in node.all_input_nodes))):
            return compute(SIZES[0])
        return one_sample(compute, meta, name)

    def _call(self, node: fx.Node, n: int, known: Callable[[fx.Node], Any]) -> Any:
        """The call itself for a batch of n."""
        target: Any = node.target
        arguments, keywords = arguments_at(node, n, known)
        with torch.no_grad():
            return target(*arguments, **keywords)

    def _placeheld(self, source: fx.Node, n: int) -> Any:
        """What is known of a node; of a signal, of which but the shape is asked, zeros."""
        known = self._known.get(source)
        if not _is_computed(known):
            return known
        value = _tensor(source.meta["val"])
        return torch.zeros(1, dtype=value.dtype).expand([size_at(size, n) for size in value.shape])

    def _instead(self, source: fx.Node, batch: Tensor) -> Any:
        known = self._known.get(source)
        return batch if isinstance(known, Signal) else known

    def _remember(self, node: fx.Node, signal: Signal | Moved | tuple[Signal | Moved, ...]) -> None:
        self._known[node] = signal
        if not isinstance(signal, Signal):  # its results are taken one by one
            return
        # Of several calls that give the same node (a dropout after a ReLU), the first is its own.
        self._places.setdefault(signal.node, node.name)


def _is_computed(value: Any) -> bool:
    """Whether it depends on the input."""
    several = value if isinstance(value, (tuple, list)) else (value,)
    return any(isinstance(each, (Signal, Moved)) for each in several)


def _tensor(value: Any) -> Tensor:
    return value[0] if isinstance(value, (tuple, list)) else value


def _step(node: fx.Node) -> Step:
    target: Any = node.target
    name = str(target) if hasattr(target, "_schema") else f"operator.{target.__name__}"
    refer: Any = lambda source: Reference(source.name)  # noqa: E731 -- PyTorch's types know no arguments but its own
    arguments, keywords = map_arg((node.args, dict(node.kwargs)), refer)
    return Step(node.name, name, tuple(arguments), dict(keywords))
