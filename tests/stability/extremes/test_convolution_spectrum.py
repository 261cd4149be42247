"""Spectra of convolutions: nine configurations against the dense matrix, closed forms, what is refused."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

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
