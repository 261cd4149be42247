"""Cones that are products: permuted blocks, each decided exactly, against the decision about the whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from exact_oracle import cone_is_trivial, fractions
from unrelu.cones.blocks import blocks_of, is_split
from unrelu.cones.by_blocks import decide_by_blocks
from unrelu.cones.decide import decide_cone, decide_cones
from unrelu.cones.decision import still_open
from unrelu.cones.proofs import BlockByBlock, Cone, Direction, ExactDirection, LocalCounting
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.records import certificate_of, record_of
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.gram_rows import GramRows

TRIANGLE = np.array([[1.0, 0.25], [-0.25, 1.0], [-1.0, -0.75]])
"""Rows whose inequalities leave {0} only."""

WEDGE = np.array([[1.0, 0.25], [-0.25, 1.0], [1.0, -0.5]])
"""Rows whose inequalities leave a wedge."""


def cone_of(rows: np.ndarray, equal: np.ndarray, below: np.ndarray, *, as_sparse: bool) -> Cone:
    return Cone(ScaledRows(sparse.csr_array(rows) if as_sparse else rows), equal, below)


def joined(parts: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A block diagonal matrix with rows and columns permuted, and where its rows and columns have gone."""
    whole = sparse.block_diag(parts).toarray()
    rows, columns = rng.permutation(whole.shape[0]), rng.permutation(whole.shape[1])
    return whole[rows][:, columns], rows, columns


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_a_product_is_decided_as_its_factors_are_exactly(seed: int, as_sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    parts, equalities, expected = [], [], True
    for _ in range(int(rng.integers(2, 6))):
        d, m = int(rng.integers(1, 4)), int(rng.integers(1, 7))
        A = rng.integers(-2, 3, (m, d)).astype(float)
        equal = rng.random(m) < 0.3
        parts.append(A)
        equalities.append(equal)
        expected &= cone_is_trivial(fractions(A[equal]), fractions(A[~equal]), d)
    A, rows, _ = joined(parts, rng)
    equal = np.concatenate(equalities)[rows]
    cone = cone_of(A, equal, ~equal, as_sparse=as_sparse)
    found = decide_cone(cone)
    assert found.holds is expected
    assert found.certificate is not None
    assert found.certificate.verify(cone)
    assert certificate_of(record_of(found.certificate)).verify(cone)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("n", [2, 7, 40])
def test_many_equal_blocks(n: int, as_sparse: bool) -> None:
    A, _, _ = joined([TRIANGLE] * n, np.random.default_rng(n))
    every = np.ones(len(A), dtype=bool)
    cone = cone_of(A, ~every, every, as_sparse=as_sparse)
    (found,) = decide_cones(GramRows(cone.rows), [cone])
    assert isinstance(found.certificate, BlockByBlock)
    assert found.certificate.verify(cone)
    # In place of one block a wedge: a single open block opens the product, and the old proof proves nothing.
    changed, block = A.copy(), blocks_of(cone)[-1]
    changed[np.ix_(block.rows, block.columns)] = WEDGE
    opened = cone_of(changed, ~every, every, as_sparse=as_sparse)
    refuted = decide_cone(opened)
    assert refuted.holds is False
    assert refuted.certificate is not None
    assert refuted.certificate.verify(opened)
    assert not refuted.certificate.verify(cone)
    assert not found.certificate.verify(opened)


def test_blocks_are_the_connected_components() -> None:
    A = np.zeros((6, 7))
    A[0, [0, 3]] = 1.0
    A[1, [3, 5]] = 1.0
    A[2, 1] = 1.0
    A[4, [2, 4]] = 1.0  # row 3 is zero, column 6 unused
    A[5, [4, 5]] = 1.0  # joins two blocks, where it is in use
    used = np.array([True, True, True, True, True, False])
    cone = cone_of(A, np.zeros(6, dtype=bool), used, as_sparse=False)
    assert [(block.rows.tolist(), block.columns.tolist()) for block in blocks_of(cone)] == [
        ([0, 1], [0, 3, 5]),
        ([2], [1]),
        ([4], [2, 4]),
    ]
    for as_sparse in (False, True):
        cone = cone_of(A, np.zeros(6, dtype=bool), np.ones(6, dtype=bool), as_sparse=as_sparse)
        assert [block.rows.tolist() for block in blocks_of(cone)] == [[0, 1, 4, 5], [2]]
        for block in blocks_of(cone):
            part = block.cone.rows.matrix
            np.testing.assert_array_equal(
                part if isinstance(part, np.ndarray) else part.toarray(),
                cone_rows(cone)[np.ix_(block.rows, block.columns)],
            )


def cone_rows(cone: Cone) -> np.ndarray:
    return cone.rows.matrix if isinstance(cone.rows.matrix, np.ndarray) else cone.rows.matrix.toarray()


def test_numbers_stored_as_zero_join_nothing() -> None:
    A = sparse.csr_array((np.array([1.0, 0.0, 2.0]), np.array([0, 1, 1]), np.array([0, 2, 3])), shape=(2, 2))
    every = np.ones(2, dtype=bool)
    assert is_split(Cone(ScaledRows(A), ~every, every))


def test_zero_rows_count_as_nothing() -> None:
    """Zero rows among the inequalities, and among the equalities, of two triangles."""
    A, _, _ = joined([TRIANGLE, TRIANGLE], np.random.default_rng(0))
    A = np.vstack([np.zeros((1, 4)), A, np.zeros((2, 4))])
    equal = np.zeros(len(A), dtype=bool)
    equal[-1] = True
    for as_sparse in (False, True):
        cone = cone_of(A, equal, ~equal, as_sparse=as_sparse)
        found = decide_cone(cone)
        assert isinstance(found.certificate, BlockByBlock)
        assert found.certificate.verify(cone)


def test_a_coordinate_of_no_block_is_free() -> None:
    A = np.hstack([sparse.block_diag([TRIANGLE, TRIANGLE]).toarray(), np.zeros((6, 1))])
    every = np.ones(6, dtype=bool)
    cone = cone_of(A, ~every, every, as_sparse=False)
    found = decide_cone(cone)
    assert found.holds is False
    assert found.certificate is not None
    assert found.certificate.verify(cone)
    # The proof for the other coordinates proves nothing about the free one.
    without = cone_of(A[:, :4], ~every, every, as_sparse=False)
    proof = decide_cone(without).certificate
    assert isinstance(proof, BlockByBlock)
    assert proof.verify(without)
    assert not proof.verify(cone)


def blocks_layer(as_sparse: bool) -> ReLULayer:
    """Three triangles, the middle one with its third row left out: there the inactive rows leave a wedge."""
    A = sparse.block_diag([TRIANGLE, TRIANGLE[:2], TRIANGLE]).toarray()
    return ReLULayer(sparse.csr_array(A) if as_sparse else A, np.full(8, -1.0))


@pytest.mark.parametrize("as_sparse", [False, True])
def test_rows_of_the_domain_join_blocks(as_sparse: bool) -> None:
    """The second block alone is a wedge `a.z <= 0, b.z <= 0`; rows of the domain tie it to the first, a triangle."""
    layer = blocks_layer(as_sparse)
    assert preimage(layer, at=np.zeros(6)).kind is Kind.UNBOUNDED
    a, b = TRIANGLE[:2]
    half = Polyhedron(np.array([[1.0, 0.0, *-a, 0.0, 0.0]]), np.array([5.0]))  # a.z = 0 and b.z < 0 goes on
    found = preimage(layer, at=np.zeros(6), domain=half)
    assert found.kind is Kind.UNBOUNDED
    assert found.certificate.verify()
    both = Polyhedron(np.array([[1.0, 0.0, *(-a - b), 0.0, 0.0]]), np.array([5.0]))
    found = preimage(layer, at=np.zeros(6), domain=both)
    assert found.kind is Kind.BOUNDED
    assert found.certificate.verify()
    assert (found.dimension.lower, found.dimension.upper) == (6, 6)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_dimensions_add_up(as_sparse: bool) -> None:
    """Active rows fix 2, 1 and 0 of the 2 coordinates of three blocks; two coordinates more are in none."""
    A = np.hstack([sparse.block_diag([TRIANGLE, TRIANGLE, TRIANGLE]).toarray(), np.zeros((9, 2))])
    b = np.array([1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0])
    found = preimage(ReLULayer(sparse.csr_array(A) if as_sparse else A, b), at=np.zeros(8))
    assert found.kind is Kind.UNBOUNDED
    assert (found.dimension.lower, found.dimension.upper) == (5, 5)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_blocks_alone_and_together_have_the_same_kind(as_sparse: bool) -> None:
    """Layers of a few blocks of integers at points with ties: the kind follows from those of the blocks."""
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(40):
        layers, points = [], []
        for _ in range(3):
            A = rng.integers(-2, 3, (int(rng.integers(2, 7)), 2)).astype(float)
            x = rng.integers(-1, 2, 2).astype(float)
            layers.append((A, np.where(rng.random(len(A)) < 0.4, -(A @ x), rng.integers(-1, 3, len(A)))))
            points.append(x)
        alone = [preimage(ReLULayer(A, b), at=x) for (A, b), x in zip(layers, points, strict=True)]
        A, rows, columns = joined([A for A, _ in layers], rng)
        b, x = np.concatenate([b for _, b in layers])[rows], np.concatenate(points)[columns]
        found = preimage(ReLULayer(sparse.csr_array(A) if as_sparse else A, b), at=x)
        assert found.bounded is all(each.bounded for each in alone)
        assert found.singleton is all(each.singleton for each in alone)
        assert found.dimension.upper == sum(each.dimension.upper for each in alone)
        assert found.dimension.lower == max(sum(each.dimension.lower for each in alone), int(found.singleton is False))
        assert found.certificate.verify()
        seen.add(found.kind)
    assert seen == {Kind.SINGLETON, Kind.BOUNDED, Kind.UNBOUNDED}


def test_proofs_of_blocks_are_saved_and_verified(tmp_path) -> None:
    """Also those with integers: a block with one more row that floats cannot tell from a dependent one."""
    thin = np.array([[1.0, 1.0], [-1.0, -1.0 - 2.0**-52], [0.0, 1.0], [0.0, -1.0]])
    A, _, _ = joined([thin, TRIANGLE, TRIANGLE, TRIANGLE], np.random.default_rng(5))
    layer = ReLULayer(A, np.full(len(A), -1.0))
    found = classify(layer, np.zeros((2, 8)), progress=False)
    assert found.verify(progress=False).all()
    save_certificates(found, tmp_path, progress=False)
    assert load_certificates(tmp_path).verify(progress=False).proved.all()
    assert isinstance(found[0].bounded_decision.certificate, BlockByBlock)


def test_a_direction_that_needs_its_whole_block_is_proved_in_the_whole() -> None:
    """Dependent equality rows in one block do not hide a direction in another."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((3, 3))
    first = np.vstack([first, first[0] + first[1], first[1] - first[2]])  # rank 3, up to rounding
    second = np.vstack([rng.standard_normal((2, 6)), -np.eye(6)])
    second[:2] -= second[:2].mean(axis=1, keepdims=True)  # orthogonal to the ones, up to rounding
    A = sparse.block_diag([first, second]).toarray()
    equal = np.arange(len(A)) < 7
    for as_sparse in (False, True):
        cone = cone_of(A, equal, ~equal, as_sparse=as_sparse)
        found = decide_cone(cone)
        assert found.holds is False
        assert isinstance(found.certificate, Direction | ExactDirection | LocalCounting)
        assert found.certificate.verify(cone)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_each_block_is_proved_by_its_own_numbers(as_sparse: bool) -> None:
    """Three triangles, whose rows sum to 0 up to the multipliers 1, 1, 1; floats, integers or both."""
    triangle = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    A = sparse.block_diag([triangle] * 3).toarray()
    every, right, wrong = np.ones(9, dtype=bool), [1.0, 1.0, 1.0], [1.0, 3.0, 1.0]
    cone = cone_of(A, ~every, every, as_sparse=as_sparse)
    none = np.zeros(0, dtype=int)

    def holds(values: list[float], rows: np.ndarray = none, integers: tuple[int, ...] = ()) -> bool:
        return BlockByBlock(np.array(values), rows, integers).verify(cone)

    assert holds(right * 3)
    for place in range(3):  # equal blocks, of which one has other multipliers
        values = right * 3
        values[3 * place : 3 * place + 3] = wrong
        assert not holds(values)
        rows = np.arange(3 * place, 3 * place + 3)
        assert holds(values, rows, (2, 2, 2))  # integers come first
        assert not holds(right * 3, rows, (2, 2, 3))
        assert not holds(right * 3, rows[:2], (2, 2))
        assert not holds([0.0 if row in rows else 1.0 for row in range(9)])
    assert holds([0.0] * 9, np.arange(9), (1, 1, 1, 2, 2, 2, 5, 5, 5))
    assert not holds([0.0] * 9, np.arange(9), (1, 1, 1, 1, 2, 1, 1, 1, 1))
    assert not holds([0.0] * 9, np.arange(9), (1, 1, 1, 1, 1, 1, 1, 2, 1))
    for values in (right * 2, right * 4, [*right, *right, 1.0, 1.0, np.nan], [*right, *right, 1.0, np.inf, 1.0]):
        assert not holds(values)
    assert not BlockByBlock(np.ones((9, 1)), none, ()).verify(cone)
    for rows, integers in (([9], (1,)), ([-1], (1,)), ([0, 9], (1, 1)), ([0, 1, 2], (1, 1)), ([], (1,)), ([0], ())):
        assert not holds(right * 3, np.array(rows, dtype=int), integers)


def test_one_open_block_leaves_the_product_open() -> None:
    A, _, _ = joined([TRIANGLE, TRIANGLE, -2 * TRIANGLE], np.random.default_rng(1))
    every = np.ones(len(A), dtype=bool)
    cone = cone_of(A, ~every, every, as_sparse=False)
    asked = []

    def decide(part: Cone):
        asked.append(part)
        return still_open("it is Sunday") if len(asked) == 2 else decide_cone(part)

    found = decide_by_blocks(cone, lambda part: None, decide)
    assert found.holds is None
    assert "independent blocks stay open, the first of 3 rows on 2 coordinates: it is Sunday" in found.reason
