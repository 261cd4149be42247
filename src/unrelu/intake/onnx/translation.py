"""From the nodes of an ONNX graph to the nodes of a network."""

from __future__ import annotations

import inspect

from unrelu.errors import ModelFileError, UnreluError, UnsupportedOperator
from unrelu.intake.draft import Draft, Signal, before
from unrelu.intake.onnx.allowance import Allowance
from unrelu.intake.onnx.constants import FOLDS, fold_constant
from unrelu.intake.onnx.evaluation import OnnxProgram
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.intake.onnx.place import Place, Value
from unrelu.intake.onnx.registry import OPERATORS
from unrelu.intake.refusals import refusal
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
    draft, unread = Draft(), Unread[str](upto)
    batch = PROBE if model.batch is None else model.batch
    entry = draft.begin(model.shape)
    known: dict[str, Value] = {**model.weights, model.entry: entry}
    places = {entry.node: model.entry}
    tensors: set[str] = set()
    allowance = Allowance.of_file(len(model.serialized))

    def read(node: OnnxNode) -> None:
        operands = _operands(model, node, known)
        value = _value(node, Place(draft, node.name, node, model, batch, allowance, before=before(operands)), operands)
        if node.outputs[0] in known:
            raise ModelFileError(f"two nodes give {node.outputs[0]!r}; export the model again.")
        known[node.outputs[0]] = value
        tensors.add(node.outputs[0])
        if isinstance(value, Signal):
            places.setdefault(value.node, node.outputs[0])

    result: Value | None = unread.found(draft)
    for node in _needed(model):
        if result is None:
            unread.attempt(node.outputs[0], node.name, node.inputs, lambda node=node: read(node))
            result = unread.found(draft)
    if upto is not None and result is None:
        raise unread.missing(draft)
    result = known.get(model.exits[0]) if result is None else result
    if not isinstance(result, Signal):
        raise ModelFileError(f"the output {model.exits[0]!r} does not depend on the input; export the model again.")
    needed = draft.needed(result)
    kept = {name: tensor for name, tensor in places.items() if name in needed}
    return draft.finish(result, OnnxProgram(model, kept, tensors))


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
