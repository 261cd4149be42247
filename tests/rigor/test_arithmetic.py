"""Where a thread does not compute as the bounds assume, there are none."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

from flushing import flushing
from unrelu.errors import UnprovableArithmetic
from unrelu.exact.integers import integer_rows
from unrelu.rigor.arithmetic import is_ieee, proof, require_ieee
from unrelu.rigor.rounding import frobenius_above, gamma, norm_above, norm_below, row_norms_above, sum_above
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import exact_dot, exact_sign, exact_signs, exact_signs_batch
from unrelu.rigor.singular import proves_full_rank, smallest_singular_value_bound

ONE = np.ones((1, 1))
TINY = np.array([[1e-310]])
LIBRARY = ctypes.util.find_library("m")


def test_a_flag_that_is_set_and_taken_back_is_seen() -> None:
    assert is_ieee()
    with flushing():
        assert not is_ieee()
        with pytest.raises(UnprovableArithmetic, match="set_flush_denormal"):
            require_ieee()
    assert is_ieee()
    require_ieee()


@pytest.mark.skipif(LIBRARY is None, reason="no C library to set the rounding mode with")
@pytest.mark.parametrize("mode", [0x400, 0x800, 0xC00])
def test_rounding_down_up_and_to_zero_are_seen(mode: int) -> None:
    library = ctypes.CDLL(LIBRARY)
    changed = library.fesetround(mode)
    seen = is_ieee()
    library.fesetround(0)
    assert changed != 0 or not seen
    assert is_ieee()


def test_the_mode_is_that_of_the_thread_that_asks() -> None:
    with ThreadPoolExecutor(1) as before:
        assert before.submit(is_ieee).result()
        with flushing():
            assert before.submit(is_ieee).result()
            with ThreadPoolExecutor(1) as after:  # inherits it
                assert not after.submit(is_ieee).result()


@pytest.mark.parametrize(
    "asked",
    [
        lambda: gamma(3),
        lambda: norm_above(np.array([1e-310])),
        lambda: norm_below(np.ones(2)),
        lambda: sum_above(np.ones(2)),
        lambda: row_norms_above(TINY),
        lambda: frobenius_above(sparse.csr_array(ONE)),
        lambda: exact_sign(np.ones(1), 1.0, np.ones(1)),
        lambda: exact_signs(TINY, np.zeros(1), np.ones(1)),
        lambda: exact_signs_batch(TINY, np.zeros(1), np.ones((1, 1)), np.ones(1)),
        lambda: exact_dot(TINY[0], np.ones(1)),
        lambda: integer_rows(TINY),
        lambda: ScaledRows(TINY),
        lambda: ScaledRows(sparse.csr_array(TINY)),
    ],
)
def test_nothing_that_a_proof_rests_on_is_handed_out(asked: Callable[[], object]) -> None:
    asked()
    with flushing(), pytest.raises(UnprovableArithmetic):
        asked()


@pytest.mark.parametrize("name", ["norms", "bounded_column", "bound_sign", "zero_columns"])
def test_nothing_false_is_stored_with_rows_for_later(name: str) -> None:
    rows = ScaledRows(np.array([[1.0, 2.0**-1060], [0.0, 1.0]]))
    with flushing(), pytest.raises(UnprovableArithmetic):
        getattr(rows, name)
    np.testing.assert_array_equal(getattr(rows, name), getattr(ScaledRows(rows.matrix), name))


def test_ranks_are_not_proved_and_checks_not_passed() -> None:
    passed = proof(lambda: True)
    assert smallest_singular_value_bound(np.eye(2)) > 0
    assert proves_full_rank(np.eye(2))
    assert passed()
    with flushing():
        assert smallest_singular_value_bound(np.eye(2)) == 0.0
        assert smallest_singular_value_bound(sparse.csr_array(np.eye(2))) == 0.0
        assert not proves_full_rank(np.eye(2))
        assert not passed()
