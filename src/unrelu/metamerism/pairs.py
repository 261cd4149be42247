"""Which originals and targets to make metamers of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError, ShapeError


@dataclass(frozen=True)
class Pair:
    """An original and the target that its metamer should come near to.

    Attributes:
        original: index of the original in the data.
        target: index of the target in the data.
        n_active: positive features of the original.
    """

    original: int
    target: int
    n_active: int


def choose_pairs(n_active: np.ndarray, classes: np.ndarray | None, count: int, seed: int) -> list[Pair]:
    """The inputs with the fewest positive features, each with a target of another class.

    Few positive features are few equations, so these are the inputs whose metamers can go farthest (Behrmann et al.,
    appendix A7). Targets are drawn at random; where all inputs share one class, or none is known, any other input may
    be a target.

    >>> [pair.original for pair in choose_pairs(np.array([5, 1, 3]), np.array([0, 1, 1]), count=2, seed=0)]
    [1, 2]

    Args:
        n_active: (n,) number of positive features of each input.
        classes: (n,) class of each input, or None.
        count: how many pairs; fewer if there are fewer inputs.
        seed: of the random choice.

    Raises:
        InputError: if there are fewer than two inputs.
        ShapeError: if there is not one class an input.
    """
    n = len(n_active)
    if n < 2:
        raise InputError("metamers need an original and a target; give at least two inputs.")
    if classes is not None and np.shape(classes) != (n,):
        raise ShapeError(f"{n} inputs need classes of shape ({n},), not {np.shape(classes)}.")
    rng = np.random.default_rng(seed)
    told_apart = classes is not None and len(np.unique(classes)) > 1
    pairs = []
    for original in np.argsort(n_active, kind="stable")[:count]:
        others = np.delete(np.arange(n), original)
        if classes is not None and told_apart:
            others = others[classes[others] != classes[original]]
        pairs.append(Pair(int(original), int(rng.choice(others)), int(n_active[original])))
    return pairs
