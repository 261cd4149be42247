"""Random small integer layers, degenerate ones on purpose, against exact rational answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from exact_oracle import cone_is_trivial, fractions
from unrelu.cones import decide as cone_decision
from unrelu.network.layer import ReLULayer
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.questions import preimage


def random_layer(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Small integers, so that ranks drop, rows repeat, and pre-activations are exactly 0 often."""
    d, m = int(rng.integers(1, 5)), int(rng.integers(1, 9))
    A = rng.integers(-2, 3, (m, d))
    if m > 1 and rng.random() < 0.3:
        A[rng.integers(m)] = A[rng.integers(m)] * rng.choice([-2, -1, 1, 3])
    x = rng.integers(-1, 2, d)
    b = np.where(rng.random(m) < 0.4, -(A @ x), rng.integers(-2, 3, m))
    return A, b, x


ROUTES = {
    "whole": {},
    "by elimination": {"SMALL": 0, "CROWDED": np.inf},
    "by splitting": {"SMALL": 0, "CROWDED": 0, "WORTHWHILE": 1},
    "sparse": {},
}
HUNDREDS = {"whole": 40, "by elimination": 12, "by splitting": 12, "sparse": 4}
"""Small systems take the first route by themselves; what large layers take must not be wrong on them either."""


@pytest.mark.parametrize(("route", "seed"), [(route, seed) for route in ROUTES for seed in range(HUNDREDS[route])])
def test_no_verdict_is_wrong_and_all_are_proved(route: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ROUTES[route].items():
        monkeypatch.setattr(cone_decision, name, value)
    rng = np.random.default_rng([seed, len(route)])
    for _ in range(100):
        A, b, x = random_layer(rng)
        weight = sparse.csr_array(A.astype(float)) if route == "sparse" else A.astype(float)
        found = preimage(ReLULayer(weight, b.astype(float)), at=x.astype(float))
        values = A @ x + b
        d = A.shape[1]
        active, inactive, tight = (fractions(A[mask]) for mask in (values > 0, values <= 0, values == 0))
        truth = kind_of(cone_is_trivial(active, inactive, d), cone_is_trivial(active, tight, d))
        assert found.kind is truth, (A, b, x)
        assert found.kind is not Kind.UNDECIDED
        assert found.certificate.verify(), (A, b, x)
        assert found.dimension.lower <= found.dimension.upper
