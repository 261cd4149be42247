"""How often an input would be the only valid one if the active rows of a layer were drawn at random."""

from __future__ import annotations


def gaussian_uniqueness(n_active: int, n_inside: int, n_at_bounds: int) -> float:
    """The probability that Gaussian active rows leave no other point of a box with the same features.

    An input x0 of a box is alone iff no direction z but 0 keeps the active features, `A_J z = 0`, and points into the
    box: free where x0 lies strictly inside its bounds, of one sign where it lies at one. For k Gaussian rows the
    directions with `A_J z = 0` are a random subspace of codimension k; without the F free coordinates it is one of
    codimension c = k - F, and by Wendel's theorem (1962) it meets the orthant of the T others at 0 alone with
    probability `2^(1 - T) sum_{j < c} C(T - 1, j)`. Inactive rows count for nothing here: almost surely none is tight.

    Args:
        n_active: k, number of active rows.
        n_inside: F, number of coordinates strictly inside their bounds.
        n_at_bounds: T, number of coordinates at one of two different bounds.

    Returns:
        The probability, rounded once.

    >>> gaussian_uniqueness(3, 1, 4), gaussian_uniqueness(1, 1, 4), gaussian_uniqueness(5, 1, 4)
    (0.5, 0.0, 1.0)
    """
    codimension = n_active - n_inside
    if codimension >= n_at_bounds:
        return 1.0
    if codimension <= 0:
        return 0.0
    chosen, total = 1, 0
    for j in range(codimension):
        total += chosen
        chosen = chosen * (n_at_bounds - 1 - j) // (j + 1)
    return total / (1 << (n_at_bounds - 1))  # Python divides integers of any size with a single rounding
