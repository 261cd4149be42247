"""The user's estimator as a source: its own transformers and predictions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import UnknownNode


@dataclass(frozen=True, eq=False)
class SklearnProgram:
    """A fitted estimator, able to compute nodes of the network that was read from it, in float64.

    Attributes:
        places: for each such node what computes it: fitted objects, one after the other, by `transform`, or by
            `predict` where one has none.
    """

    places: dict[str, tuple[Any, ...]]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the network's nodes that the estimator computes too."""
        return tuple(self.places)

    def values(self, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Values of the named nodes by scikit-learn's own transformers and predictions.

        Args:
            batch: (n, *input_shape), any float dtype.
            names: some of `nodes`.

        Raises:
            UnknownNode: if a name is that of no node of the estimator.
        """
        missing = [name for name in names if name not in self.places]
        if missing:
            raise UnknownNode(f"the estimator computes no node {missing[0]!r}, but {', '.join(self.places)}.")
        given = batch.detach().to("cpu", torch.float64).numpy()
        return {name: torch.from_numpy(computed(self.places[name], given)) for name in names}


def computed(chain: tuple[Any, ...], batch: np.ndarray) -> np.ndarray:
    """What fitted objects make of a batch (n, d), one after the other, as float64 (n, k)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they say that columns had names when it was fitted
        for fitted in chain:
            # some write into what they are given
            function = fitted.transform if hasattr(fitted, "transform") else fitted.predict
            batch = np.asarray(function(batch.copy()))
    return batch.astype(np.float64).reshape(len(batch), -1)
