"""Verdicts about prefixes with proofs of many forms, and folders of their certificates, changed as a forger would."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import unrelu as ur
from preimages.certificate_folders import reindexed
from unrelu.network.graph import Network
from unrelu.network.named_network import NETWORK, write_named_network
from unrelu.preimages.certificate_files.schema import PREFIX_FACTS

PARTS = [f"{fact}_{part}" for fact in PREFIX_FACTS for part in ("cuts", "forms", "numbers", "indices", "integers")]
"""Columns of the table, beside those that say what is claimed of which input."""


def tiny(seed: int) -> Network:
    """Two ReLU layers of up to four units each, all numbers small and whole."""
    rng = np.random.default_rng(seed)
    d, k, m = int(rng.integers(1, 4)), int(rng.integers(2, 4)), int(rng.integers(2, 5))
    shapes = [(k, d), (m, k), (m, m)]
    layers = [
        (rng.integers(-2, 3, shape).astype(float), rng.integers(-2, 3, shape[0]).astype(float)) for shape in shapes
    ]
    return Network.from_layers(layers).upto("relu2")


def of_prefix(seed: int, domain: ur.Domain | None = None) -> ur.Classification[ur.PrefixPreimage]:
    """Verdicts about three points of such a network."""
    x = np.random.default_rng(seed + 1000).integers(-2, 3, (3, tiny(seed).input_size)).astype(float)
    found = ur.classify(tiny(seed), x, domain=domain, progress=False)
    assert all(isinstance(each, ur.PrefixPreimage) for each in found.preimages)
    return found  # pyright: ignore[reportReturnType]


def renewed(folder: Path, change: Callable[[Network], Network] = lambda network: network) -> None:
    """Change the network, and name it and all other files anew."""
    stored = write_named_network(folder, change(ur.load(folder / NETWORK)))
    reindexed(folder, lambda record: record["prefix"].update(vars(stored)))


def with_number(network: Network, node: int, place: int, number: float) -> Network:
    """The network with another number among the weights or biases of an affine node."""
    affine = [each for each in network.nodes if each.operator.tensors()]
    chosen = affine[node % len(affine)]
    field, values = sorted(
        (name, value) for name, value in vars(chosen.operator).items() if isinstance(value, torch.Tensor)
    )[place % 2]
    changed = values.clone()
    changed.view(-1)[place % changed.numel()] = number
    other = replace(chosen, operator=replace(chosen.operator, **{field: changed}))
    return replace(network, nodes=tuple(other if each is chosen else each for each in network.nodes))


def resigned(folder: Path, change: Callable[[dict], object]) -> None:
    """Change the file that describes the network, and name it anew in the index, but not the network."""
    path = folder / NETWORK / "network.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    renew_file(folder)


def renew_file(folder: Path) -> None:
    """Name the file that describes the network anew in the index."""
    from unrelu.untrusted.regular_file import file_sha256

    digest = file_sha256(folder / NETWORK / "network.json")
    reindexed(folder, lambda record: record["prefix"].update(file=digest))
