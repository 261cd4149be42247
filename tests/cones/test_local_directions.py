"""Directions in a part of a picture, which large sparse cones are searched for."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

from unrelu.cones import decide
from unrelu.cones.decide_sparse import decide_sparse_cone
from unrelu.cones.proofs import Cone, Direction
from unrelu.network.graph import Network
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import preimage
from unrelu.rigor.matrices import Matrix
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.structural_kernel import loose_columns


@functools.cache
def strided() -> Matrix:
    """The rows of a convolution of 24 x 24 x 3 pictures with 16 maps and stride 2."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU()).eval()
    A = Network.from_torch(module, torch.zeros(1, 3, 24, 24)).layer("1").weight
    return sparse.csr_array(A)


@pytest.mark.parametrize("seed", range(4))
def test_a_direction_in_one_corner_is_found(seed: int) -> None:
    """All rows are negative on a planted z in a corner; elsewhere rows with opposite signs leave nothing."""
    rng = np.random.default_rng(seed)
    A = strided()
    m, d = A.shape
    pixel = np.arange(d) % (24 * 24)
    corner = (pixel // 24 < 9) & (pixel % 24 < 9)
    z = np.where(corner, rng.standard_normal(d), 0.0)
    products = A @ z
    touched = np.abs(products) > 0
    signs = np.where(touched, -np.sign(products), rng.choice([-1.0, 1.0], m))
    rows = sparse.csr_array(sparse.diags_array(signs) @ A)
    equal = ~touched & (rng.random(m) < 0.5)
    cone = Cone(ScaledRows(rows), equal, ~equal)
    assert (rows[touched] @ z < 0).all()
    found = decide_sparse_cone(cone)
    assert found.holds is False
    assert found.certificate is not None
    assert found.certificate.verify(cone)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_coordinate_with_numbers_of_one_sign_is_a_direction(sign: float) -> None:
    """More rows than coordinates, in a chain that is one block and that counting says nothing about."""
    rng = np.random.default_rng(1)
    A = rng.standard_normal((40, 10))
    A[:, 4] = sign * np.abs(A[:, 4])
    for equal_row, expected in ((None, True), (3, False)):
        equal = np.arange(40) == (-1 if equal_row is None else equal_row)
        cone = Cone(ScaledRows(sparse.csr_array(A)), equal, ~equal)
        found = decide_sparse_cone(cone)
        if expected:
            assert isinstance(found.certificate, Direction)
            np.testing.assert_array_equal(np.flatnonzero(found.certificate.direction), [4])
            assert np.sign(found.certificate.direction[4]) == -sign
            assert found.certificate.verify(cone)
        else:
            assert not (isinstance(found.certificate, Direction) and np.count_nonzero(found.certificate.direction) == 1)


@pytest.mark.parametrize("seed", range(30))
def test_loose_columns_are_those_of_a_rank_in_general_position(seed: int) -> None:
    """A column is loose iff leaving it out does not lower the rank of random numbers in the same places."""
    rng = np.random.default_rng(seed)
    m, d = int(rng.integers(1, 9)), int(rng.integers(1, 9))
    A = rng.standard_normal((m, d)) * (rng.random((m, d)) < rng.uniform(0.1, 0.6))
    if not A.any():
        A[0, 0] = 1.0
    rank = np.linalg.matrix_rank(A)
    expected = [bool(np.linalg.matrix_rank(np.delete(A, j, axis=1)) == rank) for j in range(d)]
    assert loose_columns(sparse.csr_array(A)).tolist() == expected


def test_dense_rows_with_few_numbers_are_looked_at_as_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the dense test nor a linear program decided this strided layer at this picture."""
    torch.manual_seed(0)
    module = nn.Conv2d(3, 16, 3, stride=2, padding=1)
    module.reset_parameters()
    network = Network.from_torch(nn.Sequential(module, nn.ReLU()).eval(), torch.zeros(1, 3, 12, 12))
    layer = network.layer("1")
    assert not layer.is_sparse
    picture = np.random.default_rng(1).random((12, 3, 12, 12))[6]
    found = preimage(layer, at=picture)
    assert found.kind is Kind.UNBOUNDED
    assert found.certificate.verify()
    monkeypatch.setattr(decide, "FEW_NUMBERS", 0.0)
    assert preimage(layer, at=picture).kind in {Kind.UNBOUNDED, Kind.UNDECIDED}
