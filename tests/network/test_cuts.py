"""Which nodes separate input from output, and what leads past the others: every path, written out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Add, Dense, Input, ReLU

WIDTH = 2


def graph(edges: dict[str, tuple[str, ...]], outputs: tuple[str, ...]) -> Network:
    """A network of ReLUs and sums with these inputs of each node."""
    nodes = [Node("input", Input((WIDTH,)), (), (WIDTH,))]
    for name, inputs in edges.items():
        nodes.append(Node(name, ReLU() if len(inputs) == 1 else Add(), inputs, (WIDTH,)))
    return Network(tuple(nodes), outputs)


def random_graph(seed: int) -> Network:
    """Up to nine nodes with one or two inputs, with dead ends, the same input taken twice and several outputs."""
    rng = np.random.default_rng(seed)
    names = ["input", *(f"n{k}" for k in range(int(rng.integers(1, 9))))]
    reach = int(rng.integers(1, 5))  # short edges make cuts, long ones skip them
    edges = {
        name: tuple(names[int(j)] for j in rng.integers(max(0, k - reach), k, int(rng.integers(1, 3))))
        for k, name in enumerate(names)
        if k
    }
    n_outputs = int(rng.choice([1, 1, 1, 2, 3]))
    chosen = rng.permutation(len(names))[:n_outputs] if rng.random() < 0.5 else np.arange(len(names))[-n_outputs:]
    return graph(edges, tuple(names[int(k)] for k in chosen))


def paths(net: Network) -> Iterator[tuple[str, ...]]:
    """Every path from the input to an output, one edge after the other."""
    readers = {node.name: [other.name for other in net.nodes if node.name in other.inputs] for node in net.nodes}

    def on(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if path[-1] in net.outputs:
            yield path
        for reader in readers[path[-1]]:
            yield from on((*path, reader))

    return on(("input",))


def depends(net: Network, name: str) -> set[str]:
    """What a node depends on, itself included, by its inputs' inputs."""
    return {name}.union(*(depends(net, each) for each in net.node(name).inputs))


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_cuts_are_the_nodes_of_every_path(first: int) -> None:
    some = 0
    for seed in range(first, first + 100):
        net = random_graph(seed)
        every = [set(path) for path in paths(net)]
        expected = tuple(node.name for node in net.nodes if all(node.name in path for path in every))
        assert net.cuts == expected, seed
        some += len(expected) > 2
    assert some > 20  # more than the input and the output


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_what_leads_past_some_nodes_is_where_each_path_past_them_leaves_their_ancestors(first: int) -> None:
    none = 0
    for seed in range(first, first + 100):
        net = random_graph(seed)
        every = list(paths(net))
        names = [node.name for node in net.nodes]
        for kept in (*((name,) for name in names), *list(combinations(names, 2))[:12]):
            before = set().union(*(depends(net, name) for name in kept))
            past = [path for path in every if not set(path) & set(kept)]
            expected = {next((name for name in path if name not in before), path[-1]) for path in past}
            prefix = net.upto(*kept)
            assert set(prefix.bypassed_by) == expected, (seed, kept)
            assert list(prefix.bypassed_by) == [name for name in names if name in expected]
            if len(kept) == 1:
                assert (not prefix.bypassed_by) == (kept[0] in net.cuts)
            none += not expected
    assert none > 100


def test_equal_values_at_a_cut_are_equal_outputs_and_only_there() -> None:
    """The meaning, by computing: with a node's values held and another input, the outputs stay exactly at cuts."""
    seen = 0
    for seed in range(60):
        net = random_graph(seed)
        generator = torch.Generator().manual_seed(seed)
        # ReLUs of positive numbers and sums: no path can cancel another or die.
        x, other = (torch.rand((1, WIDTH), generator=generator, dtype=torch.float64) + 1 for _ in range(2))
        plain = net.values(x, [node.name for node in net.nodes])
        for node in net.nodes:
            known = {"input": other} if node.name != "input" else {}
            known[node.name] = plain[node.name]
            for each in net.nodes:
                if each.name not in known:
                    known[each.name] = each.operator.apply(*(known[name] for name in each.inputs))
            same = all(torch.equal(known[name], plain[name]) for name in net.outputs)
            assert same == (node.name in net.cuts), (seed, node.name)
            seen += not same
    assert seen > 50


