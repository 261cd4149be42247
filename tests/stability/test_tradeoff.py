import math

import numpy as np
import pytest
import torch

from stability.reference_networks import REFERENCES, Graph, convolution, normal
from unrelu.errors import InputError, TooLarge
from unrelu.operators import ReLU
from unrelu.stability import cost, parts
from unrelu.stability.cost import spectrum_cost
from unrelu.stability.spectrum import spectrum
from unrelu.stability.tradeoff import Spread, tradeoff
from unrelu.stability.window import Window


def test_rows_are_medians_and_quartiles_over_the_inputs():
    net = REFERENCES["dense"]().network
    x = normal(3, 5, 12)
    found = tradeoff(net, x, progress=False)
    assert [(row.layer, row.relu) for row in found.rows] == [(n, r) for n in net.layers for r in (False, True)]
    for row in found.rows:
        one_by_one = [spectrum(net.upto(row.layer), point, relu=row.relu) for point in x]
        assert (row.n_inputs, row.output_size, row.input_size) == (5, *one_by_one[0].shape)
        ranks = sorted(one.rank for one in one_by_one)
        assert (row.rank.lower, row.rank.median, row.rank.upper) == (ranks[1], ranks[2], ranks[3])
        assert row.invariant.median == 12 - ranks[2]
        smallest = np.nanmedian([one.smallest_nonzero for one in one_by_one])
        assert row.smallest_nonzero.median == pytest.approx(smallest, rel=1e-10)
        upper = np.nanquantile([one.condition_number for one in one_by_one], 0.75)
        assert row.condition_number.upper == pytest.approx(upper, rel=1e-10)


def test_it_prints_as_a_table():
    lines = str(tradeoff(REFERENCES["dense"]().network, normal(3, 2, 12), progress=False)).splitlines()
    assert lines[0].split() == ["layer", "ReLU", "size", "rank", "invariant", "condition", "smallest", "largest"]
    assert len(lines) == 7
    assert lines[2].startswith("relu1  with")
    assert len({len(line) for line in lines}) == 1


def test_spreads_leave_out_what_is_undefined():
    assert Spread.of([1.0, math.nan, 3.0]).median == 2.0
    assert math.isnan(Spread.of([math.nan]).median)


# -- what a spectrum will take ------------------------------------------------------------------------


def stack(size):
    return (
        Graph(2, size, size)
        .add("conv", convolution(normal(0, 6, 2, 3, 3) / 3, normal(1, 6), padding=1))
        .add("relu", ReLU())
        .network()
    )


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("window", [None, Window(rows=(2, 9), columns=(3, 8))])
def test_the_cost_tells_the_route_and_the_sizes(window, relu):
    net, x = stack(14), normal(5, 2, 14, 14)
    told = spectrum_cost(net, x, relu=relu, window=window)
    found = spectrum(net, x, relu=relu, window=window)
    m, d = told.factored
    assert told.shape == found.shape
    assert d == found.shape[1]
    assert f"{m} x {d} matrix" in found.method or window is not None
    assert (told.method == "one decomposition") == ("gesdd of" in found.method)
    assert told.memory > 8 * m * d
    assert told.fits
    assert "GiB" in str(told)


def test_more_work_is_told_as_more(monkeypatch):
    monkeypatch.setattr(cost, "products_per_second", lambda: 1e9)
    x = normal(5, 2, 30, 30)
    whole = spectrum_cost(stack(30), x)
    part = spectrum_cost(stack(30), x, window=Window(rows=(2, 9)))
    assert whole.seconds > 10 * part.seconds
    assert whole.memory > part.memory
    direct = spectrum_cost(stack(30), x, accuracy=0.0)
    assert direct.method == "one decomposition"
    assert direct.seconds > whole.seconds
    assert spectrum_cost(stack(30), x, features=Window(channels=(0, 1))).shape == (900, 1800)


def test_what_does_not_fit_is_told_before_it_is_refused():
    net, x = stack(120), torch.zeros(2, 120, 120)
    told = spectrum_cost(net, x, relu=False)
    assert not told.fits
    assert "take a window, or extreme_singular_values" in str(told)
    with pytest.raises(TooLarge):
        spectrum(net, x, relu=False)
    assert spectrum_cost(net, x, relu=False, window=Window(rows=(0, 5))).fits
    with pytest.raises(InputError):
        spectrum_cost(net, x, accuracy=-1.0)


def test_dense_networks_have_a_cost_too():
    net = REFERENCES["dense"]().network
    told = spectrum_cost(net, np.zeros(12))
    assert told.shape == (15, 12)
    assert parts.push_work(net, torch.arange(12), net.nodes[1:], 2**20) > 0
