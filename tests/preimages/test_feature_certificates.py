"""Proofs about given features: about other systems they prove only what is true there, and saving keeps them whole."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from exact_sets import ExactSet, fractions_of, same_features
from preimages.certificate_folders import of_preimage
from small_systems import SmallSystem, small_system
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.kind import Kind
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.questions import preimage
from unrelu.preimages.same_features import SameFeatures


@cache
def asked(seed: int) -> tuple[SmallSystem, LayerPreimage, ExactSet]:
    system = small_system(seed, 3)
    found = preimage(system.layer, features=system.features, domain=system.domain, tolerance=system.tolerance)
    return system, found, truth(found.statement)


def truth(statement: SameFeatures) -> ExactSet:
    assert statement.features is not None
    system = statement.system
    return same_features(system.layer, fractions_of(statement.features.tolist()), system.tolerance, system.domain)


def expect_no_lie(certificate: PreimageCertificate) -> bool:
    """Whatever verifies is true; whether the kind does."""
    exact = truth(certificate.statement)
    if certificate.existence is not None and certificate.verify_existence():
        assert certificate.existence.admissible is not exact.empty
    if certificate.bounded is not None and certificate.verify_bounded():
        assert certificate.bounded.trivial is exact.bounded
    if certificate.singleton is not None and certificate.verify_singleton():
        assert certificate.singleton.trivial is exact.singleton
    if certificate.verify():
        assert certificate.kind.value == exact.kind
        return True
    return False


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_saving_keeps_proofs_whole(seed: int, tmp_path: Path) -> None:
    """Domains with origins, tolerances of each feature and all forms of proof included."""
    _, found, exact = asked(seed)
    save_certificates(found, tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    ((verdict,),) = saved.verdicts()
    assert verdict.kind == exact.kind == of_preimage(verdict).kind.value
    assert saved.verify(progress=False).proved.tolist() == [True]
    again = of_preimage(verdict).statement
    assert np.array_equal(again.system.tolerance, found.system.tolerance)
    assert truth(again) == exact


@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_swapped_proofs_prove_nothing_false(seed: int) -> None:
    """Each proof of another system of the same shape, one at a time and all at once."""
    system, found, _ = asked(seed)
    mine = found.certificate
    for other_seed in range(60):
        other_system, other, _ = asked(other_seed)
        if other_system.layer.n_inputs != system.layer.n_inputs or other_seed == seed:
            continue
        theirs = other.certificate
        expect_no_lie(replace(theirs, statement=mine.statement))
        for name in ("bounded", "singleton", "existence", "interior"):
            expect_no_lie(replace(mine, **{name: getattr(theirs, name)}))


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_proofs_about_changed_numbers_prove_nothing_false(seed: int) -> None:
    """One number of the features, the tolerance, the bias, the weight or the domain is another."""
    system, found, _ = asked(seed)
    rng = np.random.default_rng(seed)
    statement = found.statement
    assert statement.features is not None
    for step in (1.0, -1.0, 0.25, 2.0**-52):
        i, j = int(rng.integers(system.features.size)), int(rng.integers(system.point.size))
        y, eps = statement.features.copy(), statement.system.tolerance.copy()
        A, b = system.layer.dense_weight.copy(), system.layer.bias.copy()
        y[i] += step
        eps[i] = max(eps[i] + step, 0.0)
        A[i, j] += step
        changed = [
            replace(statement, features=y),
            replace(statement, system=replace(statement.system, tolerance=eps)),
            replace(statement, system=replace(statement.system, layer=ReLULayer(A, b))),
        ]
        b = b.copy()
        b[i] += step
        changed.append(replace(statement, system=replace(statement.system, layer=ReLULayer(system.layer.weight, b))))
        D = statement.system.domain
        if D is not None:
            origin = D.origin.copy()
            origin[j] += step
            moved = Polyhedron(D.A_ub, D.b_ub, D.A_eq, D.b_eq, D.lower, D.upper, origin)
            changed.append(replace(statement, system=replace(statement.system, domain=moved)))
        for other in changed:
            expect_no_lie(replace(found.certificate, statement=other))


def test_some_swapped_proofs_do_verify_and_most_do_not() -> None:
    """Else the tests above would show little."""
    kinds = {asked(seed)[1].kind for seed in range(60)}
    assert kinds == {Kind.EMPTY, Kind.SINGLETON, Kind.BOUNDED, Kind.UNBOUNDED}
    pairs = [
        expect_no_lie(replace(asked(second)[1].certificate, statement=asked(first)[1].statement))
        for first in range(60)
        for second in range(60)
        if first != second and asked(first)[0].layer.weight.shape == asked(second)[0].layer.weight.shape
    ]
    assert 0 < sum(pairs) < len(pairs) / 2
