"""All sets of features that can be inactive together, for small layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from unrelu.errors import TooLarge
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates.sign_system import SignCertificate, SignSystem
from unrelu.preimages.certificates.witness import Witness
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
class Branch:
    """What was decided about the first features of a layer.

    Attributes:
        inactive: (k,) bool, which of the first k features are inactive.
        certificate: the proof that some input, or none, has exactly these of them inactive; None where it is open.
    """

    inactive: np.ndarray
    certificate: SignCertificate | None


@dataclass(frozen=True, eq=False)
class AdmissibleSets:
    """All admissible sets of a layer, and why there is no other.

    Attributes:
        layer: the layer, of m features.
        domain: where inputs may lie.
        found: one for each admissible set, in lexicographic order, with its witness.
        excluded: prefixes of sets that no input has, with their proofs; with the sets found and open they
            make up all 2^m.
        undecided: sets that were left open; none for small layers.
    """

    layer: ReLULayer
    domain: Polyhedron
    found: tuple[Branch, ...]
    excluded: tuple[Branch, ...]
    undecided: tuple[Branch, ...]

    def __len__(self) -> int:
        return len(self.found)

    @cached_property
    def inactive(self) -> np.ndarray:
        """(n, m) bool, the sets as masks of inactive features."""
        return np.array([branch.inactive for branch in self.found], dtype=bool).reshape(-1, self.layer.n_outputs)

    @property
    def complete(self) -> bool:
        """Whether every set was decided."""
        return not self.undecided

    @proof
    def verify(self) -> bool:
        """True only if exactly these sets are proved admissible, and all others not; calls no solver."""
        if not self.complete:
            return False
        branches = [(branch, True) for branch in self.found] + [(branch, False) for branch in self.excluded]
        if not _make_up_all([branch.inactive for branch, _ in branches], self.layer.n_outputs):
            return False
        return all(
            branch.certificate is not None
            and branch.certificate.admissible is admissible
            and (branch.inactive.size == self.layer.n_outputs or not admissible)
            and branch.certificate.verify(_prefix(self.layer, self.domain, branch.inactive))
            for branch, admissible in branches
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
        DomainError: if the domain does not fit the layer.

    >>> layer = ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]))
    >>> admissible_sets(layer).inactive
    array([[False,  True],
           [ True, False],
           [ True,  True]])
    """
    D = resolve(domain, layer.n_inputs)
    m, d = layer.weight.shape
    alive = [Branch(np.zeros(0, dtype=bool), None)]
    excluded: list[Branch] = []
    steps = [region_bound(k, d) for k in range(m)]
    with resolve_progress(progress).stage("admissible sets", sum(steps)) as advance:
        for k in range(m):
            children: list[Branch] = []
            for index, parent in enumerate(alive):
                for inactive in (False, True):
                    child = _child(layer, D, parent, k, inactive)
                    proof = child.certificate
                    (excluded if proof is not None and not proof.admissible else children).append(child)
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
        found=tuple(branch for branch in alive if branch.certificate is not None),
        excluded=tuple(excluded),
        undecided=tuple(branch for branch in alive if branch.certificate is None),
    )


def _child(layer: ReLULayer, domain: Polyhedron, parent: Branch, k: int, inactive: bool) -> Branch:
    """A set among the first k features, with or without the next one."""
    prefix = np.append(parent.inactive, inactive)
    known = parent.certificate
    if isinstance(known, Witness):
        side = exact_sign(layer.dense_weight[k], float(layer.bias[k]), known.point) <= 0
        system = _prefix(layer, domain, prefix)
        if side is inactive and known.is_exact(system):
            return Branch(prefix, known)
    return Branch(prefix, decide_signs(_prefix(layer, domain, prefix)).certificate)


def _prefix(layer: ReLULayer, domain: Polyhedron, inactive: np.ndarray) -> SignSystem:
    return SignSystem(layer.dense_weight[: inactive.size], layer.bias[: inactive.size], inactive, domain)


def _make_up_all(prefixes: list[np.ndarray], m: int) -> bool:
    """Whether every set of m features begins with exactly one of the prefixes."""
    known = {tuple(prefix.tolist()) for prefix in prefixes}
    if len(known) < len(prefixes) or any(len(prefix) > m for prefix in known):
        return False
    inner = {prefix[:k] for prefix in known for k in range(len(prefix))}
    # As many as they are long: sum 2^(m - k) = 2^m, and none begins with another.
    return not inner & known and sum(1 << (m - len(prefix)) for prefix in known) == 1 << m
