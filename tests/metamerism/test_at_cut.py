"""Whether a metamer's features decide the network's output, and what can see past them."""

from __future__ import annotations

import numpy as np
import pytest

from small_studies import branched_network, dense_network, joined_network, pictures
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network

X, T = pictures()[0][:2]


@pytest.mark.parametrize(
    ("net", "names", "bypassed_by"),
    [
        (dense_network(), ("relu1",), ()),
        (dense_network(), ("relu2",), ()),
        (dense_network(), ("output",), ()),
        (joined_network(), ("relu1",), ("add",)),
        (joined_network(), ("relu2",), ()),
        (branched_network(), ("relu-left",), ("right",)),
        (branched_network(), ("relu-right",), ("left",)),
        (branched_network(), ("relu-left", "relu-right"), ()),
        (branched_network(), ("left", "relu-right"), ()),
        (branched_network(), ("left", "relu-left"), ("right",)),
        (branched_network(), ("joined",), ()),
    ],
)
def test_the_output_stays_where_the_features_are_a_cut(
    net: Network, names: tuple[str, ...], bypassed_by: tuple[str, ...]
) -> None:
    prefix = net.upto(*names)
    found = metamer(prefix, at=X, target=T, norm=2, domain=None)
    assert found.bypassed_by == prefix.bypassed_by == bypassed_by
    assert found.at_cut is not bool(bypassed_by)
    assert found.feature_error < 1e-12
    moved = np.abs(np.subtract(*np.asarray(net(np.stack([X, np.asarray(found.x)]))))).max()
    assert (moved < 1e-10) == found.at_cut
    assert np.abs(np.asarray(found.x) - X).max() > 1e-3


def test_of_a_layer_by_itself_nothing_is_known() -> None:
    found = metamer(dense_network().layer("relu1"), at=X, target=T)
    assert found.bypassed_by is None
    assert found.at_cut is None


def test_a_whole_network_keeps_its_own_output() -> None:
    found = metamer(branched_network(), at=X, target=T)
    assert found.at_cut
    assert found.bypassed_by == ()


def test_only_nodes_past_the_features_see_a_difference() -> None:
    for layer, at_cut in (("relu-left", False), ("joined", True)):
        found = metamer(branched_network().upto(layer), at=X, target=T, norm=2)
        assert found.at_cut is at_cut
        assert bool(found.seen_by) is not at_cut
        if at_cut:
            assert found.classes is not None
            assert found.classes.original == found.classes.metamer
        else:
            assert {each.node for each in found.seen_by} >= set(found.bypassed_by or ())
