"""A place where a network gives the wanted output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from unrelu.polyhedra.dimension_interval import DimensionInterval


@dataclass(frozen=True, eq=False)
class Solution:
    """One input, or inputs that hang together, at which the network gives the wanted output to within the resolution.

    All such inputs near `center` lie between `lower` and `upper`, proved. Whether the output can be had *exactly* is
    another matter: measured numbers are rounded, and where there are more of them than unknowns, they as good as never
    agree exactly.

    Attributes:
        is_flat: whether it is not one input up to the resolution: a line, a plane, ..., or several that touch.
        center: (d,) float64, an input whose output is as near to the wanted one as rounding allows.
        lower: (d,) float64, of a box that holds all of this solution.
        upper: (d,) float64.
        holds: whether there is such an input in the box, proved; where the resolution is more than 0, `center` is one
            (unless only an exact one between floats is known).
        residual: (m,) float64, the network's output at `center` less the wanted one, rounded once.
        exact: True if an input near `center` gives exactly the wanted output, proved; False if none in the box does,
            proved; None where it is open.
        noise: (least, most): the smallest error of the worst output that has to be allowed for an exact solution in the
            box lies between these two.
        at_most_one: whether at most one input in the box gives exactly the wanted output, proved.
        dimension: a proved interval for the dimension of the set of exact solutions in the box.
        jacobian: (m, d) float64, of the network at `center` (of several, the mean one).
        condition: ratio of its largest to its smallest singular value, inputs in units of the domain's width; inf where
            the smallest is 0.
        n_leaves: how many parts of the domain it was found in.
    """

    is_flat: bool
    center: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    holds: bool
    residual: np.ndarray
    exact: bool | None
    noise: tuple[float, float]
    at_most_one: bool
    dimension: DimensionInterval
    jacobian: np.ndarray
    condition: float
    n_leaves: int

    @property
    def radius(self) -> np.ndarray:
        """(d,) at least how far any of it is from `center`, in each input's own unit."""
        return np.nextafter(np.maximum(self.center - self.lower, self.upper - self.center), np.inf)

    @property
    def sensitivity(self) -> np.ndarray:
        """(d, m) how the solution moves with the measured numbers, to first order: the pseudo-inverse of `jacobian`."""
        return np.linalg.pinv(self.jacobian)

    def __repr__(self) -> str:
        """A line with where it is and what is proved."""
        with np.printoptions(precision=6, threshold=8):
            where = f"{self.center}"
        if self.is_flat:
            return f"Solution(flat of dimension {self.dimension} through {where})"
        words = {
            True: "an exact root",
            False: f"no exact root, least noise {self.noise[0]:.1e}",
            None: "exact root open",
        }
        return f"Solution({where} within {self.radius.max():.1e}: {words[self.exact]})"
