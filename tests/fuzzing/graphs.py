"""Graphs of ONNX models spliced: changes that a random byte hardly ever makes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from onnx import NodeProto, TensorProto, helper

NUMBERS = [0, 1, 2, 3, -1, -2, 5, 2**31, 2**62, -(2**63)]

PLACES = ["w.bin", "gone.bin", "../w.bin", "/dev/zero", "/proc/self/mem", "link", ".", "", "m.onnx", "w.bin/x"]
"""Where a weight that is moved out of the file may say that it is."""


def spliced(models: list[bytes], parse: Callable[[bytes], Any], chance: Random) -> Any:
    """One model, or one with the nodes of another somewhere in between, with up to four changes.

    Args:
        models: sound ones, serialized.
        parse: from bytes to a ModelProto.
        chance: that all is drawn from.
    """
    model = parse(chance.choice(models))
    if chance.random() < 0.3:
        _insert(model.graph, parse(chance.choice(models)).graph, chance)
    for _ in range(chance.randrange(5)):
        chance.choice(CHANGES)(model, chance)
    return model


def _insert(graph: Any, other: Any, chance: Random) -> None:
    """Put a graph between a tensor and what takes it."""
    names = {each for node in other.node for each in (*node.input, *node.output)} - {""}
    renamed = {name: f"other {name}" for name in names}
    taken = chance.choice(_tensors(graph))
    renamed[other.input[0].name] = taken
    for node in other.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for weight in other.initializer:
        weight.name = renamed.get(weight.name, weight.name)
    last = other.node[-1].output[0] if other.node else taken
    place = chance.randrange(len(graph.node) + 1)
    for node in graph.node[place:]:
        node.input[:] = [last if name == taken and chance.random() < 0.7 else name for name in node.input]
    nodes = [*graph.node[:place], *other.node, *graph.node[place:]]
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(other.initializer)


def _tensors(graph: Any) -> list[str]:
    nodes = [name for node in graph.node for name in (*node.input, *node.output)]
    return [*nodes, *(weight.name for weight in graph.initializer), graph.input[0].name if graph.input else "x"]


def _rewire(model: Any, chance: Random) -> None:
    node = chance.choice(model.graph.node)
    if node.input:
        node.input[chance.randrange(len(node.input))] = chance.choice(_tensors(model.graph))


def _exchange_attributes(model: Any, chance: Random) -> None:
    one, other = (chance.choice(model.graph.node) for _ in range(2))
    mine, theirs = ([type(each).FromString(each.SerializeToString()) for each in n.attribute] for n in (one, other))
    for node, attributes in ((one, theirs), (other, mine)):
        del node.attribute[:]
        node.attribute.extend(attributes)


def _exchange_operators(model: Any, chance: Random) -> None:
    one, other = (chance.choice(model.graph.node) for _ in range(2))
    one.op_type, other.op_type = other.op_type, one.op_type


def _exchange_weights(model: Any, chance: Random) -> None:
    if model.graph.initializer:
        one, other = (chance.choice(model.graph.initializer) for _ in range(2))
        one.name, other.name = other.name, one.name


def _reshape_weight(model: Any, chance: Random) -> None:
    if not model.graph.initializer:
        return
    weight = chance.choice(model.graph.initializer)
    what = chance.randrange(5)
    if what == 0:
        weight.data_type = chance.randrange(1, 24)
    elif what == 1:
        weight.dims.append(1)
    elif what == 2 and weight.dims:
        weight.dims[chance.randrange(len(weight.dims))] = chance.choice(NUMBERS)
    elif what == 3:
        weight.dims[:] = reversed(weight.dims)
    elif weight.data_type == TensorProto.INT64 and len(weight.raw_data) > 7:  # sizes and axes
        place = 8 * chance.randrange(len(weight.raw_data) // 8)
        number = chance.choice(NUMBERS).to_bytes(8, "little", signed=True)
        weight.raw_data = weight.raw_data[:place] + number + weight.raw_data[place + 8 :]


def _double_name(model: Any, chance: Random) -> None:
    graph = model.graph
    what = chance.randrange(5)
    node = chance.choice(graph.node)
    if what == 0:
        node.output[0] = chance.choice(_tensors(graph))
    elif what == 1 and graph.initializer:
        chance.choice(graph.initializer).name = chance.choice(_tensors(graph))
    elif what == 2:
        node.name = chance.choice(graph.node).name
    elif what == 3:
        node.output.append(chance.choice(_tensors(graph)))
    elif graph.input:
        graph.input.append(graph.input[0])


def _reorder(model: Any, chance: Random) -> None:
    nodes = list(model.graph.node)
    node = nodes.pop(chance.randrange(len(nodes)))
    if chance.random() < 0.5:
        nodes.insert(chance.randrange(len(nodes) + 1), node)
    if nodes:
        kept = [NodeProto.FromString(each.SerializeToString()) for each in nodes]
        del model.graph.node[:]
        model.graph.node.extend(kept)


def _change_ends(model: Any, chance: Random) -> None:
    graph = model.graph
    what = chance.randrange(4)
    if what == 0 and graph.output:
        graph.output[0].name = chance.choice(_tensors(graph))
    elif what == 1:
        graph.output.append(helper.make_tensor_value_info(chance.choice(_tensors(graph)), TensorProto.FLOAT, None))
    elif graph.input:
        shape = graph.input[0].type.tensor_type.shape
        if what == 2:
            sizes = [each.dim_value for each in shape.dim]
            chance.shuffle(sizes)
            for each, size in zip(shape.dim, sizes, strict=True):
                each.dim_value = size
        else:
            for each in shape.dim[:1]:
                each.dim_value = chance.choice([1, 1, 1, 2, 7919])


def _change_version(model: Any, chance: Random) -> None:
    for each in model.opset_import:
        each.version = chance.choice([*range(1, 30), 2**40])
    if chance.random() < 0.2:
        chance.choice(model.graph.node).domain = chance.choice(["", "ai.onnx", "ai.onnx.ml", "com.microsoft", "\x00"])


def _change_number(model: Any, chance: Random) -> None:
    attributes = [each for node in model.graph.node for each in node.attribute]
    if not attributes:
        return
    attribute = chance.choice(attributes)
    if attribute.ints:
        attribute.ints[chance.randrange(len(attribute.ints))] = chance.choice(NUMBERS)
    else:
        attribute.i = chance.choice(NUMBERS)
        attribute.f = chance.choice([0.0, -1.0, 1e38, float("nan"), float("inf"), 1e-38])


def _move_outside(model: Any, chance: Random) -> None:
    if not model.graph.initializer:
        return
    weight = chance.choice(model.graph.initializer)
    fields = {"location": "w.bin" if chance.random() < 0.5 else chance.choice(PLACES)}
    if chance.random() < 0.5:
        fields["offset"] = str(chance.choice([0, 0, 4, 4096, *NUMBERS]))
    if chance.random() < 0.5:
        fields["length"] = str(chance.choice([len(weight.raw_data), len(weight.raw_data), *NUMBERS]))
    for key, value in fields.items():
        weight.external_data.add(key=key, value=value)
    weight.data_location = TensorProto.EXTERNAL
    if chance.random() < 0.8:
        weight.ClearField("raw_data")


CHANGES = [
    _rewire,
    _rewire,
    _exchange_attributes,
    _exchange_operators,
    _exchange_weights,
    _reshape_weight,
    _reshape_weight,
    _double_name,
    _reorder,
    _change_ends,
    _change_version,
    _change_number,
    _change_number,
    _move_outside,
]
