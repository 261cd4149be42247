"""From the nodes of an ONNX graph to the nodes of a network."""

from __future__ import annotations

import inspect

from unrelu.errors import ModelFileError, UnreluError, UnsupportedOperator
from unrelu.intake.draft import Draft, Signal
from unrelu.intake.onnx.allowance import Allowance
from unrelu.intake.onnx.constants import FOLDS, fold_constant
from unrelu.intake.onnx.evaluation import OnnxProgram
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.intake.onnx.moving import HANDLERS
from unrelu.intake.onnx.place import Place, Value
from unrelu.intake.refusals import refusal
from unrelu.network.graph import Network
from unrelu.untrusted.printable import printable

PROBE = 7919
"""Stands for the free size of a batch where a graph computes with sizes (Shape, Gather, Concat, Reshape).

A prime, so that no size of a sample is taken for it by accident; and if one were, the comparison with the
reference evaluator, which runs other batches, would fail.
"""


def translate(model: OnnxModel) -> Network:
    """Write the network that the graph is.

    Raises:
        UnsupportedOperator: if a node is neither affine, a ReLU nor a max pooling; the message names it.
        ModelFileError: if the graph is not complete.
    """
    draft = Draft()
    batch = PROBE if model.batch is None else model.batch
    entry = draft.begin(model.shape)
    known: dict[str, Value] = {**model.weights, model.entry: entry}
    places = {entry.node: model.entry}
    needed = _needed(model)
    allowance = Allowance.of_file(len(model.serialized))
    for node in needed:
        value = _value(node, Place(draft, node, model, batch, allowance), known)
        if node.outputs[0] in known:
            raise ModelFileError(f"two nodes give {node.outputs[0]!r}; export the model again.")
        known[node.outputs[0]] = value
        if isinstance(value, Signal):
            places.setdefault(value.node, node.outputs[0])
    result = known.get(model.exit)
    if not isinstance(result, Signal):
        raise ModelFileError(f"the output {model.exit!r} does not depend on the input; export the model again.")
    return draft.finish(result, OnnxProgram(model, places, {node.outputs[0] for node in needed}))


def _needed(model: OnnxModel) -> list[OnnxNode]:
    wanted, needed = {model.exit}, []
    for node in reversed(model.nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def _value(node: OnnxNode, place: Place, known: dict[str, Value]) -> Value:
    operands: list[Value | None] = []
    for name in node.inputs:
        if name and name not in known:
            raise ModelFileError(
                f"node {node.name!r} takes {name!r}, which no node before it gives; export the model again."
            )
        operands.append(known[name] if name else None)
    if node.function == "Shape" or not any(isinstance(operand, Signal) for operand in operands):
        if node.function not in FOLDS:
            raise refusal(node.name, node.function)
        return fold_constant(place, operands)
    handler = HANDLERS.get(node.function)
    if handler is None:
        raise refusal(node.name, node.function)
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
