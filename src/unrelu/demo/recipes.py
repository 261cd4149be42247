"""The networks of the demo and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from unrelu.demo.networks import mlp
from unrelu.demo.training import Training
from unrelu.metamerism.metamer import PICTURES
from unrelu.questions import Metamers, Question, Ranges, Uniqueness


@dataclass(frozen=True)
class Recipe:
    """A network, how it is trained, and what is asked of it.

    Attributes:
        name: what to call it, also as a folder.
        hidden: sizes of the hidden layers.
        training: how it is trained.
        questions: what is asked beside the verdicts of the first layer, spectra and bounds.
        seed: of the weights.
    """

    name: str
    hidden: tuple[int, ...]
    training: Training
    questions: tuple[Question, ...] = ()
    seed: int = 0

    def module(self) -> nn.Sequential:
        """The network before its training."""
        return mlp(self.hidden, seed=self.seed)


RECIPES = (
    Recipe(
        "MLP-3500",
        (3500, 784),
        Training(learning_rate=1e-3, batch_size=100, epochs=3),
        questions=(Uniqueness(PICTURES),),
    ),
    Recipe(
        "MLP-3500-fast",
        (3500, 784),
        Training(learning_rate=2e-3, batch_size=1000, epochs=5, seed=1),
        questions=(Uniqueness(PICTURES),),
        seed=1,
    ),
    Recipe(
        "MLP-100",
        (100,) * 10,
        Training(learning_rate=1e-3, batch_size=100, epochs=10),
        questions=(Uniqueness(PICTURES), Ranges(3), Metamers(8)),
    ),
)
"""The paper's MLP-3500, twice, and MLP-100.

The first MLP-3500 has around 784 active first-layer units, so that counting alone leaves the verdicts open; the second
was trained with larger steps, which leave far fewer units active and mostly unbounded preimages, but within the prior
both unique pictures and others.
"""
