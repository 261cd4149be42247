"""Columns that are found together are those that are found one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

from unrelu.network import folding
from unrelu.network.colouring import Colouring, colouring
from unrelu.network.graph import Network


class Residual(nn.Module):
    """Two convolutions of different reach, summed."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 5, padding=2, dilation=1)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.near(x) + self.far(x))


CHAINS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "padded": (nn.Conv2d(2, 3, 3, padding=1), (2, 11, 8)),
    "valid": (nn.Conv2d(1, 2, (2, 3)), (1, 9, 10)),
    "stride": (nn.Conv2d(2, 2, 3, stride=2, padding=1), (2, 12, 9)),
    "gaps": (nn.Conv2d(2, 2, 1, stride=3), (2, 11, 10)),  # most places reach nothing
    "kernel before padding": (nn.Conv2d(1, 2, 2, padding=3), (1, 8, 8)),
    "dilation": (nn.Conv2d(1, 2, 3, dilation=2), (1, 13, 12)),
    "groups": (nn.Conv2d(4, 4, 3, groups=2, padding=1), (4, 9, 9)),
    "signal": (nn.Conv1d(2, 3, 4, stride=2), (2, 24)),
    "cuboid": (nn.Conv3d(1, 2, 2), (1, 6, 5, 7)),
    "patches": (nn.Conv2d(1, 4, 4, 4), (1, 12, 16)),
    "two": (nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 3)), (1, 14, 14)),
    "pooled": (nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(2, 2, 3)), (2, 20, 18)),
    "edge": (nn.Sequential(nn.ZeroPad2d((1, 2, 0, 3)), nn.Conv2d(2, 2, 3)), (2, 9, 9)),
    "residual": (Residual(), (2, 16, 12)),
}


def network_of(name: str) -> tuple[Network, str]:
    torch.manual_seed(0)
    module, shape = CHAINS[name]
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_var is not None
            assert part.running_mean is not None
            nn.init.uniform_(part.running_var, 0.5, 2.0)
            nn.init.normal_(part.running_mean)
    whole = module if isinstance(module, Residual) else nn.Sequential(module, nn.ReLU())
    network = Network.from_torch(whole.eval(), torch.zeros(1, *shape))
    return network, network.layers[-1]


def groups_of(network: Network, relu: str) -> Colouring | None:
    (target,) = network.node(relu).inputs
    origin = network.nodes[0]
    return colouring(folding._between(network, origin.name, target), origin)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("kept_sparse", [False, True])
def test_groups_give_the_columns_that_single_units_give(
    name: str, kept_sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kept_sparse:
        monkeypatch.setattr(folding, "SPARSE_FROM", 0)
        monkeypatch.setattr(folding, "SPARSE_DENSITY", 1.0)
    network, relu = network_of(name)
    assert groups_of(network, relu) is not None
    together = network.layer(relu)
    monkeypatch.setattr(folding, "colouring", lambda chain, origin: None)
    alone = network.layer(relu)
    assert together.is_sparse is alone.is_sparse is kept_sparse
    A, B = together.dense_weight, alone.dense_weight
    assert ((A != 0) == (B != 0)).all()
    assert np.abs(A - B).max() <= together.folding_error + alone.folding_error
    assert together.folding_error == pytest.approx(alone.folding_error, rel=1e-3)
    assert np.array_equal(together.bias, alone.bias)
    for weight in (together.weight, alone.weight):
        assert not sparse.issparse(weight) or isinstance(weight, sparse.csr_array)
        if isinstance(weight, sparse.csr_array):
            assert weight.has_canonical_format
            assert weight.indices.dtype == np.int32


@pytest.mark.parametrize("name", CHAINS)
def test_each_unit_is_in_one_group_and_no_place_is_reached_by_two_of_one(name: str) -> None:
    network, relu = network_of(name)
    groups = groups_of(network, relu)
    assert groups is not None
    colours = [groups.colour(index) for index in range(groups.count)]
    units = groups.units(colours)
    assert (units.sum(axis=0) == 1).all()
    full = network.layer(relu).dense_weight != 0
    assert (units.reshape(len(units), -1) @ full.T.astype(float)).max() <= 1


@pytest.mark.parametrize(("kernel", "stride", "expected"), [(3, 1, 9), (5, 1, 25), (3, 2, 16), (4, 4, 16), (1, 1, 1)])
def test_the_number_of_groups_does_not_grow_with_the_picture(kernel: int, stride: int, expected: int) -> None:
    for size in (32, 48):
        module = nn.Sequential(nn.Conv2d(2, 1, kernel, stride, padding=kernel // 2 * (kernel % 2)), nn.ReLU())
        network = Network.from_torch(module.eval(), torch.zeros(1, 2, size, size))
        groups = groups_of(network, network.layers[0])
        assert groups is not None
        assert groups.count <= 2 * expected


def test_what_is_no_picture_is_pushed_unit_by_unit() -> None:
    network = Network.from_torch(nn.Sequential(nn.Linear(8, 4), nn.ReLU()).eval(), torch.zeros(1, 8))
    assert groups_of(network, network.layers[0]) is None
    whole = nn.Sequential(nn.Conv2d(1, 1, 7, padding=3), nn.ReLU())
    network = Network.from_torch(whole.eval(), torch.zeros(1, 1, 7, 7))
    assert groups_of(network, network.layers[0]) is None  # every place reaches its neighbours all over the picture
