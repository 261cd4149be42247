"""From the nodes of an ONNX graph to the nodes of a network."""

from __future__ import annotations

from unrelu.intake.draft import Draft, Signal
from unrelu.intake.onnx.evaluation import OnnxProgram
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.intake.onnx.reading import Reading
from unrelu.intake.survey import Survey, survey_of
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
    result = _walk(reading, unread)
    if upto is not None and result is None:
        named = reading.known[upto] if upto in reading.tensors else None
        if not isinstance(named, Signal):
            raise unread.errors.get(upto) or unread.missing(draft)
        result = named
    if result is None:
        result = reading.exit()
    last = model.exits[0] if upto is None else reading.places.get(result.node, upto)
    return draft.finish(result, _source(reading, draft.needed(result), last))


def survey(model: OnnxModel) -> Survey:
    """Write all nodes that are read, and list those that are not.

    Raises:
        ModelFileError: if no output depends on the input.
    """
    draft, unread = Draft(), Unread[str](None, keep=True)
    reading = Reading.begin(model, draft)
    _walk(reading, unread)
    nodes = {node.outputs[0]: node for node in model.nodes}
    first = _firsts(model)

    def taken(key: str) -> list[str]:
        """What a node takes that depends on the input: first results of what was not read, names of what was."""
        found: list[str] = []
        for each in nodes[key].inputs:
            known = reading.known.get(each)
            if isinstance(known, Signal):
                found.append(known.node)
            elif first.get(each) in unread.errors:
                found.append(first[each])
        return found

    rows = unread.rows(draft, lambda key: nodes[key].function, taken, lambda key: None)
    reached = [value for value in (reading.known.get(name) for name in model.exits) if isinstance(value, Signal)]
    if len(model.exits) == 1 and reached:
        reached = [reading.exit()]
    if not unread.errors and not reached:
        reading.exit()
    signals = [value for value in reading.known.values() if isinstance(value, Signal)]
    return survey_of(
        draft,
        [*signals, *reached],
        reached,
        rows,
        lambda names: _source(reading, names, model.exits[0]),
        len(model.exits),
        {name: value.node for name, value in reading.known.items() if isinstance(value, Signal)},
    )


def _walk(reading: Reading, unread: Unread[str]) -> Signal | None:
    """Write all nodes that are needed, up to the one that is asked for; None where it is the output."""
    first = _firsts(reading.model)
    result = unread.found(reading.draft)
    for node in _needed(reading.model):
        if result is None:
            inputs = [first.get(name, name) for name in node.inputs]
            unread.attempt(
                node.outputs[0],
                node.name,
                inputs,
                lambda node=node: reading.read(node),
                lambda node=node: reading.refused(node),
            )
            result = unread.found(reading.draft)
    return result


def _firsts(model: OnnxModel) -> dict[str, str]:
    """For each result of a node its first one, by which the node is known."""
    return {name: node.outputs[0] for node in model.nodes for name in node.outputs}


def _source(reading: Reading, names: set[str], last: str) -> OnnxProgram:
    """The model, able to compute the nodes of these names."""
    kept = {name: tensor for name, tensor in reading.places.items() if name in names}
    return OnnxProgram(reading.model, kept, reading.tensors, reading.batchless, reading.explicit, last)


def _needed(model: OnnxModel) -> list[OnnxNode]:
    wanted, needed = set(model.exits), []
    for node in reversed(model.nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]
