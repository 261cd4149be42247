"""All sets of features that can be inactive together, for small layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import comb, nan

import numpy as np

from unrelu.errors import TooLarge
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissibility import Admissibility
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.certificates.witness import Witness
from unrelu.preimages.excluded_set import ExcludedSet
from unrelu.preimages.index_set import IndexSet, make_up_all
from unrelu.preimages.index_set_certificate import IndexSetCertificate
from unrelu.preimages.sign_decision import decide_signs
from unrelu.progress import Progress, resolve_progress
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.signs import exact_sign

LIMIT = 10_000
"""Sets that are listed unless a caller allows more: a few minutes of work."""


def region_bound(m: int, d: int) -> int:
    """The greatest number of regions into which m hyperplanes cut d dimensions: `sum_{k <= d} C(m, k)`.

    An arrangement in general position has so many, and there it is the number of admissible sets too. Elsewhere there
    can be more admissible sets than regions, since a set may be that of points on hyperplanes only.

    Source: Schlaefli, Theorie der vielfachen Kontinuitaet (1901); Buck, Partition of space (1943).

    >>> region_bound(3, 2)
    7
    """
    return sum(comb(m, k) for k in range(d + 1))


@dataclass(frozen=True, eq=False)
class _Prefix:
    """What was decided about the first k features: `inactive` (k,) bool, and the rest as in `Admissibility`."""

    inactive: np.ndarray
    certificate: SignCertificate | None = None
    margin: float = nan
    reason: str = ""


@dataclass(frozen=True, eq=False)
class AdmissibleSets:
    """All admissible sets of a layer, and why there is no other.

    Attributes:
        layer: the layer, of m features.
        domain: where inputs may lie.
        found: one for each admissible set, in lexicographic order, with its witness (their `margin` is NaN where a
            point known from another set served).
        excluded: prefixes of sets that no input has, with their proofs; with the sets found and open they
            make up all 2^m.
        undecided: sets that were left open; none for small layers.
    """

    layer: ReLULayer
    domain: Polyhedron
    found: tuple[Admissibility, ...]
    excluded: tuple[ExcludedSet, ...]
    undecided: tuple[Admissibility, ...]

    def __len__(self) -> int:
        return len(self.found)

    @cached_property
    def inactive(self) -> np.ndarray:
        """(n, m) bool, the sets as masks of inactive features."""
        return np.array([one.inactive for one in self.found], dtype=bool).reshape(-1, self.layer.n_outputs)

    @property
    def complete(self) -> bool:
        """Whether every set was decided."""
        return not self.undecided

    @proof
    def verify(self) -> bool:
        """True only if exactly these sets are proved admissible, and all others not; calls no solver."""
        if not self.complete:
            return False
        if not make_up_all([one.inactive for one in (*self.found, *self.excluded)], self.layer.n_outputs):
            return False
        return all(
            one.inactive.size == self.layer.n_outputs and self._proves(one.certificate, one.inactive, True)
            for one in self.found
        ) and all(self._proves(one.certificate, one.inactive, False) for one in self.excluded)

    def _proves(self, certificate: SignCertificate | None, inactive: np.ndarray, admissible: bool) -> bool:
        return (
            certificate is not None
            and certificate.admissible is admissible
            and IndexSetCertificate(IndexSet(self.layer, self.domain, inactive), certificate).verify()
        )

    def __repr__(self) -> str:
        """A line that says how many there are."""
        m, d = self.layer.weight.shape
        left = "" if self.complete else f", {len(self.undecided)} open"
        return f"AdmissibleSets({len(self)} of {m} features on {d} inputs{left})"


def admissible_sets(
    layer: ReLULayer,
    domain: Domain | None = None,
    *,
    limit: int = LIMIT,
    progress: Progress | bool | None = None,
) -> AdmissibleSets:
    """List every set of features that are inactive together at some input of a layer.

    Features are taken one after the other. A set of inactive ones among the first k that some point has is carried on
    to both sides of the next hyperplane: the side on which the point lies needs no work, the other is decided by
    `decide_signs`.

    Args:
        layer: the layer, of m features on d inputs; there may be as many as `region_bound(m, d)` sets and more.
        domain: where inputs may lie; the whole space by default.
        limit: how many sets there may be.
        progress: where to show progress.

    Raises:
        TooLarge: if there are more.
        InputError: if the layer's activation is not the ReLU.
        DomainError: if the domain does not fit the layer.

    >>> layer = ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]))
    >>> admissible_sets(layer).inactive
    array([[False,  True],
           [ True, False],
           [ True,  True]])
    """
    layer.expect_relu("which features can be inactive together")
    D = resolve(domain, layer.n_inputs)
    m, d = layer.weight.shape
    alive = [_Prefix(np.zeros(0, dtype=bool))]
    excluded: list[ExcludedSet] = []
    steps = [region_bound(k, d) for k in range(m)]
    with resolve_progress(progress).stage("admissible sets", sum(steps)) as advance:
        for k in range(m):
            children: list[_Prefix] = []
            for index, parent in enumerate(alive):
                for inactive in (False, True):
                    child = _child(layer, D, parent, k, inactive)
                    proof = child.certificate
                    if proof is not None and not proof.admissible:
                        excluded.append(ExcludedSet(child.inactive, proof))
                    else:
                        children.append(child)
                if len(children) > limit:
                    raise TooLarge(
                        f"the first {k + 1} of {m} features have more than {limit} admissible sets; allow more with "
                        f"`limit` (in general position there are {region_bound(m, d)}), or take fewer features."
                    )
                advance(steps[k] * (index + 1) // len(alive) - steps[k] * index // len(alive))
            alive = children
    return AdmissibleSets(
        layer=layer,
        domain=D,
        found=tuple(_answer(layer, D, one) for one in alive if one.certificate is not None),
        excluded=tuple(excluded),
        undecided=tuple(_answer(layer, D, one) for one in alive if one.certificate is None),
    )


def _child(layer: ReLULayer, domain: Polyhedron, parent: _Prefix, k: int, inactive: bool) -> _Prefix:
    """A set among the first k features, with or without the next one."""
    prefix = np.append(parent.inactive, inactive)
    known = parent.certificate
    system = IndexSet(layer, domain, prefix).system
    if isinstance(known, Witness):
        side = exact_sign(layer.dense_weight[k], float(layer.bias[k]), known.point) <= 0
        if side is inactive and known.is_exact(system):
            return _Prefix(prefix, known)
    decided = decide_signs(system)
    return _Prefix(prefix, decided.certificate, decided.margin, decided.reason)


def _answer(layer: ReLULayer, domain: Polyhedron, one: _Prefix) -> Admissibility:
    """What was decided about a set of all features."""
    return Admissibility(
        layer, one.inactive, domain, None if one.certificate is None else True, one.certificate, one.margin, one.reason
    )
