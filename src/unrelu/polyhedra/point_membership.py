"""How nearly a point lies in a set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Membership:
    """How nearly a point lies in a set. A float point almost never does so exactly.

    Attributes:
        exact: whether it is a member for exactly the stored numbers.
        feature_error: largest difference of a feature from what it should be, computed in float64; nan where the set is
            not about features.
        radius: an exact member is proved to lie within this of the point (L2), 0 for an exact one; inf where nothing
            is proved, as for points well outside.
    """

    exact: bool
    feature_error: float
    radius: float
