"""Proofs about cones, and the checker of each. Nothing here calls a solver."""

from unrelu.cones.cone import Cone, ConeCertificate
from unrelu.cones.proofs.block_by_block import BlockByBlock
from unrelu.cones.proofs.counting import Counting
from unrelu.cones.proofs.direction import Direction
from unrelu.cones.proofs.enclosed import Enclosed
from unrelu.cones.proofs.exact import ExactDirection, ExactMultipliers
from unrelu.cones.proofs.full_rank import FullRank
from unrelu.cones.proofs.local_counting import LocalCounting
from unrelu.cones.proofs.multipliers import Multipliers

__all__ = [
    "BlockByBlock",
    "Cone",
    "ConeCertificate",
    "Counting",
    "Direction",
    "Enclosed",
    "ExactDirection",
    "ExactMultipliers",
    "FullRank",
    "LocalCounting",
    "Multipliers",
]
