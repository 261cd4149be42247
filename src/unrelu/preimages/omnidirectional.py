"""Definition 1 of the paper: matrices whose rows point in all directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.cones.decide import decide_cone
from unrelu.cones.proofs import Cone, ConeCertificate, Direction, ExactDirection
from unrelu.errors import ShapeError
from unrelu.network.arrays import Array, as_numpy
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.scaled_rows import ScaledRows


@dataclass(frozen=True, eq=False)
class Omnidirectionality:
    """Whether only 0 has non-positive inner products with all rows of a matrix.

    Attributes:
        matrix: (m, d) the matrix.
        omnidirectional: True, False, or None where it is open.
        witness: (d,) a direction z with `A z <= 0` (up to the rounding of z itself), or None.
        certificate: the proof, or None.
        reason: where it is open, what left it open.
    """

    matrix: np.ndarray
    omnidirectional: bool | None
    witness: np.ndarray | None
    certificate: ConeCertificate | None
    reason: str = ""

    @proof
    def verify(self) -> bool:
        """True only if the answer is proved for exactly the stored floats; calls no solver."""
        return self.certificate is not None and self.certificate.verify(_cone(self.matrix))

    def __bool__(self) -> bool:
        """Whether the matrix is known to be omnidirectional."""
        return self.omnidirectional is True


def omnidirectional(matrix: Array) -> Omnidirectionality:
    """Decide whether a matrix A is omnidirectional: `A z <= 0` only for `z = 0` (Definition 1).

    Args:
        matrix: (m, d), any float dtype.

    Raises:
        InputError: if it is not a real, finite matrix.

    >>> bool(omnidirectional(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])))
    True
    >>> omnidirectional(np.eye(2)).witness
    array([-1., -1.])
    """
    A = as_numpy(matrix, "the matrix")
    if A.ndim != 2 or 0 in A.shape:
        raise ShapeError(f"omnidirectional needs a matrix (m, d), not an array of shape {A.shape}.")
    fact = decide_cone(_cone(A))
    return Omnidirectionality(A, fact.holds, _witness(A, fact.certificate), fact.certificate, fact.reason)


def _cone(A: np.ndarray) -> Cone:
    every = np.ones(len(A), dtype=bool)
    return Cone(ScaledRows(A), ~every, every)


def _witness(A: np.ndarray, certificate: ConeCertificate | None) -> np.ndarray | None:
    if certificate is None or certificate.trivial:
        return None
    if isinstance(certificate, Direction):
        return certificate.direction
    if isinstance(certificate, ExactDirection):
        z = np.array([float(value) for value in certificate.direction])
        return z / np.abs(z).max()
    # Counting: at most d rows. Where they are independent this has A z = -1, and otherwise a null vector does.
    _, sizes, Vh = np.linalg.svd(A)
    rank = int((sizes > max(A.shape) * 2.0**-52 * sizes[0]).sum()) if sizes[0] > 0 else 0
    if rank < A.shape[1] and rank < len(A):
        return Vh[-1]
    return np.linalg.lstsq(A, -np.ones(len(A)))[0]
