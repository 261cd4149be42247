"""Inputs that miss a bound of their domain by rounding alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from unrelu.polyhedra.domains import Domain, resolve
from unrelu.study.inputs.inputs import Inputs
from unrelu.study.inputs.samples import Clip

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
    within = resolve(domain, math.prod(inputs.samples.sample_shape))
    low, high = within.lower, within.upper
    if len(within.A_ub) or len(within.A_eq) or bool(np.isneginf(low).all() and np.isposinf(high).all()):
        return inputs
    largest = np.maximum(np.abs(low), np.abs(high))
    clip = Clip(low, high, np.where(np.isfinite(largest), ROUNDINGS * inputs.unit * largest, 0.0))
    n_numbers, n_inputs, most = 0, 0, 0.0
    for block in inputs.samples.blocks():
        flat = block.reshape(len(block), -1)
        if bool(((flat >= low) & (flat <= high)).all()):
            continue
        _, excess, moved = clip.moved(flat)
        n_numbers += int(moved.sum())
        n_inputs += int(moved.any(axis=1).sum())
        most = max(most, float(excess[moved].max(initial=0.0)))
    if not n_numbers:
        return inputs
    said = (
        f"{n_numbers} numbers were outside of their bounds by rounding, by {most:.2g} at most, and were set to them "
        f"(inputs with such numbers: {n_inputs})."
    )
    return replace(inputs, samples=inputs.samples.clipped(clip), notes=(*inputs.notes, said))
