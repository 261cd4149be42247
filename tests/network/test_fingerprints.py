"""Names for networks: two that differ in anything that is computed have different ones."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unrelu.operators
from unrelu.network.fingerprints import array_sha256, json_sha256, weights_sha256
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Convolution, Dense, Operator, ReLU
from unrelu.operators.local_map import LocalMap
from unrelu.operators.selected_map import SelectedMap

for _found in pkgutil.iter_modules(unrelu.operators.__path__, "unrelu.operators."):
    importlib.import_module(_found.name)


def _subclasses(base: type) -> Iterator[type]:
    for each in base.__subclasses__():
        yield each
        yield from _subclasses(each)


OPERATORS = sorted(
    {
        each
        for each in _subclasses(Operator)
        if each.__module__.startswith("unrelu.")
        and not inspect.isabstract(each)
        and each not in (SelectedMap, LocalMap)
    },
    key=lambda each: each.__name__,
)
"""Every operator that there is, whoever wrote it last; `SelectedMap` and `LocalMap` are what others are at a point."""


def value_of(kind: Any) -> Any:
    """Some value of an annotated kind; a new kind needs a line here and in `changes`."""
    if kind is Tensor:
        return torch.tensor([[0.5, -1.0, 3.0], [0.25, 0.0, 7.0]], dtype=torch.float64)
    if kind in (int, float, bool, str):
        return {int: 2, float: 1e-5, bool: False, str: "reflect"}[kind]
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        return (value_of(inner[0]),) * 2 if inner[1:] == (...,) else tuple(map(value_of, inner))
    raise AssertionError(f"no value of the kind {kind} is known")


def changes(value: Any) -> Iterator[Any]:
    """Values that differ from one as little as may be."""
    if isinstance(value, Tensor):
        for place in range(value.numel()):
            other = value.clone()
            other.view(-1)[place] = np.nextafter(float(other.view(-1)[place]), 9.0)
            yield other
        yield value.T.contiguous()
        yield value.reshape(-1)
        yield value[None]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield -value
        yield bool(value)
        yield float(value)
    elif isinstance(value, float):
        yield float(np.nextafter(value, 9.0))
        yield np.inf
    elif isinstance(value, str):
        yield f"{value} "
    else:
        assert isinstance(value, tuple)
        yield value[:-1]
        yield (*value, value[-1])
        for place, each in enumerate(value):
            for other in changes(each):
                yield (*value[:place], other, *value[place + 1 :])


def network_of(operator: Operator, **changed: Any) -> Network:
    """A network with that operator, whether it fits or not: what is asked is its name only."""
    made = object.__new__(Network)
    node = Node("node", operator, ("input",), (2, 3))
    for name, value in {"nodes": (node,), "outputs": ("node",), "source": None, "bypassed_by": (), **changed}.items():
        object.__setattr__(made, name, value)
    return made


def example(kind: type) -> Operator:
    hints = get_type_hints(kind)
    return kind(**{field.name: value_of(hints[field.name]) for field in fields(kind)})


@pytest.mark.parametrize("kind", OPERATORS, ids=lambda kind: kind.__name__)
def test_every_field_of_every_operator_counts(kind: type) -> None:
    operator = example(kind)
    name = weights_sha256(network_of(operator))
    assert name == weights_sha256(network_of(example(kind)))
    seen = {name}
    for field in fields(operator):
        several = list(changes(getattr(operator, field.name)))
        assert several
        names = {weights_sha256(network_of(replace(operator, **{field.name: other}))) for other in several}
        assert len(names) == len(several), field.name
        assert not names & seen
        seen |= names


def test_all_operators_are_drawn() -> None:
    named = {each for each in unrelu.operators.__all__ if each not in ("AffineOperator", "Operator", "Shape")}
    assert named <= {each.__name__ for each in OPERATORS}


def test_operators_of_the_same_fields_differ_by_what_they_are() -> None:
    names = [weights_sha256(network_of(example(kind))) for kind in OPERATORS]
    assert len(set(names)) == len(names)


def test_every_field_of_a_node_and_of_the_graph_counts_but_what_computes_nothing() -> None:
    base = network_of(ReLU())
    node = base.nodes[0]
    others: dict[str, Any] = {
        "name": "other",
        "operator": example(Dense),
        "inputs": ("input", "input"),
        "shape": (3, 2),
    }
    assert set(others) == {field.name for field in fields(Node)}
    names = {
        weights_sha256(network_of(ReLU(), nodes=(replace(node, **{key: value}),))) for key, value in others.items()
    }
    names |= {
        weights_sha256(network_of(ReLU(), nodes=(node, node))),
        weights_sha256(network_of(ReLU(), outputs=("a",))),
    }
    assert len(names | {weights_sha256(base)}) == 7
    # The model it was read from, a head of it that was cut off, and nodes of a larger network that pass a prefix by,
    # change nothing that is computed.
    silent: dict[str, Any] = {"source": object(), "bypassed_by": ("node",), "head": "softmax", "whole": object()}
    assert {*silent, "nodes", "outputs", "_index"} == {field.name for field in fields(Network)}
    for key, value in silent.items():
        assert weights_sha256(network_of(ReLU(), **{key: value})) == weights_sha256(base)


def test_the_dtype_and_the_layout_of_the_same_numbers_do_not_count() -> None:
    weight, bias = torch.arange(6.0).reshape(2, 3), torch.zeros(2)
    name = weights_sha256(network_of(Dense(weight.double(), bias.double())))
    assert weights_sha256(network_of(Dense(weight, bias))) == name
    assert weights_sha256(network_of(Dense(weight.T.contiguous().T, bias.requires_grad_()))) == name


def test_a_field_of_a_kind_without_a_rule_is_an_error_and_not_left_out() -> None:
    @dataclass(frozen=True, eq=False)
    class Odd(ReLU):
        what: object = None

    with pytest.raises(TypeError, match="no rule for how a set counts"):
        weights_sha256(network_of(Odd({1})))


def _convolutional(epsilon: float, mode: str) -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, padding_mode=mode),  # pyright: ignore[reportArgumentType]
        nn.BatchNorm2d(2, eps=epsilon),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(72, 3),
    )
    return Network.from_torch(module.eval(), torch.zeros(1, 1, 6, 6))


def test_networks_that_differ_in_epsilon_or_in_the_way_they_pad() -> None:
    nets = [_convolutional(*each) for each in ((1e-5, "reflect"), (0.5, "reflect"), (1e-5, "replicate"))]
    assert len({weights_sha256(net) for net in nets}) == 3
    assert weights_sha256(nets[0]) == weights_sha256(_convolutional(1e-5, "reflect"))


def test_a_filter_is_not_its_padding() -> None:
    weight, bias = torch.ones(1, 1, 3, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    plain = Convolution(weight, bias, (1, 1), ((0, 0), (0, 0)), (1, 1))
    assert weights_sha256(network_of(plain)) != weights_sha256(network_of(replace(plain, padding=((0, 0), (0, 1)))))


def test_names_of_arrays_know_their_shape_and_every_bit() -> None:
    values = np.array([[0.0, 0.1]])
    names = {array_sha256(each) for each in (values, values.T, values + 1e-17, -values, np.nextafter(values, 1))}
    assert len(names) == 5
    assert json_sha256({"a": 1, "b": 2}) == json_sha256({"b": 2, "a": 1})
