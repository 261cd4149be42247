"""From the nodes of an ONNX graph to the nodes of a network."""

from __future__ import annotations

from unrelu.intake.draft import Draft, Signal
from unrelu.intake.onnx.evaluation import OnnxProgram
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.intake.onnx.reading import Reading
from unrelu.intake.unread import Unread
from unrelu.network.graph import Network


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
    reading = Reading.begin(model, draft)
    result: Signal | None = unread.found(draft)
    for node in _needed(model):
        if result is None:
            unread.attempt(node.outputs[0], node.name, node.inputs, lambda node=node: reading.read(node))
            result = unread.found(draft)
    if upto is not None and result is None:
        named = reading.known[upto] if upto in reading.tensors else None
        if not isinstance(named, Signal):
            raise unread.errors.get(upto) or unread.missing(draft)
        result = named
    if result is None:
        result = reading.exit()
    needed = draft.needed(result)
    kept = {name: tensor for name, tensor in reading.places.items() if name in needed}
    last = model.exits[0] if upto is None else reading.places.get(result.node, upto)
    program = OnnxProgram(model, kept, reading.tensors, reading.batchless, reading.explicit, last)
    return draft.finish(result, program)


def _needed(model: OnnxModel) -> list[OnnxNode]:
    wanted, needed = set(model.exits), []
    for node in reversed(model.nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]
