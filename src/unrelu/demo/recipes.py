"""The networks of the demo and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from unrelu.demo.networks import mlp
from unrelu.demo.training import Training
from unrelu.metamerism.metamer import PICTURES
from unrelu.polyhedra.domains import Domain


@dataclass(frozen=True)
class Recipe:
    """A network, how it is trained, and what is asked of it.

    Attributes:
        name: what to call it, also as a folder.
        hidden: sizes of the hidden layers.
        training: how it is trained.
        metamers: number of pairs that get metamers of the first layer.
        prior: what pictures are valid; if given, it is asked whether each is the only valid one with its features.
        freedom: number of pictures that get the range of every pixel within the prior.
        seed: of the weights.
    """

    name: str
    hidden: tuple[int, ...]
    training: Training
    metamers: int = 0
    prior: Domain | None = None
    freedom: int = 0
    seed: int = 0

    def module(self) -> nn.Sequential:
        """The network before its training."""
        return mlp(self.hidden, seed=self.seed)


RECIPES = (
    Recipe("MLP-3500", (3500, 784), Training(learning_rate=1e-3, batch_size=100, epochs=3), prior=PICTURES),
    Recipe(
        "MLP-3500-fast",
        (3500, 784),
        Training(learning_rate=2e-3, batch_size=1000, epochs=5, seed=1),
        prior=PICTURES,
        seed=1,
    ),
    Recipe(
        "MLP-100",
        (100,) * 10,
        Training(learning_rate=1e-3, batch_size=100, epochs=10),
        metamers=8,
        prior=PICTURES,
        freedom=3,
    ),
)
"""The paper's MLP-3500, twice, and MLP-100.

The first MLP-3500 has around 784 active first-layer units, so that counting alone leaves the verdicts open; the second
was trained with larger steps, which leave far fewer units active and mostly unbounded preimages, but within the prior
both unique pictures and others.
"""
