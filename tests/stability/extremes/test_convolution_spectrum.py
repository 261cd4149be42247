"""Spectra of convolutions: nine configurations against the dense matrix, closed forms, what is refused."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from stability.prescribed_values import prescribed
from unrelu.errors import InputError, ShapeError, TooLarge
from unrelu.stability.extremes import convolution_spectrum as module
from unrelu.stability.extremes.convolution_spectrum import convolution_spectrum

NINE = [
    # out, in, kernel, stride, groups, padding, size
    (4, 3, (3, 3), 1, 1, "circular", (8, 6)),
    (3, 4, (2, 2), 1, 1, "circular", (5, 7)),
    (4, 6, (3, 2), 1, 2, "circular", (6, 6)),
    (5, 2, (3, 3), 2, 1, "circular", (8, 6)),
    (8, 4, (4, 4), 2, 4, "circular", (8, 8)),
    (4, 3, (3, 3), 1, 1, 1, (7, 6)),
    (4, 4, (2, 2), 1, 2, 1, (6, 5)),
    (6, 3, (3, 3), 2, 3, 1, (8, 7)),
    (5, 2, (4, 4), 2, 1, 0, (9, 8)),
]


def dense(weight: torch.Tensor, size, stride, padding, groups, dilation=1) -> np.ndarray:
    """The matrix by unit vectors through torch's own convolution; circular padding before and after."""
    d = weight.shape[1] * groups * math.prod(size)
    x = torch.eye(d, dtype=torch.float64).reshape(d, -1, *size)
    if padding == "circular":
        sides = [side for k in reversed(weight.shape[2:]) for side in (dilation * (k - 1), 0)]
        x = functional.pad(x, sides, mode="circular")
        padding = 0
    return functional.conv2d(x, weight, None, stride, padding, dilation, groups).reshape(d, -1).T.numpy()


