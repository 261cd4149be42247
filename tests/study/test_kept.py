"""Whose features metamers keep, and whether the network can still see the difference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from small_studies import branched_network, branched_study, dense_network, joined_network, large_network
from unrelu.errors import TooLarge
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Add, Dense, Input, ReLU
from unrelu.study.analyze import analyze
from unrelu.study.kept_layer import kept_layer
from unrelu.study.questions import Metamers, Verdicts


def of_nodes(edges: dict[str, tuple[str, ...]], *outputs: str) -> Network:
    """Sums of two, ReLUs of one where the name says so, else the identity."""
    shape = (2,)
    one = Dense(torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    nodes = [Node("input", Input(shape), (), shape)]
    for name, inputs in edges.items():
        operator = Add() if len(inputs) == 2 else ReLU() if name.startswith("relu") else one
        nodes.append(Node(name, operator, inputs, shape))
    return Network(tuple(nodes), outputs)


@pytest.mark.parametrize(
    ("edges", "outputs", "expected"),
    [
        ({"a": ("input",), "relu": ("a",), "b": ("relu",)}, ("b",), "relu"),
        # A block after the stem, whose own ReLU has a way around it.
        ({"relu": ("input",), "relu2": ("relu",), "sum": ("relu", "relu2")}, ("sum",), "relu"),
        # x + f(x) from the start: the sum is the first cut behind a ReLU, and is followed by none.
        ({"relu": ("input",), "sum": ("input", "relu"), "b": ("sum",), "relu2": ("b",)}, ("relu2",), "sum"),
        # The sum goes into a ReLU, and then the ReLU says more than the sum: negative parts need not stay.
        ({"relu": ("input",), "sum": ("input", "relu"), "relu2": ("sum",), "b": ("relu2",)}, ("b",), "relu2"),
        # But not where the sum goes elsewhere, too.
        (
            {"relu": ("input",), "sum": ("input", "relu"), "relu2": ("sum",), "b": ("relu2", "sum")},
            ("b",),
            "sum",
        ),
        ({"relu": ("input",), "relu2": ("input",), "sum": ("relu", "relu2")}, ("sum",), "sum"),
        # A ReLU that goes nowhere is none, and does not make its neighbours no cuts.
        ({"relu-dead": ("input",), "a": ("input",), "relu": ("a",)}, ("relu",), "relu"),
        ({"relu-dead": ("input",), "a": ("input",), "b": ("a",)}, ("b",), None),
        # Nothing but the input separates it from two outputs.
        ({"relu-dead": ("input",), "relu": ("input",), "relu2": ("input",)}, ("relu", "relu2"), "relu"),
        ({"a": ("input",)}, ("a",), None),
    ],
)
def test_the_first_cut_at_or_behind_a_relu(
    edges: dict[str, tuple[str, ...]], outputs: tuple[str, ...], expected: str | None
) -> None:
    assert kept_layer(of_nodes(edges, *outputs)) == expected


def test_what_is_asked_for_is_taken() -> None:
    assert kept_layer(dense_network(), "relu2") == "relu2"
    assert kept_layer(dense_network(), "output") == "dense3"
    assert kept_layer(dense_network()) == "relu1"
    assert kept_layer(joined_network()) == "relu2"
    assert kept_layer(branched_network()) == "joined"


def outputs(row: dict) -> tuple[np.ndarray, np.ndarray]:
    """What the branched network gives for an original and its metamer."""
    both = np.asarray(branched_network()(np.array([row["original_values"], row["metamer_values"]])))
    return both[0], both[1]


def test_metamers_of_the_first_cut_have_the_same_output() -> None:
    study = branched_study()
    (kept,) = study["kept"].to_pylist()
    assert (kept["layer"], kept["cut"], kept["bypassed_by"], kept["relu"]) == ("joined", True, [], False)
    assert kept["same_class"] == kept["n_metamers"] == 18
    assert kept["regional"] == 0  # walks cross regions
    weight = np.abs(branched_network().node("out").operator.weight.numpy()).sum(axis=1).max()  # pyright: ignore[reportAttributeAccessIssue]
    for row in study["metamers"].to_pylist():
        original, metamer = outputs(row)
        # The map behind the cut is linear: it makes of the feature error at most this, and rounding as much again.
        assert np.abs(original - metamer).max() <= weight * row["feature_error"] + 1e-13 * weight
        assert row["distance_moved"] > 0.1
        assert not row["regional"]


@pytest.mark.parametrize(("layer", "other"), [("relu-left", "right"), ("relu-right", "left")])
def test_metamers_of_one_branch_are_seen_by_the_other(layer: str, other: str) -> None:
    study = branched_study(layer)
    (kept,) = study["kept"].to_pylist()
    assert (kept["layer"], kept["cut"], kept["bypassed_by"]) == (layer, False, [other])
    assert kept["feature_error"] < 1e-12
    assert kept["same_class"] < kept["n_metamers"] == 18  # so that the sentence on the page would have been false
    rows = study["metamers"].to_pylist()
    assert kept["same_class"] == sum(row["original_predicted"] == row["metamer_predicted"] for row in rows)
    assert all(np.abs(np.subtract(*outputs(row))).max() > 1e-3 for row in rows)


def test_a_single_output_has_no_class_to_compare() -> None:
    x = np.random.default_rng(0).random((3, 16))
    study = analyze(branched_network(out=1), x, questions=[Metamers(1)], progress=False)
    (kept,) = study["kept"].to_pylist()
    assert kept["same_class"] is None
    assert kept["n_metamers"] == 3


def test_any_node_can_be_asked_for() -> None:
    x = np.random.default_rng(0).random((3, 16))
    for layer, cut in (("dense1", True), ("relu2", True), ("output", True)):
        study = analyze(dense_network(), x, questions=[Metamers(1, layer, norms=(2,))], progress=False)
        (kept,) = study["kept"].to_pylist()
        assert kept["cut"] is cut
        assert kept["layer"] == study["metamers"]["layer"][0].as_py() == dense_network().node(layer).name
        assert kept["feature_error"] < 1e-12


def test_a_layer_too_large_is_refused_before_the_long_work() -> None:
    """The first layer of a chain is refused by its own matrix; behind several layers, walks need no matrix."""
    net = large_network()
    assert kept_layer(net) == "relu"

    class Noted:
        def stage(self, what: str, total: int):
            raise AssertionError(what)

    with pytest.raises(TooLarge):
        analyze(
            net,
            np.full((2, *net.input_shape), 0.5),
            questions=[Verdicts(), Metamers(1)],
            progress=Noted(),  # pyright: ignore[reportArgumentType]
        )


class Block(nn.Module):
    """A residual block as in ResNet: its inner ReLU has a way around it, the outer one has none."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one, self.two = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.start, self.inner, self.outer, self.head = nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.start(self.stem(x))
        return self.head(self.outer(h + self.two(self.inner(self.one(h)))))


def test_a_residual_block_read_from_torch() -> None:
    net = Network.from_torch(Block().eval(), torch.zeros(1, 8))
    assert kept_layer(net) == "start"
    (sum_,) = (node.name for node in net.nodes if isinstance(node.operator, Add))
    assert net.upto("inner").bypassed_by == (sum_,)
    assert {"start", sum_, "outer"} < set(net.cuts)
    assert "inner" not in net.cuts
