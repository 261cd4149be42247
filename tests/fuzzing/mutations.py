"""Changes of bytes, of JSON and of ONNX models, each drawn from a seeded source of chance."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from onnx import AttributeProto, helper, numpy_helper

NUMBERS = [0, 1, -1, 2, 127, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, -(2**63)]

TEXTS = [
    "",
    "x",
    "\x00",
    "\x1b[2J\n",
    "\u202e",
    "é" * 300,
    "../../x",
    "$\\frac{$",
    "a" * 70_000,
    "<b>&amp;",
    "input",
    "Relu",
]

VALUES: list[Any] = [
    *NUMBERS,
    *TEXTS,
    None,
    True,
    False,
    0.5,
    -0.0,
    5e-324,
    1e308,
    [],
    {},
    [[]] * 9,
    [None],
    {"": None},
    10**400,
    float("nan"),
    float("inf"),
    "\ud800",
]


def changed_bytes(content: bytes, chance: Random) -> bytes:
    """One to four changes of bytes."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        length = chance.choice([1, 1, 2, 4, 8, 64])
        what = chance.randrange(6)
        if what == 0 and changed:
            changed[place % len(changed)] ^= 1 << chance.randrange(8)
        elif what == 1:
            del changed[place : place + length]
        elif what == 2:
            changed[place:place] = chance.randbytes(length)
        elif what == 3:
            changed[place : place + length] = changed[place // 2 : place // 2 + length]
        elif what == 4:
            changed[place : place + 8] = (chance.choice(NUMBERS) % 2**64).to_bytes(8, "little")
        else:
            del changed[place:]
    return bytes(changed)


def changed_json(record: Any, chance: Random) -> Any:
    """One part of a value exchanged for another, taken out or put in."""
    paths = list(_paths(record))
    path = chance.choice(paths)
    if not path:
        return chance.choice(VALUES)
    parent = record
    for step in path[:-1]:
        parent = parent[step]
    what = chance.randrange(4)
    if what == 0:
        del parent[path[-1]]
    elif what == 1 and isinstance(parent, dict):
        parent[chance.choice(TEXTS)] = parent[path[-1]]
    elif what == 2 and isinstance(parent, list):
        parent.insert(path[-1], chance.choice(VALUES))
    else:
        parent[path[-1]] = chance.choice(VALUES)
    return record


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _paths(each, (*path, key))


def changed_model(model: Any, chance: Random) -> None:
    """One to three changes of an ONNX model: nodes, attributes, weights, the input."""
    for _ in range(chance.randint(1, 3)):
        chance.choice(
            [_change_node, _change_node, _change_attribute, _change_attribute, _change_weight, _change_input]
        )(model.graph, chance)


_FUNCTIONS = (
    "Relu Concat Gather Slice Reshape Transpose Squeeze Unsqueeze Cast Pad Flatten Shape Neg Sqrt Reciprocal Add Sub"
)
_FUNCTIONS += (
    " Mul Div MatMul Gemm Conv MaxPool AveragePool GlobalMaxPool ReduceMean Clip Max Identity ConstantOfShape Dropout"
)


def _change_node(graph: Any, chance: Random) -> None:
    if not graph.node:
        return
    node = chance.choice(graph.node)
    names = [
        *(name for each in graph.node for name in each.output),
        *(each.name for each in graph.initializer),
        "x",
        "",
    ]
    what = chance.randrange(6)
    if what == 0:
        node.op_type = chance.choice(_FUNCTIONS.split())
    elif what == 1 and node.input:
        node.input[chance.randrange(len(node.input))] = chance.choice(names)
    elif what == 2:
        node.input.append(chance.choice(names))
    elif what == 3:
        node.name = chance.choice(TEXTS[:-4])
    elif what == 4:
        graph.node.insert(chance.randrange(len(graph.node)), node)
    elif node.input:
        del node.input[-1]


def _change_attribute(graph: Any, chance: Random) -> None:
    node = chance.choice(graph.node) if graph.node else None
    if node is None:
        return
    known = [*(each.name for each in node.attribute), "axis", "perm", "alpha", "kernel_shape", "strides", "pads"]
    known += ["dilations", "group", "to", "axes", "starts", "ends", "mode", "value", "epsilon", "auto_pad", "ceil_mode"]
    name = chance.choice(known)
    kept = [each for each in node.attribute if each.name != name]
    values: list[Any] = [
        chance.choice(NUMBERS),
        [chance.choice(NUMBERS) for _ in range(chance.randrange(1, 5))],
        0.5,
        "x",
    ]
    values += [[0.5], [chance.randrange(4) for _ in range(chance.randrange(1, 7))], np.float32(3), b"\xff"]
    value = chance.choice(values)
    made = helper.make_attribute(name, float(value) if isinstance(value, np.floating) else value)
    if chance.random() < 0.1:
        made = AttributeProto(name=name, type=AttributeProto.TENSOR, t=numpy_helper.from_array(np.zeros((2, 0))))
    del node.attribute[:]
    node.attribute.extend([*kept, made])


def _change_weight(graph: Any, chance: Random) -> None:
    if not graph.initializer:
        return
    weight = chance.choice(graph.initializer)
    what = chance.randrange(5)
    if what == 0 and weight.dims:
        weight.dims[chance.randrange(len(weight.dims))] = chance.choice(NUMBERS)
    elif what == 1:
        weight.data_type = chance.randrange(24)
    elif what == 2:
        weight.raw_data = changed_bytes(weight.raw_data, chance)
    elif what == 3:
        kind = chance.choice([np.int64, np.float64, np.float32, np.bool_, np.float16])
        shape = tuple(chance.randrange(4) for _ in range(chance.randrange(4)))
        values = np.array([chance.choice(NUMBERS) for _ in range(int(np.prod(shape)))], dtype=object).reshape(shape)
        with np.errstate(all="ignore"):
            weight.CopyFrom(numpy_helper.from_array(values.astype(float).astype(kind), weight.name))
    else:
        del weight.dims[:]


def _change_input(graph: Any, chance: Random) -> None:
    shape = graph.input[0].type.tensor_type.shape if graph.input else None
    if shape is None or not shape.dim:
        return
    what = chance.randrange(3)
    if what == 0:
        shape.dim[chance.randrange(len(shape.dim))].dim_value = chance.choice(NUMBERS)
    elif what == 1:
        del shape.dim[-1]
    else:
        graph.input[0].type.tensor_type.elem_type = chance.randrange(17)