def test_two_branches_meet_again() -> None:
    net = graph({"a": ("input",), "b": ("input",), "sum": ("a", "b"), "out": ("sum",)}, ("out",))
    assert net.cuts == ("input", "sum", "out")
    assert net.upto("a").bypassed_by == ("b",)
    assert net.upto("b").bypassed_by == ("a",)
    assert net.upto("a", "b").bypassed_by == ()  # together they decide the output
    assert net.upto("sum").bypassed_by == ()
    assert net.bypassed_by == ()


def test_a_skip_leads_past_what_lies_under_it() -> None:
    net = graph({"a": ("input",), "b": ("a",), "sum": ("a", "b"), "over": ("sum", "input")}, ("over",))
    assert net.cuts == ("input", "over")
    assert net.upto("b").bypassed_by == ("sum", "over")
    assert net.upto("sum").bypassed_by == ("over",)
    assert net.upto("sum", "input").bypassed_by == ()
    # Of a prefix of the prefix it is said what the prefix can see.
    assert net.upto("sum").upto("a").bypassed_by == ()
    assert net.upto("sum").cuts == ("input", "a", "sum")


def test_dead_ends_do_not_count() -> None:
    net = graph({"dead": ("input",), "a": ("input",), "deader": ("dead", "a"), "out": ("a",)}, ("out",))
    assert net.cuts == ("input", "a", "out")
    assert net.upto("a").bypassed_by == ()
    assert net.upto("dead").bypassed_by == ("a",)
    assert net.upto("deader").bypassed_by == ("out",)  # which reads a past it


def test_an_output_on_the_way_is_read_there() -> None:
    net = graph({"a": ("input",), "b": ("a",), "c": ("b",)}, ("a", "c"))
    assert net.cuts == ("input", "a")
    assert net.upto("b").bypassed_by == ("a",)
    assert net.upto("c", "a").bypassed_by == ()


def test_zero_weights_are_still_a_path() -> None:
    """Only the graph is asked: what training may change is no property of the network's form."""
    zero = Dense(torch.zeros((WIDTH, WIDTH), dtype=torch.float64), torch.ones(WIDTH, dtype=torch.float64))
    shape = (WIDTH,)
    net = Network(
        (
            Node("input", Input(shape), (), shape),
            Node("a", ReLU(), ("input",), shape),
            Node("constant", zero, ("input",), shape),
            Node("sum", Add(), ("a", "constant"), shape),
        ),
        ("sum",),
    )
    assert net.cuts == ("input", "sum")
    assert net.upto("a").bypassed_by == ("constant",)


class Constant(nn.Module):
    """A layer beside a branch that is fed by a parameter alone."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.out = nn.Linear(4, 3), nn.Linear(3, 2)
        self.base = nn.Parameter(torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.a(x).relu() + self.base.relu())


class Unused(nn.Module):
    """A layer beside a branch whose values go nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.a(x).relu()
        _ = self.b(x).relu()
        return self.out(h)


@pytest.mark.parametrize("kind", [Constant, Unused])
def test_a_branch_that_does_not_come_from_the_input_or_goes_nowhere_is_no_path(kind: type[nn.Module]) -> None:
    net = Network.from_torch(kind().eval(), torch.zeros(1, 4))
    assert set(net.cuts) == {node.name for node in net.nodes}
    (relu,) = net.layers
    assert net.upto(relu).bypassed_by == ()


def test_cuts_of_a_deep_network_take_no_time_by_paths() -> None:
    """2^200 paths: every block has two ways, and only what stands between the blocks is a cut."""
    edges: dict[str, tuple[str, ...]] = {}
    last = "input"
    for k in range(200):
        edges |= {f"a{k}": (last,), f"b{k}": (last,), f"sum{k}": (f"a{k}", f"b{k}")}
        last = f"sum{k}"
    net = graph(edges, (last,))
    assert net.cuts == ("input", *(f"sum{k}" for k in range(200)))
    assert net.upto("a7").bypassed_by == ("b7",)
