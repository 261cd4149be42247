"""The cone `{ z : B z = 0, G z <= 0 }` in exact rational arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unrelu.exact.integers import products, smallest
from unrelu.exact.nonnegative import ExactAlternative, nonnegative_solution
from unrelu.exact.null_space import null_space

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True)
class ExactProjection:
    """Exactly one of the two is set: a member of the cone, or positive multipliers.

    Attributes:
        direction: (d,) integers, a non-zero member of `{ z : B z = 0, G z <= 0 }`.
        inequality_multipliers: (k,) integers, all positive.
        equality_multipliers: (l,) integers; `G' lam + B' mu = 0`.
    """

    direction: tuple[int, ...] | None = None
    inequality_multipliers: tuple[int, ...] = ()
    equality_multipliers: tuple[int, ...] = ()


@dataclass(frozen=True)
class RelativeInterior:
    """Where a cone is thick.

    Attributes:
        direction: (d,) integers, a member.
        inequality_multipliers: (k,) integers: positive on the inequalities that hold with equality on the whole cone,
            zero on those that are negative at `direction`.
        equality_multipliers: (l,) integers; `G' lam + B' mu = 0`.
    """

    direction: tuple[int, ...]
    inequality_multipliers: tuple[int, ...]
    equality_multipliers: tuple[int, ...]


def project_exactly(B: Rows, G: Rows, dimension: int) -> ExactProjection | None:
    """Decide whether `{ z : B z = 0, G z <= 0 }` is {0}, exactly.

    Stiemke's alternative: either `G' lam + B' mu = 0` for some `lam > 0`, and then the cone is the null space of all
    rows, or some z in it has `G z != 0`.

    Args:
        B: (l, d) integers.
        G: (k, d) integers.
        dimension: d.

    Returns:
        The answer, or None where it would take too long.
    """
    line = null_space([*B, *G], dimension, at_most=1)
    if line is None:
        return None
    if line:
        return ExactProjection(direction=line[0])
    found = _alternative(B, G, dimension)
    if found is None:
        return None
    if found.solution is None:
        return ExactProjection(direction=found.farkas)
    lam = [found.denominator + value for value in found.solution[: len(G)]]
    whole = smallest([*lam, *found.solution[len(G) :]])
    return ExactProjection(inequality_multipliers=whole[: len(G)], equality_multipliers=whole[len(G) :])


def relative_interior(B: Rows, G: Rows, dimension: int) -> RelativeInterior | None:
    """Find a relatively interior member of `{ z : B z = 0, G z <= 0 }` and its implicit equalities.

    Stage by stage, the rows that can be negative are found and dropped: if r is a member on which a set S of rows is
    negative, then for every z that keeps the others, `N r + z` keeps S too for large N. In the end the rows T that are
    left have multipliers `G_T' lam + B' mu = 0`, `lam > 0` (Stiemke), and so vanish on the cone.

    Args:
        B: (l, d) integers.
        G: (k, d) integers.
        dimension: d.

    Returns:
        The answer, or None where it would take too long.
    """
    left = list(range(len(G)))
    interior, values = [0] * dimension, [0] * len(G)
    lam, mu = [0] * len(G), [0] * len(B)
    while left:
        found = _alternative(B, [G[i] for i in left], dimension)
        if found is None:
            return None
        if found.solution is not None:
            for i, value in zip(left, found.solution, strict=False):
                lam[i] = value + found.denominator
            mu = list(found.solution[len(left) :])
            break
        assert found.farkas is not None
        rises = products(G, found.farkas)
        # Far enough along the old direction, rows that were negative there stay so.
        scale = 1 + max(
            (-(rise // value) for rise, value in zip(rises, values, strict=True) if value < 0 < rise), default=0
        )
        interior = [scale * a + b for a, b in zip(interior, found.farkas, strict=True)]
        values = [scale * a + b for a, b in zip(values, rises, strict=True)]
        left = [i for i in left if rises[i] == 0]
    whole = smallest([*lam, *mu])
    return RelativeInterior(smallest(interior), whole[: len(G)], whole[len(G) :])


def _alternative(B: Rows, G: Rows, dimension: int) -> ExactAlternative | None:
    """`G' x + B' mu = -G' 1` for some `x >= 0`, or a z with `B z = 0`, `G z <= 0`, `1'G z < 0`."""
    columns = [*G, *B]
    equations = [[column[j] for column in columns] for j in range(dimension)]
    right = [-sum(row[j] for row in G) for j in range(dimension)]
    return nonnegative_solution(equations, right, free=range(len(G), len(columns)))
