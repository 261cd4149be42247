"""All experiments, in the order in which `all` runs them."""

from __future__ import annotations

from typing import Any

from paper import (
    activations,
    compactness,
    depth,
    discussion,
    lemma9,
    metamers,
    preimages,
    relu,
    three_vectors,
    tradeoff,
    transition,
)
from paper.experiment import Experiment

MODULES = (
    metamers,
    preimages,
    transition,
    compactness,
    relu,
    depth,
    tradeoff,
    lemma9,
    three_vectors,
    discussion,
    activations,
)

EXPERIMENTS: dict[str, Experiment[Any]] = {module.EXPERIMENT.name: module.EXPERIMENT for module in MODULES}
