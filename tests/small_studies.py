"""Small networks on real pictures, and studies of them, for the tests of study and report."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from once_a_run import once_a_run
from unrelu.datasets import mnist_sample
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Add, Concatenate, Dense, Input, ReLU, Reshape
from unrelu.polyhedra.domains import Box
from unrelu.study.analyze import analyze
from unrelu.study.questions import Metamers, Ranges, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.study.study import Study

N = 24
SIDE = 4


@cache
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Real digits, averaged down to 4 x 4, (24, 16), values in [0, 1], and their classes."""
    sample = mnist_sample()
    chosen = np.random.default_rng(0).permutation(len(sample))[:N]
    small = sample.images[chosen].astype(np.float64).reshape(N, SIDE, 7, SIDE, 7).mean(axis=(2, 4))
    return small.reshape(N, SIDE * SIDE), np.asarray(sample.labels)[chosen].astype(np.int64)


@cache
def dense_network() -> Network:
    """16 -> 28 -> 12 -> 10, with 6 to 21 active units on 16 inputs: the first layer has every kind of preimage."""
    rng = np.random.default_rng(2)
    first = (rng.normal(size=(28, SIDE * SIDE)) + 1, -5 * rng.random(28))
    second = (rng.normal(size=(12, 28)), rng.normal(size=12))
    return Network.from_layers([first, second, (rng.normal(size=(10, 12)), np.zeros(10))])


def joined_network(names: tuple[str, str] = ("relu1", "relu2")) -> Network:
    """A residual block without a projection: its second ReLU is fed by the first one and the input."""
    rng = np.random.default_rng(4)
    d = SIDE * SIDE
    first, second = names

    def dense(m: int) -> Dense:
        return Dense(torch.from_numpy(rng.normal(size=(m, d))), torch.from_numpy(rng.normal(size=m)))

    return Network(
        (
            Node("input", Input((d,)), (), (d,)),
            Node("dense1", dense(d), ("input",), (d,)),
            Node(first, ReLU(), ("dense1",), (d,)),
            Node("add", Add(), (first, "input"), (d,)),
            Node(second, ReLU(), ("add",), (d,)),
            Node("out", dense(10), (second,), (10,)),
        ),
        ("out",),
    )


def branched_network(out: int = 10) -> Network:
    """Two ReLU layers side by side, joined for the output: neither alone decides it, both together do."""
    rng = np.random.default_rng(11)
    d = SIDE * SIDE

    def dense(m: int, n: int) -> Dense:
        return Dense(torch.from_numpy(rng.normal(size=(m, n))), torch.from_numpy(rng.normal(size=m)))

    return Network(
        (
            Node("input", Input((d,)), (), (d,)),
            Node("left", dense(5, d), ("input",), (5,)),
            Node("right", dense(6, d), ("input",), (6,)),
            Node("relu-left", ReLU(), ("left",), (5,)),
            Node("relu-right", ReLU(), ("right",), (6,)),
            Node("joined", Concatenate(0), ("relu-left", "relu-right"), (11,)),
            Node("out", dense(out, 11), ("joined",), (out,)),
        ),
        ("out",),
    )


def large_network(side: int = 160) -> Network:
    """Every pixel gets the sum of all: small factors whose product, without a zero, would take more than 4 GiB."""
    shape, d = (1, side, side), side * side
    one = torch.ones((1, d), dtype=torch.float64)
    return Network(
        (
            Node("input", Input(shape), (), shape),
            Node("flat", Reshape((d,)), ("input",), (d,)),
            Node("sum", Dense(one, torch.zeros(1, dtype=torch.float64)), ("flat",), (1,)),
            Node("spread", Dense(one.T, torch.zeros(d, dtype=torch.float64)), ("sum",), (d,)),
            Node("relu", ReLU(), ("spread",), (d,)),
        ),
        ("relu",),
    )


@once_a_run
def dense_study() -> Study:
    """Every question about the dense network but that of all solutions."""
    x, y = pictures()
    return analyze(
        dense_network(),
        x,
        labels=y,
        questions=[Verdicts(), Uniqueness(Box(0, 1)), Ranges(3), Spectra(6), RowRemoval(2), Metamers(3)],
        picture_shape=(SIDE, SIDE),
        name="small",
        data_name="small digits",
        progress=False,
    )


@cache
def branched_study(layer: str | None = None) -> Study:
    """Metamers of the branched network, and nothing else: of its first cut, or of a layer."""
    x, y = pictures()
    return analyze(
        branched_network(),
        x,
        labels=y,
        questions=[Metamers(6, layer=layer)],
        name="branched",
        progress=False,
    )


@once_a_run
def joined_study() -> Study:
    """A study in which one layer has no verdicts."""
    x, y = pictures()
    asked = [Verdicts(verify=False), Spectra(3), RowRemoval(2)]
    return analyze(joined_network(), x, labels=y, questions=asked, name="joined", progress=False)
