"""Proof by the blocks of a cone, each for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from unrelu.cones.blocks import Block, blocks_of
from unrelu.cones.cone import Cone
from unrelu.cones.proofs.enclosed import Enclosed
from unrelu.cones.proofs.exact import ExactMultipliers
from unrelu.cones.proofs.full_rank import FullRank
from unrelu.cones.proofs.multipliers import Multipliers
from unrelu.rigor.arithmetic import proof

BlockProof: TypeAlias = ExactMultipliers | Multipliers | Enclosed | FullRank
"""What may prove a block to be {0}."""


@dataclass(frozen=True, eq=False)
class BlockByBlock:
    """K is {0}, since it is the product of the cones of its blocks, each of which is {0}, and has no other coordinate.

    A block is proved by its exact multipliers where it has such, by its multipliers where one is not zero, and
    otherwise by the rank of its equality rows or by bounds on all its coordinates. Blocks of the same numbers with the
    same multipliers are proved once.

    Attributes:
        values: (m,) float64, multipliers as in `Multipliers`; 0 on the rows of blocks that need none.
        exact_rows: indices of the rows of blocks with exact multipliers.
        exact_values: one integer for each of these rows, as in `ExactMultipliers`.
    """

    values: np.ndarray
    exact_rows: np.ndarray
    exact_values: tuple[int, ...]
    trivial: ClassVar[bool] = True

    @proof
    def verify(self, cone: Cone) -> bool:
        """Find the blocks, and verify each."""
        m = len(cone.equalities)
        if self.values.shape != (m,) or not np.isfinite(self.values).all():
            return False
        if self.exact_rows.shape != (len(self.exact_values),) or not np.isin(self.exact_rows, np.arange(m)).all():
            return False
        blocks = blocks_of(cone)
        if sum(block.columns.size for block in blocks) < cone.dimension:
            return False
        proved: dict[tuple[object, ...], bool] = {}
        for block, part in zip(blocks, self.parts(blocks), strict=True):
            key = (block.key, type(part), *_numbers(part))
            if key not in proved:
                proved[key] = part.verify(block.cone)
            if not proved[key]:
                return False
        return True

    def parts(self, blocks: tuple[Block, ...]) -> list[BlockProof]:
        """The proof about each block."""
        integers = dict(zip(self.exact_rows.tolist(), self.exact_values, strict=True))
        found: list[BlockProof] = []
        for block in blocks:
            given = [integers[row] for row in block.rows.tolist() if row in integers] if integers else []
            values = self.values[block.rows]
            if given:
                found.append(ExactMultipliers(tuple(given)))  # proves nothing unless there is one for each row
            elif values.any():
                found.append(Multipliers(values))
            else:
                found.append(Enclosed() if Enclosed().verify(block.cone) else FullRank())
        return found


def _numbers(part: BlockProof) -> tuple[object, ...]:
    if isinstance(part, Multipliers):
        return (part.values.tobytes(),)
    return part.values if isinstance(part, ExactMultipliers) else ()
