"""Domains in words."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from unrelu.polyhedra.domains import Box, Domain
from unrelu.polyhedra.polyhedron import Polyhedron


def describe_domain(domain: Domain | None) -> str:
    """A domain in words.

    >>> describe_domain(None), describe_domain(Box(0, 1)), describe_domain(Box(lower=0))
    ('all of space', '0 ≤ x ≤ 1', '0 ≤ x')
    >>> describe_domain(Polyhedron(np.ones((1, 2)), np.ones(1), lower=0))
    '0 ≤ x and 1 inequality'
    """
    if domain is None:
        return "all of space"
    if not isinstance(domain, Box | Polyhedron):
        return {"Nonnegative": "0 ≤ x"}.get(type(domain).__name__, type(domain).__name__)
    ends = [_bound(domain.lower, -math.inf), "x", _bound(domain.upper, math.inf)]
    parts = [" ≤ ".join(end for end in ends if end)] if any(ends[::2]) else []
    if isinstance(domain, Polyhedron):
        for count, one, many in (
            (len(domain.b_ub), "inequality", "inequalities"),
            (len(domain.b_eq), "equality", "equalities"),
        ):
            parts += [f"{count} {one if count == 1 else many}"] if count else []
    return " and ".join(parts) or "all of space"


def _bound(bound: ArrayLike | None, none: float) -> str:
    if bound is None or bool(np.all(np.asarray(bound) == none)):
        return ""
    values = np.unique(np.asarray(bound, float))
    if values.size != 1:
        return "bounds for each coordinate"
    short = f"{values[0]:g}"
    return short if float(short) == values[0] else repr(float(values[0]))
