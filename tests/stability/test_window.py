import numpy as np
import pytest
import torch

from stability.reference_networks import REFERENCES, Graph, convolution, normal
from unrelu.errors import InputError, TooLarge
from unrelu.operators import ReLU
from unrelu.stability import parts
from unrelu.stability.jacobian import push, window_start
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import activation_pattern
from unrelu.stability.spectra import spectra
from unrelu.stability.spectrum import spectrum
from unrelu.stability.window import Window

WINDOWS = [
    Window(),
    Window(rows=(1, 3)),
    Window(rows=(0, 1), columns=(3, 4)),
    Window(channels=(1, 2), columns=(1, 4)),
]


def expected_values(net, x, relu, window, features=None):
    lin = linearize(net, x, relu=relu)
    matrix = lin.matrix[:, window.coordinates(net.input_shape)]
    if features is not None:
        matrix = matrix[features.coordinates(net.output_shape)]
    return np.linalg.svd(matrix, compute_uv=False)


@pytest.mark.parametrize("work", [0, 10**12])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("kind", ["convolutional", "residual"])
def test_a_window_takes_its_columns_of_the_jacobian(kind, window, work, monkeypatch):
    monkeypatch.setattr(parts, "_STEP_WORK", work)
    net = REFERENCES[kind]().network
    x = normal(99, *net.input_shape)
    for layer in net.layers:
        for relu in (False, True):
            found = spectrum(net.upto(layer), x, relu=relu, window=window)
            expected = expected_values(net.upto(layer), x, relu, window)
            np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-12)
            assert found.structural_rank >= found.rank
            assert (found.window, found.shape[1]) == (window, len(window.coordinates(net.input_shape)))
    many = spectra(net, x[None], relu=(True,), window=window, progress=False)
    for layer, found in zip(net.layers, many, strict=True):
        np.testing.assert_allclose(found.values, spectrum(net.upto(layer), x, window=window).values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("relu", [False, True])
def test_a_window_of_features_takes_its_rows(relu):
    net = REFERENCES["residual"]().network
    x = normal(99, *net.input_shape)
    features, window = Window(rows=(1, 3), channels=(0, 4)), Window(columns=(0, 3))
    found = spectrum(net.upto("relu3"), x, relu=relu, window=window, features=features)
    expected = expected_values(net.upto("relu3"), x, relu, window, features)
    assert found.shape == (32, 24)
    assert found.structural_rank <= 24
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-12)
    dense = spectrum(net.upto("relu4"), x, relu=relu, features=Window(channels=(2, 5)))
    np.testing.assert_allclose(
        dense.values, expected_values(net, x, relu, Window(), Window(channels=(2, 5))), rtol=0, atol=1e-12
    )


def stack(size):
    """Convolutions over an image of that size."""
    return (
        Graph(2, size, size)
        .add("conv1", convolution(normal(0, 6, 2, 3, 3) / 3, normal(1, 6), padding=1))
        .add("relu1", ReLU())
        .add("conv2", convolution(normal(2, 4, 6, 3, 3) / 5, normal(3, 4), padding=1))
        .add("relu2", ReLU())
        .network()
    )


def test_the_way_to_a_network_whose_jacobian_does_not_fit():
    x = normal(5, 2, 200, 200)
    with pytest.raises(TooLarge, match="about a window of the input"):
        spectrum(stack(200), x)
    found = spectrum(stack(200), x, window=Window(rows=(90, 95), columns=(40, 46)))
    # the same pixels in the middle of a crop, far enough from its edges
    crop = expected_values(stack(16), x[:, 85:101, 35:51], True, Window(rows=(5, 10), columns=(5, 11)))
    np.testing.assert_allclose(found.values, crop, rtol=0, atol=1e-12)
    assert found.shape == (160_000, 60)


def test_only_what_a_window_reaches_is_kept():
    net, window = stack(200), Window(rows=(90, 95), columns=(0, 6))
    pattern = activation_pattern(net, normal(5, 2, 200, 200))
    arrived = push(net, pattern, ["conv2", "relu2"], start=window_start(net, window))
    before, after = (found.tangents for found in arrived)
    assert before.values.shape == (60, 4 * 9 * 8)
    assert after.values.shape == (60, int(pattern.active("relu2")[:, 88:97, :8].sum()))


def test_coordinates_are_those_of_the_slices():
    indices = np.arange(2 * 5 * 6).reshape(2, 5, 6)
    window = Window(rows=(1, 4), columns=(2, 3), channels=(0, 2))
    assert window.coordinates((2, 5, 6)).tolist() == indices[0:2, 1:4, 2:3].ravel().tolist()
    assert Window(rows=(1, 4)).coordinates((5, 6)).tolist() == list(range(6, 24))
    assert Window(channels=(3, 5)).coordinates((7,)).tolist() == [3, 4]
    assert str(window) == "rows 1:4, columns 2:3, channels 0:2"
    assert str(Window()) == "everything"


def test_windows_that_are_none_are_refused():
    with pytest.raises(InputError, match=r"rows 3 to 3 do not lie in a sample of shape \(4, 4\), or are none"):
        Window(rows=(3, 3)).coordinates((4, 4))
    with pytest.raises(InputError, match="columns 0 to 5 do not lie"):
        Window(columns=(0, 5)).coordinates((1, 4, 4))
    with pytest.raises(InputError, match=r"shape \(9,\) has no rows"):
        Window(rows=(0, 1)).coordinates((9,))
    for span in (slice(0, 4), range(0, 4), 4, (1, 2, 3), (0.5, 2.0), "ab"):
        with pytest.raises(
            InputError, match=r"columns of a window are two whole numbers, .* such as columns=\(4, 12\)"
        ):
            Window(columns=span)  # pyright: ignore[reportArgumentType]
    both = stack(8).upto("relu1", "relu2")
    with pytest.raises(InputError, match="one output"):
        spectrum(both, torch.zeros(2, 8, 8), features=Window())
    with pytest.raises(InputError, match=r"accuracy must be a number in \[0, 1\)"):
        spectrum(stack(8), torch.zeros(2, 8, 8), accuracy=1.0)


def test_integers_of_any_type_make_the_same_window():
    asked = Window(rows=[1, np.int64(3)])  # pyright: ignore[reportArgumentType]
    assert asked == Window(rows=(1, 3))
    assert {asked} == {Window(rows=(1, 3))}
