"""From the nodes of an ONNX graph to the nodes of a network."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from unrelu.errors import ModelFileError, UnreluError, UnsupportedOperator
from unrelu.intake.draft import Draft, Signal, before
from unrelu.intake.onnx.allowance import Allowance
from unrelu.intake.onnx.constants import FOLDS, fold_constant
from unrelu.intake.onnx.evaluation import OnnxProgram
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.intake.onnx.place import Place, Value
from unrelu.intake.onnx.registry import OPERATORS
from unrelu.intake.refusals import refusal
from unrelu.intake.survey import Survey, survey_of
from unrelu.intake.unread import Unread
from unrelu.network.graph import Network
from unrelu.untrusted.printable import printable

PROBE = 7919
"""Stands for the free size of a batch where a graph computes with sizes (Shape, Gather, Concat, Reshape).

A prime, so that no size of a sample is taken for it by accident; and if one were, the comparison with the
reference evaluator, which runs other batches, would fail.
"""


def translate(model: OnnxModel, upto: str | None = None) -> Network:
    """Write the network that the graph is.

    Args:
        model: the graph.
        upto: name of the node to end in; None for the output. What lies behind it is not looked at.

    Raises:
        UnsupportedOperator: if a node is not read; the message names it.
        ModelFileError: if the graph is not complete.
        UnknownNode: if there is no node to end in.
    """
    return _Translation(model, Unread[str](upto)).network()


def survey(model: OnnxModel) -> Survey:
    """Write all nodes that are read, and list those that are not.

    Raises:
        ModelFileError: if no output depends on the input.
    """
    return _Translation(model, Unread[str](None, keep=True)).survey()


class _Translation:
    """One walk through the nodes, in order; what is not read is known by the name of its first result."""

    def __init__(self, model: OnnxModel, unread: Unread[str]) -> None:
        self._model, self._unread, self._draft = model, unread, Draft()
        self._batch = PROBE if model.batch is None else model.batch
        entry = self._draft.begin(model.shape)
        self._known: dict[str, Value] = {**model.weights, model.entry: entry}
        self._places = {entry.node: model.entry}
        self._tensors: set[str] = set()
        self._allowance = Allowance.of_file(len(model.serialized))

    def network(self) -> Network:
        unread, draft = self._unread, self._draft
        result: Value | None = self._walk()
        if unread.upto is not None and result is None:
            raise unread.missing(draft)
        result = self._known.get(self._model.exits[0]) if result is None else result
        if not isinstance(result, Signal):
            raise self._constant(self._model.exits[0])
        return draft.finish(result, self._source(draft.needed(result)))

    def survey(self) -> Survey:
        self._walk()
        nodes = {node.outputs[0]: node for node in self._model.nodes}
        unread, known, exits = self._unread, self._known, self._model.exits
        rows = unread.rows(
            self._draft, lambda key: nodes[key].function, lambda key: self._taken(nodes[key]), lambda key: None
        )
        reached = [value for value in (known.get(name) for name in exits) if isinstance(value, Signal)]
        if not unread.errors and not reached:
            raise self._constant(exits[0])
        signals = [value for value in known.values() if isinstance(value, Signal)]
        return survey_of(self._draft, signals, reached, rows, self._source, len(exits))

    def _source(self, names: set[str]) -> OnnxProgram:
        """The model, able to compute the nodes of these names."""
        kept = {name: tensor for name, tensor in self._places.items() if name in names}
        return OnnxProgram(self._model, kept, self._tensors)

    def _walk(self) -> Signal | None:
        """Write all nodes that are needed, up to the one that is asked for; None where it is the output."""
        unread, draft = self._unread, self._draft
        result = unread.found(draft)
        for node in _needed(self._model):
            if result is None:
                unread.attempt(
                    node.outputs[0],
                    node.name,
                    node.inputs,
                    lambda node=node: self._read(node),
                    lambda node=node: self._refused(node),
                )
                result = unread.found(draft)
        return result

    def _read(self, node: OnnxNode) -> None:
        model, known = self._model, self._known
        operands = _operands(model, node, known)
        value = _value(node, self._place(node, operands), operands)
        if node.outputs[0] in known:
            raise ModelFileError(f"two nodes give {node.outputs[0]!r}; export the model again.")
        known[node.outputs[0]] = value
        self._tensors.add(node.outputs[0])
        if isinstance(value, Signal):
            self._places.setdefault(value.node, node.outputs[0])

    def _place(self, node: OnnxNode, operands: Iterable[Value | None]) -> Place:
        taken = before(operands)
        return Place(self._draft, node.name, node, self._model, self._batch, self._allowance, before=taken)

    def _refused(self, node: OnnxNode) -> UnsupportedOperator | None:
        """The error for a node that no line of the registry reads, whatever it is given."""
        if node.function in OPERATORS or node.function in FOLDS:
            return None
        return refusal(self._place(node, map(self._known.get, node.inputs)), node.function)

    def _taken(self, node: OnnxNode) -> list[str]:
        """What a node takes that depends on the input: tensors that were not read, and names of nodes that were."""
        found: list[str] = []
        for each in node.inputs:
            known = self._known.get(each)
            if isinstance(known, Signal) or each in self._unread.errors:
                found.append(known.node if isinstance(known, Signal) else each)
        return found

    def _constant(self, name: str) -> ModelFileError:
        return ModelFileError(f"the output {name!r} does not depend on the input; export the model again.")


def _needed(model: OnnxModel) -> list[OnnxNode]:
    wanted, needed = set(model.exits), []
    for node in reversed(model.nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def _operands(model: OnnxModel, node: OnnxNode, known: dict[str, Value]) -> list[Value | None]:
    for name in node.inputs:
        if name and name not in known:
            giver = next((each for each in model.nodes if name in each.outputs[1:] and each.outputs[0] in known), None)
            if giver is not None:
                raise UnsupportedOperator(
                    f"node {node.name!r} takes a later result of node {giver.name!r}, of which only the first is read; "
                    f"read the model up to that node (upto={giver.name!r})."
                )
            raise ModelFileError(
                f"node {node.name!r} takes {name!r}, which no node before it gives; export the model again."
            )
    return [known[name] if name else None for name in node.inputs]


def _value(node: OnnxNode, place: Place, operands: list[Value | None]) -> Value:
    if node.function == "Shape" or not any(isinstance(operand, Signal) for operand in operands):
        if node.function not in FOLDS:
            raise refusal(place, node.function)
        return fold_constant(place, operands)
    handler = OPERATORS.get(node.function)
    if handler is None:
        raise refusal(place, node.function)
    try:
        inspect.signature(handler).bind(place, *operands)
    except TypeError as error:
        raise UnsupportedOperator(
            f"node {node.name!r} ({node.function}) takes {len(operands)} inputs, another number than is read; "
            "export the model again."
        ) from error
    try:
        return handler(place, *operands)
    except UnreluError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        # An attribute of another kind than the operator has, a size beyond 64 bits: not worth a rule each.
        raise ModelFileError(
            f"node {node.name!r} ({node.function}) cannot be read: {printable(str(error))}; export the model again."
        ) from error
