"""Which sets of features can be inactive together (Definition 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.preimages.index_set import IndexSet
from unrelu.preimages.index_set_certificate import IndexSetCertificate
from unrelu.preimages.sign_decision import decide_signs
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True, eq=False)
class Admissibility:
    """Whether some input of a layer has exactly these features inactive, with its proof.

    Attributes:
        layer: the layer (A, b).
        inactive: (m,) bool, the index set I.
        domain: D, where inputs may lie.
        admissible: whether some x in D has `a_i.x + b_i > 0` for i not in I and `a_i.x + b_i <= 0` for i in I; None
            where it is open.
        certificate: the proof, by a point or by multipliers (Motzkin); None where it is open.
        margin: the greatest t for which some x in D keeps all rows (those of the layer and of D, scaled to a greatest
            number of about 1) by at least t; at most 1, negative where no x keeps them at all, NaN where no solver
            said.
        reason: where it is open, what left it open.
    """

    layer: ReLULayer
    inactive: np.ndarray
    domain: Polyhedron
    admissible: bool | None
    certificate: SignCertificate | None
    margin: float
    reason: str = ""

    @cached_property
    def statement(self) -> IndexSet:
        """What the certificate is about."""
        return IndexSet(self.layer, self.domain, self.inactive)

    @property
    def witness(self) -> np.ndarray | None:
        """An input (of the layer's sample shape) with exactly these features inactive; None unless admissible.

        Where I leaves no room, no float64 need do: the point is then next to an exact one, which the certificate proves
        to exist.
        """
        if isinstance(self.certificate, Witness | ExactWitness):
            return self.certificate.point.reshape(self.layer.input_shape)
        return None

    @property
    def multipliers(self) -> np.ndarray | None:
        """The multipliers of the layer's m (scaled) rows in the proof; None unless proved inadmissible."""
        if isinstance(self.certificate, Motzkin | ExactMotzkin):
            return np.array([float(value) for value in self.certificate.values[: self.layer.n_outputs]])
        return None

    @proof
    def verify(self) -> bool:
        """True only if `admissible` is proved for exactly the stored floats; calls no solver."""
        if self.certificate is None or self.certificate.admissible is not self.admissible:
            return False
        return IndexSetCertificate(self.statement, self.certificate).verify()

    def __repr__(self) -> str:
        """A line that says what was found."""
        said = {True: "admissible", False: "not admissible", None: "open"}[self.admissible]
        return f"Admissibility({said}: {int(self.inactive.sum())} of {self.layer.n_outputs} features inactive)"


def admissibility(
    layer: ReLULayer, inactive: Sequence[int] | np.ndarray, domain: Domain | None = None
) -> Admissibility:
    """Say whether some input of a layer has exactly a given set of features inactive.

    Definition 7 of Behrmann et al., Analysis of Invariance and Robustness via Invertibility of ReLU-Networks (2018).
    Two linear programs look for a point or for Motzkin multipliers; only what their certificate proves counts, and what
    rounding leaves open is decided by integers where the layer is small.

    Args:
        layer: the layer, of m features on d inputs.
        inactive: the set I: indices of features, or (m,) bool.
        domain: where inputs may lie; the whole space by default.

    Raises:
        InputError: if I is not a set of features of the layer, or its activation is not the ReLU.
        DomainError: if the domain is empty or does not fit the layer.

    >>> layer = ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]))
    >>> [admissibility(layer, I).admissible for I in ([], [0], [1], [0, 1])]
    [False, True, True, True]
    """
    layer.expect_relu("whether features can be inactive together")
    chosen = _index_set(inactive, layer.n_outputs)
    D = resolve(domain, layer.n_inputs)
    found = decide_signs(IndexSet(layer, D, chosen).system)
    return Admissibility(layer, chosen, D, found.holds, found.certificate, found.margin, found.reason)


def _index_set(inactive: Sequence[int] | np.ndarray, m: int) -> np.ndarray:
    given = np.asarray(inactive)
    if given.dtype == bool:
        if given.shape != (m,):
            raise ShapeError(f"the inactive features need indices or a bool mask of shape ({m},), not {given.shape}.")
        return given.copy()
    chosen = np.zeros(m, dtype=bool)
    if given.size == 0:
        return chosen
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
        raise InputError(f"the inactive features must be a list of whole numbers, not {given.dtype} of {given.shape}.")
    outside = given[(given < 0) | (given >= m)]
    if outside.size:
        raise InputError(f"there is no feature {outside[0]}; the layer has {m}, counted from 0.")
    chosen[given] = True
    return chosen
