"""Numbers that units are fed which are exact multiples of one another."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from unrelu.bounding.bounded_network import BoundedNetwork
    from unrelu.network.graph import Network

LARGEST = 2**17
"""Entries of a matrix whose rows are compared."""


def twins(bounded: BoundedNetwork) -> dict[int, tuple[tuple[int, float], ...]]:
    """By number: those that are a multiple of it, and the sign of the factor; rows of one dense map are compared.

    Where such a number is at least 0, its multiple is too, or at most 0: their sides of the kink at 0 are one choice.
    """
    found: dict[int, tuple[tuple[int, float], ...]] = {}
    for name, span in bounded.spans.items():
        rows = _rows(bounded.network, name)
        if rows is None or rows.size > LARGEST:
            continue
        for group in _alike(rows):
            for unit, sign in group:
                others = tuple((span.start + other, sign * its) for other, its in group if other != unit)
                found[span.start + unit] = others
    return found


def _rows(network: Network, name: str) -> np.ndarray | None:
    """Weights and bias of a dense map of vectors."""
    node = network.node(name)
    if not node.is_affine:
        return None
    found = node.affine.dense_rows([network.node(each).shape for each in node.inputs])
    return None if found is None else found.cpu().numpy()


def _alike(rows: np.ndarray) -> list[list[tuple[int, float]]]:
    """Groups of rows that are exact multiples of one another, with signs."""
    used = rows != 0
    some = used.any(axis=1)
    first = used.argmax(axis=1)
    lead = np.where(some, rows[np.arange(len(rows)), first], 1.0)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        near = np.round(rows / lead[:, None], 9) + 0.0
    buckets: defaultdict[bytes, list[int]] = defaultdict(list)
    for k in np.flatnonzero(some).tolist():
        buckets[near[k].tobytes()].append(k)
    groups = []
    for members in buckets.values():
        if len(members) < 2:
            continue
        exact: defaultdict[tuple[Fraction, ...], list[tuple[int, float]]] = defaultdict(list)
        for k in members:
            leading = Fraction(float(lead[k]))
            key = tuple(Fraction(value) / leading for value in rows[k].tolist())
            exact[key].append((k, 1.0 if leading > 0 else -1.0))
        groups += [group for group in exact.values() if len(group) > 1]
    return groups
