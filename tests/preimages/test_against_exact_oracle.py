"""Random small integer layers, degenerate ones on purpose, against exact rational answers."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import cone_is_trivial, fractions
from unrelu.network.layer import ReLULayer
from unrelu.preimages.classification import preimage
from unrelu.preimages.kind import Kind, kind_of


def random_layer(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Small integers, so that ranks drop, rows repeat, and pre-activations are exactly 0 often."""
    d, m = int(rng.integers(1, 5)), int(rng.integers(1, 9))
    A = rng.integers(-2, 3, (m, d))
    if m > 1 and rng.random() < 0.3:
        A[rng.integers(m)] = A[rng.integers(m)] * rng.choice([-2, -1, 1, 3])
    x = rng.integers(-1, 2, d)
    b = np.where(rng.random(m) < 0.4, -(A @ x), rng.integers(-2, 3, m))
    return A, b, x


@pytest.mark.parametrize("seed", range(10))
def test_no_verdict_is_wrong_and_all_are_proved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(100):
        A, b, x = random_layer(rng)
        found = preimage(ReLULayer(A.astype(float), b.astype(float)), at=x.astype(float))
        values = A @ x + b
        d = A.shape[1]
        active, inactive, tight = (fractions(A[mask]) for mask in (values > 0, values <= 0, values == 0))
        truth = kind_of(cone_is_trivial(active, inactive, d), cone_is_trivial(active, tight, d))
        assert found.kind is truth, (A, b, x)
        assert found.kind is not Kind.UNDECIDED
        assert found.certificate.verify(), (A, b, x)
        assert found.dimension.lower <= found.dimension.upper