@pytest.mark.parametrize("scales", [None, (1.0, 1e3), (1e-4, 1.0)])
@pytest.mark.parametrize(("out", "inner", "kernel", "stride", "groups", "padding", "size"), NINE)
def test_nine_configurations_equal_the_dense_matrix(out, inner, kernel, stride, groups, padding, size, scales):
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(out, inner // groups, *kernel, dtype=torch.float64, generator=generator)
    if scales is not None:  # of the first and the last group
        weight[: out // groups] *= scales[0]
        weight[-(out // groups) :] *= scales[1]
    found = convolution_spectrum(weight, size, stride=stride, padding=padding, groups=groups)
    A = dense(weight, size, stride, padding, groups)
    expected = np.linalg.svd(A, compute_uv=False)
    assert found.shape == A.shape
    np.testing.assert_allclose(found.values, expected, rtol=1e-6, atol=1e-12 * expected[0])
    assert found.method.startswith("Fourier" if padding == "circular" else "LAPACK")


def test_dilated_and_wider_than_the_grid():
    weight = torch.randn(2, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = convolution_spectrum(weight, (4, 5), dilation=2)
    A = np.zeros((2, 4, 5, 3, 4, 5))
    for y, x in np.ndindex(4, 5):
        for i in range(3):
            for j in range(3):
                A[:, y, x, :, (y + 2 * i) % 4, (x + 2 * j) % 5] += weight[:, :, i, j].numpy()
    expected = np.linalg.svd(A.reshape(40, 60), compute_uv=False)
    np.testing.assert_allclose(found.values, expected, rtol=1e-10)


def test_circular_with_a_stride_that_does_not_divide_the_size():
    weight = torch.randn(3, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = convolution_spectrum(weight, [7], stride=2)
    A = np.zeros((3, 4, 2, 7))
    for p in range(4):
        for k in range(3):
            A[:, p, :, (2 * p + k) % 7] += weight[:, :, k].numpy()
    np.testing.assert_allclose(found.values, np.linalg.svd(A.reshape(12, 14), compute_uv=False), rtol=1e-10)
    assert found.method.startswith("LAPACK")


def test_circulant_matrices_have_the_transform_of_their_kernel():
    kernel = np.array([2.0, -1.0, 0.5])
    frequencies = np.exp(2j * np.pi * np.arange(9) / 9)
    expected = np.sort(abs(2 - frequencies + 0.5 * frequencies**2))[::-1]
    np.testing.assert_allclose(convolution_spectrum(kernel[None, None], [9]).values, expected, rtol=1e-14)


def test_a_shift_is_orthogonal_and_a_strided_one_a_projection():
    shift = np.zeros((1, 1, 2, 2))
    shift[0, 0, 1, 1] = 1
    np.testing.assert_allclose(convolution_spectrum(shift, (4, 6)).values, 1.0, rtol=1e-15)
    found = convolution_spectrum(shift, (4, 6), stride=2)
    assert (found.shape, found.values.tolist()) == ((6, 24), [1.0] * 6)


def test_volumes():
    weight = np.random.default_rng(0).normal(size=(2, 1, 2, 2, 2))
    found = convolution_spectrum(weight, (2, 3, 2))
    A = np.zeros((2, 2, 3, 2, 1, 2, 3, 2))
    for place in np.ndindex(2, 3, 2):
        for offset in np.ndindex(2, 2, 2):
            to = tuple((a + b) % n for a, b, n in zip(place, offset, (2, 3, 2), strict=True))
            A[(slice(None), *place, slice(None), *to)] += weight[(slice(None), slice(None), *offset)]
    np.testing.assert_allclose(found.values, np.linalg.svd(A.reshape(24, 12), compute_uv=False), rtol=1e-10)


# -- errors and ranks -----------------------------------------------------------------------------------


def by_hand(weight, size, stride, dilation, groups, padding):
    """The matrix of a convolution as fractions of mpmath, where they are added exactly."""
    out, inner = weight.shape[:2]
    kernel = weight.shape[2:]
    periodic = padding == "circular"
    pad = 0 if periodic else padding
    reach = [dilation * (width - 1) for width in kernel]
    grid = [
        -(-length // stride) if periodic else (length + 2 * pad - far - 1) // stride + 1
        for length, far in zip(size, reach, strict=True)
    ]
    A = mpmath.zeros(out * math.prod(grid), inner * groups * math.prod(size))
    for (row, place), offset in itertools.product(enumerate(np.ndindex(out, *grid)), np.ndindex(*kernel)):
        to = [stride * p + dilation * k - pad for p, k in zip(place[1:], offset, strict=True)]
        if periodic:
            to = [t % length for t, length in zip(to, size, strict=True)]
        if any(not 0 <= t < length for t, length in zip(to, size, strict=True)):
            continue
        first = place[0] // (out // groups) * inner
        for channel in range(inner):
            column = int(np.ravel_multi_index((first + channel, *to), (inner * groups, *size)))
            A[row, column] += mpmath.mpf(float(weight[(place[0], channel, *offset)]))
    return A


def true_values(A):
    """Singular values to 60 digits, descending: the roots of the eigenvalues of the smaller Gram matrix."""
    gram = A * A.T if A.rows <= A.cols else A.T * A
    squares = mpmath.eigsy(gram, eigvals_only=True)
    return sorted((mpmath.sqrt(max(square, 0)) for square in squares), reverse=True)


@st.composite
def convolutions(draw):
    dims, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    size = tuple(draw(st.integers(2, 7 if dims == 1 else 3)) for _ in range(dims))
    padding = draw(st.sampled_from(["circular", "circular", 1]))
    stride, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel = tuple(draw(st.integers(1, min(3, length))) for length in size)
    if padding != "circular" and any(dilation * (k - 1) >= n + 2 for k, n in zip(kernel, size, strict=True)):
        dilation = 1
    out, inner = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weight = rng.normal(size=(out, inner, *kernel))
    kind = draw(st.sampled_from(["normal", "whole", "sparse", "low rank", "sums to nearly nothing"]))
    if kind == "whole":
        weight = rng.integers(-2, 3, weight.shape).astype(float)
    if kind == "sparse":
        weight *= rng.random(weight.shape) < 0.4
    if kind == "low rank":
        weight[:] = weight[:1] * 0.1
    if kind == "sums to nearly nothing":
        weight[..., -1] -= weight.sum(axis=-1)
    weight[: out // groups] *= draw(st.sampled_from([1.0, 1e-7, 1e-17, 1e-40]))
    return weight, size, stride, dilation, groups, padding


@settings(max_examples=60)
@given(convolutions())
def test_every_value_is_as_near_to_the_true_one_as_its_error_says(case):
    """To 60 digits; what is 0 there to 50 is 0, and the rank lies where it is said to."""
    weight, size, stride, dilation, groups, padding = case
    found = convolution_spectrum(weight, size, stride=stride, dilation=dilation, groups=groups, padding=padding)
    with mpmath.workdps(120):
        expected = true_values(by_hand(*case))
        assert found.shape[0] >= len(expected) == len(found.values) == len(found.errors)
        for value, error, true in zip(found.values.tolist(), found.errors.tolist(), expected, strict=True):
            assert abs(value - true) <= error + mpmath.mpf(10) ** -50
        rank = sum(true > mpmath.mpf(10) ** -50 for true in expected)
    assert found.rank <= rank <= found.rank + found.n_unknown == found.structural_rank
    assert not found.values[found.structural_rank :].any()
    assert not found.errors[found.structural_rank :].any()
    assert found.errors.max(initial=0.0) <= 1e-13 * np.abs(weight).sum()
    assert (np.diff(found.values) <= 0).all()
    assert not found.errors.flags.writeable


@pytest.mark.parametrize("padding", ["circular", 0])
def test_channels_mixed_by_a_matrix_with_known_values(padding):
    """Each value once a place; on such 8 x 8 matrices LAPACK errs by more than 8 eps now and then."""
    rng = np.random.default_rng(0)
    for seed in range(600):
        length = 1 + seed % 3
        A, values = prescribed(seed, 8, 8, rng.integers(0, 40 if seed % 3 else 3, 8).tolist())
        found = convolution_spectrum(A[:, :, None], [length], padding=padding)
        assert (np.abs(found.values - np.repeat(values, length)) <= found.errors).all()
        assert found.rank >= length * np.count_nonzero(values > 1e-12 * values[0])


@pytest.mark.parametrize("length", [64, 97, 1009, 2003, 2310])
def test_long_circulants_are_right_at_every_frequency(length):
    """Primes, too, whose transforms go through longer ones."""
    kernel = np.random.default_rng(length).normal(size=5)
    found = convolution_spectrum(kernel[None, None], [length])
    with mpmath.workdps(30):
        roots = [mpmath.expjpi(mpmath.mpf(2 * k) / length) for k in range(length)]
        weights = [mpmath.mpf(w) for w in kernel.tolist()]
        expected = sorted(
            (abs(sum(w * roots[j * k % length] for j, w in enumerate(weights))) for k in range(length)), reverse=True
        )
        off = [float(abs(value - true)) for value, true in zip(found.values.tolist(), expected, strict=True)]
    assert (np.array(off) <= found.errors).all()
    assert (found.rank, found.n_unknown) == (length, 0)
    assert found.errors.max() <= 100 * np.finfo(float).eps * np.abs(kernel).sum()


NOTHING = np.array([0.1, 0.2, -(0.1 + 0.2)])
"""They add up to -2^-55 = -2.8e-17, and to 0 in floats in this order."""


def test_a_value_that_floats_cannot_tell_from_zero_is_called_unknown():
    found = convolution_spectrum(NOTHING[None, None], [5])
    assert abs(found.values[-1] - 2.0**-55) <= found.errors[-1] < 1e-14
    assert (found.structural_rank, found.rank, found.n_unknown) == (5, 4, 1)


def test_weights_that_cancel_where_they_meet_leave_no_zero_that_the_structure_forces():
    """A kernel wider than the grid: the only weights meet in one place of each row."""
    weight = np.zeros((1, 1, 7))
    weight[0, 0, ::3] = NOTHING
    found = convolution_spectrum(weight, [3], stride=2)
    assert (np.abs(found.values - 2.0**-55) <= found.errors).all()
    assert (found.structural_rank, found.rank, found.n_unknown) == (2, 0, 2)


def test_an_error_is_that_of_the_place_and_not_of_the_group():
    """2.8e-17 of the first group may come out as 0, behind the 1e-17 of the second, which are sharp themselves."""
    weight = np.array([[NOTHING], [[1e-17, 0.0, 0.0]]])
    found = convolution_spectrum(weight, [5], groups=2)
    true = np.array([2.0**-55, *[1e-17] * 5])
    assert (np.abs(found.values[4:] - true) <= found.errors[4:] * (1 + 1e-12)).all()


def test_subnormal_values_are_rounded_by_what_they_say():
    """2, sqrt(2), sqrt(2) and 0 times the least float."""
    least = 2.0**-1074
    found = convolution_spectrum(np.array([[[least, least]]]), [4])
    assert (np.abs(found.values / least - [2, 2**0.5, 2**0.5, 0]) <= found.errors / least).all()


def test_a_tolerance_counts_small_values_as_zero():
    kernel = np.array([[[0.5, 0.0, 0.5]]])  # |cos(2 pi k / 12)|
    assert convolution_spectrum(kernel, [12]).rank == 10
    found = convolution_spectrum(kernel, [12], rtol=0.6)
    assert (found.tolerance, found.rank, found.n_unknown) == (pytest.approx(0.6), 6, 2)
    with pytest.raises(InputError, match="rtol must be a number in"):
        convolution_spectrum(kernel, [12], rtol=1.0)


@pytest.mark.parametrize("padding", ["circular", 0])
def test_what_no_window_reads_is_zero_by_structure(padding):
    """Channels 0 of 3 outputs and 1 of 2 inputs have no weights; every other place is skipped."""
    weight = np.random.default_rng(0).normal(size=(3, 2, 1))
    weight[0] = weight[:, 1] = 0.0
    found = convolution_spectrum(weight, [6], stride=2, padding=padding)
    assert found.shape == (9, 12)
    assert (found.structural_rank, found.rank, found.n_unknown) == (3, 3, 0)
    np.testing.assert_allclose(found.values[:3], np.linalg.norm(weight), rtol=1e-14)
    assert not found.values[3:].any()
    assert not found.errors[3:].any()


@pytest.mark.parametrize("padding", ["circular", 1])
@pytest.mark.parametrize("exponents", [(0, -60), (-1000, 0), (900, -900), (-1040, 1000)])
def test_groups_of_any_scale_keep_their_own_errors(padding, exponents):
    weight = np.random.default_rng(3).normal(size=(2, 1, 3, 3))
    alone = [convolution_spectrum(weight[k : k + 1], (4, 4), padding=padding) for k in range(2)]
    scaled = np.ldexp(weight, np.array(exponents)[:, None, None, None])
    found = convolution_spectrum(scaled, (4, 4), padding=padding, groups=2)
    assert (found.rank, found.n_unknown) == (32, 0)
    order = np.argsort(exponents)[::-1]
    expected = np.concatenate([np.ldexp(alone[k].values, exponents[k]) for k in order])
    assert (np.abs(found.values - expected) <= found.errors + 1e-9 * expected).all()
    for own in (slice(16), slice(16, 32)):
        assert found.errors[own].max() <= max(1e-13 * found.values[own].max(), 1e-322)


def test_values_beyond_the_floats_are_refused():
    with pytest.raises(InputError, match="larger than any float"):
        convolution_spectrum(np.full((1, 1, 3), 1e308), [4])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": (4,)}, ShapeError, "does not fit samples of spatial size"),
        ({"size": 4}, InputError, r"the size is one positive whole number a spatial dimension, such as .*, not 4"),
        ({"size": (4, 4.5)}, InputError, "the size is one positive whole number"),
        ({"size": (0, 4)}, InputError, "the size is one positive whole number"),
        ({"size": (4, 4), "stride": 1.5}, InputError, r"stride must be one whole number of at least 1, .* not 1\.5"),
        ({"size": (4, 4), "padding": None}, InputError, "padding must be one whole number of at least 0"),
        ({"size": (4, 4), "groups": 3}, ShapeError, "with 3 groups"),
        ({"size": (4, 4), "padding": "same"}, InputError, 'padding must be "circular" or numbers'),
        ({"size": (4, 4), "padding": -1}, InputError, "padding must be one whole number of at least 0"),
        ({"size": (4, 4), "stride": 0}, InputError, "stride must be one whole number of at least 1"),
        ({"size": (4, 4), "dilation": (1, 1, 1)}, InputError, "dilation must be one whole number"),
        ({"size": (1, 1), "padding": 0}, ShapeError, "smaller than the kernel"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        convolution_spectrum(np.ones((2, 1, 3, 3)), **arguments)


@pytest.mark.parametrize("padding", ["circular", 1])
def test_what_does_not_fit_in_memory_is_refused(padding, monkeypatch):
    monkeypatch.setattr(module, "DENSE_LIMIT", 1000)
    with pytest.raises(TooLarge, match="the convolution's matrices would take"):
        convolution_spectrum(np.ones((2, 1, 3, 3)), (8, 8), padding=padding)
