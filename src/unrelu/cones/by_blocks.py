"""Whether a cone is {0} from the answers for its blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unrelu.cones.blocks import Block, blocks_of
from unrelu.cones.cone import Cone, ConeCertificate
from unrelu.cones.decision import ConeDecision, decided, still_open
from unrelu.cones.proofs import (
    BlockByBlock,
    Counting,
    Direction,
    ExactDirection,
    ExactMultipliers,
    LocalCounting,
    Multipliers,
)


def decide_by_blocks(
    cone: Cone,
    by_structure: Callable[[Cone], ConeDecision | None],
    decide: Callable[[Cone], ConeDecision],
) -> ConeDecision:
    """Decide the cone of each block; a direction in one is a direction, and if all are {0}, so is the product.

    Blocks of the same numbers are decided once; what structure decides comes first, then small blocks.

    Args:
        cone: a cone of which every coordinate is used.
        by_structure: what decides at once, or gives None.
        decide: the test for one block.
    """
    blocks = blocks_of(cone)
    different = list({block.key: block for block in blocks}.values())
    known: dict[bytes, ConeDecision] = {}
    for block in different:
        found = by_structure(block.cone)
        if found is not None:
            known[block.key] = found
            if found.holds is False:
                return _embedded(cone, block, found)
    for block in sorted(different, key=lambda each: each.cone.rows.shape):
        if block.key not in known:
            known[block.key] = found = decide(block.cone)
            if found.holds is False:
                return _embedded(cone, block, found)
    left = [block for block in blocks if known[block.key].holds is None]
    if left:
        shape = left[0].cone.rows.shape
        return still_open(
            f"{len(left)} of {len(blocks)} independent blocks stay open, the first of {shape[0]} rows on {shape[1]} "
            f"coordinates: {known[left[0].key].reason}"
        )
    margins = [found.margin for found in known.values() if not np.isnan(found.margin)]
    return decided(_joined(cone, blocks, known), min(margins, default=float("nan")))


def _joined(cone: Cone, blocks: tuple[Block, ...], known: dict[bytes, ConeDecision]) -> BlockByBlock:
    """The proofs of all blocks as one."""
    values = np.zeros(len(cone.equalities))
    exact: dict[int, int] = {}
    for block in blocks:
        certificate = known[block.key].certificate
        if isinstance(certificate, Multipliers):
            values[block.rows] = certificate.values
        elif isinstance(certificate, ExactMultipliers):
            exact.update(zip(block.rows.tolist(), certificate.values, strict=True))
    return BlockByBlock(values, np.array(list(exact), dtype=np.intp), tuple(exact.values()))


def _embedded(cone: Cone, block: Block, found: ConeDecision) -> ConeDecision:
    """The proof that a block has a direction as one about the whole: the direction is 0 in all other coordinates."""
    certificate, d = found.certificate, cone.dimension
    lifted: ConeCertificate | None = None
    if isinstance(certificate, Counting):
        lifted = LocalCounting(block.columns)
    elif isinstance(certificate, LocalCounting):
        lifted = LocalCounting(block.columns[certificate.columns])
    elif isinstance(certificate, Direction):
        z = np.zeros(d)
        z[block.columns] = certificate.direction
        lifted = Direction(z, block.rows[certificate.held])
    elif isinstance(certificate, ExactDirection):
        integers = [0] * d
        for column, value in zip(block.columns.tolist(), certificate.direction, strict=True):
            integers[column] = value
        lifted = ExactDirection(tuple(integers))
    assert lifted is not None  # every proof of a direction is one of these
    return decided(lifted, found.margin)
