"""The null space of integer rows."""

from __future__ import annotations

from collections.abc import Sequence

from unrelu.exact.integers import products, smallest
from unrelu.exact.modular import MOST_TERMS, PRIMES, profile, residues_of_integers
from unrelu.exact.solve import solve


def null_space(
    rows: Sequence[Sequence[int]], n_columns: int, *, at_most: int | None = None
) -> list[tuple[int, ...]] | None:
    """A basis of `{ z : row.z = 0 for all rows }`, in integers.

    A rank modulo a prime is at most the true one, and as many independent vectors as it leaves, if all rows vanish on
    them, show that it is no less.

    Args:
        rows: (m, n_columns) integers.
        n_columns: the number of coordinates.
        at_most: give no more vectors than that.

    Returns:
        The basis, or None where the rank is above `MOST_TERMS` or smaller modulo each of a few primes than it is.

    >>> null_space([[1, 2, 3], [2, 4, 6]], 3)
    [(-2, 1, 0), (-3, 0, 1)]
    """
    rows = [row for row in rows if any(row)]
    for prime in PRIMES:
        found = profile(residues_of_integers(rows, n_columns, prime), prime)
        if found.rank > MOST_TERMS:
            return None
        pivots = found.columns.tolist()
        free = sorted(set(range(n_columns)) - set(pivots))[:at_most]
        chosen = [rows[i] for i in found.rows.tolist()]
        solved = solve([[row[j] for j in pivots] for row in chosen], [[-row[j] for row in chosen] for j in free])
        if solved is None:
            continue
        basis = []
        for j, values in zip(free, solved.columns, strict=True):
            z = [0] * n_columns
            z[j] = solved.denominator
            for pivot, value in zip(pivots, values, strict=True):
                z[pivot] = value
            basis.append(smallest(z))
        if not any(any(products(rows, z)) for z in basis):
            return basis
    return None
