"""Proofs about cones, and the checker of each. Nothing here calls a solver."""

from unrelu.preimages.certificates.cone import Cone, ConeCertificate
from unrelu.preimages.certificates.counting import Counting
from unrelu.preimages.certificates.direction import Direction
from unrelu.preimages.certificates.enclosed import Enclosed
from unrelu.preimages.certificates.exact import ExactDirection, ExactMultipliers
from unrelu.preimages.certificates.full_rank import FullRank
from unrelu.preimages.certificates.local_counting import LocalCounting
from unrelu.preimages.certificates.multipliers import Multipliers

__all__ = [
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
