"""Sets of features that no input has inactive together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from unrelu.preimages.certificates.sign_system import SignCertificate


@dataclass(frozen=True, eq=False)
class ExcludedSet:
    """A proof that no input has exactly these of the first features of a layer inactive, whatever the others are.

    Attributes:
        inactive: (k,) bool, which of the first k features would be inactive.
        certificate: the proof, by multipliers (Motzkin).
    """

    inactive: np.ndarray
    certificate: SignCertificate
