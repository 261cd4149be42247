"""Inputs that miss a bound of their domain by rounding alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unrelu.polyhedra.domains import Domain, resolve
from unrelu.study.inputs.inputs import Inputs

ROUNDINGS = 4
"""Of numbers as large as the bounds: taking a mean and a scale off and putting them back rounds four times."""


def clipped_to(inputs: Inputs, domain: Domain | None) -> Inputs:
    """Inputs moved into a box where they miss it by no more than rounding in the dtype that they came in.

    Pictures that were normalised in float32 and are taken back come out as 1.0000001 or -3e-8, and a box compares
    exactly. What is at most `ROUNDINGS` unit roundoffs of the larger bound outside is set to the bound, and a note says
    how many numbers and by how much at most. All others stay as they are, for the domain to refuse.

    Args:
        inputs: as read.
        domain: where they should lie; nothing is done unless it is a box, and only where both ends are finite.

    Returns:
        The same inputs where nothing is to be done.

    Raises:
        DomainError: if it is no domain.
        ShapeError: if it is one in another number of coordinates.
    """
    flat = inputs.values.reshape(len(inputs), -1)
    within = resolve(domain, flat.shape[1])
    low, high = within.lower, within.upper
    if len(within.A_ub) or len(within.A_eq) or bool(((flat >= low) & (flat <= high)).all()):
        return inputs
    clipped = np.clip(flat, low, high)
    excess = np.abs(flat - clipped)
    largest = np.maximum(np.abs(low), np.abs(high))
    slack = np.where(np.isfinite(largest), ROUNDINGS * inputs.unit * largest, 0.0)
    moved = (excess > 0) & (excess <= slack)
    if not moved.any():
        return inputs
    said = (
        f"{int(moved.sum())} numbers were outside of their bounds by rounding, by {excess[moved].max():.2g} at most, "
        f"and were set to them (inputs with such numbers: {int(moved.any(axis=1).sum())})."
    )
    values = np.where(moved, clipped, flat).reshape(inputs.values.shape)
    return replace(inputs, values=values, notes=(*inputs.notes, said))
