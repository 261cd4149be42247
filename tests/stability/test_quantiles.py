import numpy as np
import pytest

from stability.reference_networks import REFERENCES, normal, one_layer
from unrelu.errors import InputError
from unrelu.stability.quantiles import spectrum_quantiles
from unrelu.stability.spectra import spectra
from unrelu.stability.spectrum import spectrum


def diagonal_spectra(*diagonals):
    return [spectrum(one_layer(np.diag(np.array(diagonal)), 1.0), np.zeros(len(diagonal))) for diagonal in diagonals]


def test_median_and_quartiles_by_index():
    found = spectrum_quantiles(diagonal_spectra([1.0, 5.0], [2.0, 6.0], [3.0, 7.0], [9.0, 4.0], [5.0, 9.5]))
    assert found.probabilities == (0.25, 0.5, 0.75)
    assert found.curves.tolist() == [[6.0, 2.0], [7.0, 3.0], [9.0, 4.0]]
    assert found.curve(0.5).tolist() == [7.0, 3.0]
    assert (found.layer, found.relu, found.n_inputs) == ("relu1", True, 5)


def test_between_two_order_statistics_it_is_linear():
    assert spectrum_quantiles(diagonal_spectra([1.0], [2.0]), [0.5]).curves.tolist() == [[1.5]]


def test_curves_of_a_network_descend_and_do_not_cross():
    net = REFERENCES["dense"]().network
    found = spectra(net, normal(0, 9, 12), progress=False)
    for layer in net.layers:
        for relu in (False, True):
            chosen = [one for one in found if one.layer == layer and one.relu == relu]
            curves = spectrum_quantiles(chosen).curves
            assert (np.diff(curves, axis=1) <= 0).all()
            assert (np.diff(curves, axis=0) >= 0).all()


def test_misuse():
    some = diagonal_spectra([1.0, 2.0], [3.0, 4.0])
    with pytest.raises(InputError, match="at least one spectrum"):
        spectrum_quantiles([])
    with pytest.raises(InputError, match="spectra of one layer"):
        spectrum_quantiles([*some, *diagonal_spectra([1.0])])
    with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
        spectrum_quantiles(some, [0.5, 1.5])
    with pytest.raises(InputError, match=r"no curve for the quantile 0\.1"):
        spectrum_quantiles(some).curve(0.1)
