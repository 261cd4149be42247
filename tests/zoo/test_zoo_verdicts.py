"""Verdicts are of a network, not of the way by which it came in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import unrelu as ur
from zoo.animal import Animal
from zoo.building import built, samples
from zoo.intakes import committed, loaded, older, read
from zoo.others import OTHERS
from zoo.pictures import PICTURES

ZOO = [*PICTURES, *OTHERS]

WHOLE = {
    "MLP with batch norm and log-softmax",
    "MLP, weight norm",
    "MLP, leaky",
    "Emulator with its scalers",
    "ACAS Xu's shape",
    "Sparse autoencoder",
    "CReLU",
    "Input-convex",
    "Signal decoder, 1-d",
    "Volume decoder, 3-d",
}
"""Those of which all pieces of the last layer's preimage in a box are found at once."""

UNDECIDED = {"Maxout", "Min-max network"}
"""Those of which pieces are left that no bounds rule out, as their first prefix is asked about all of space."""


def networks(animal: Animal, folder: Path) -> list[ur.Network]:
    """The network by every way by which it comes in."""
    found = [loaded(committed(animal))]
    if not animal.refused:
        found.append(read(animal))
    if animal.exports:
        module, example = built(animal), samples(animal, 2)
        if animal.double:
            found.append(loaded(older(module.double(), example, folder / "older.onnx")))
        else:
            found.append(loaded(older(module, example.float(), folder / "older.onnx")))
    return found


def pieces(network: ur.Network) -> list[str]:
    """Names of the nodes that have branches."""
    return [name for name in network.bent if network.node(name).is_piecewise_linear]


Verdict = tuple[ur.Kind, bool | None, bool | None, object]
"""Kind, bounded, singleton, dimension."""


def verdicts(network: ur.Network, x: np.ndarray, whole: bool) -> list[Verdict]:
    """Of a prefix: its first pieces in all of space and, where asked for, its last ones in a box.

    Behind smooth parts it is the first layer by itself.
    """
    first = pieces(network)[0]
    try:
        pre = ur.preimage(network.upto(first), at=x)
    except ur.errors.UnsupportedOperator:  # there are no regions through what is smooth
        first = network.layers[0]
        pre = ur.preimage(network.layer(first), at=network.layer_input(first, x[None])[0])
    found: list[Verdict] = [(pre.kind, pre.bounded, pre.singleton, pre.dimension)]
    if whole:
        pre = ur.preimage(network.upto(pieces(network)[-1]), at=x, domain=ur.Box(-4, 4))
        found.append((pre.kind, pre.bounded, pre.singleton, pre.dimension))
    return found


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_verdicts_are_the_same_by_every_intake(animal: Animal, tmp_path: Path) -> None:
    every, x = networks(animal, tmp_path), samples(animal, 1, seed=2).numpy()[0]
    assert len(every) >= 2
    if not any(pieces(network) for network in every):
        assert animal.smooth
        return
    first, *others = (verdicts(network, x, animal.name in WHOLE) for network in every)
    assert all(other == first for other in others)
    assert (ur.Kind.UNDECIDED in [kind for kind, *_ in first]) == (animal.name in UNDECIDED)


def test_they_are_of_every_kind() -> None:
    """Else that they are the same would say little."""
    kinds = set()
    for animal in OTHERS:
        network = loaded(committed(animal))
        if pieces(network) and not animal.smooth:
            kinds |= {kind for kind, *_ in verdicts(network, samples(animal, 1, seed=2).numpy()[0], False)}
    assert kinds >= {ur.Kind.SINGLETON, ur.Kind.BOUNDED, ur.Kind.UNBOUNDED}
