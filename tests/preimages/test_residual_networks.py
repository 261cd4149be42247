"""Every layer of a small residual network has an answer, or a sentence that says what left it open."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from unrelu.network import affine_rows
from unrelu.preimages.lifted import region_rows


class Block(nn.Module):
    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.one, self.two = (
            nn.Conv2d(channels, out, 3, stride, 1, bias=False),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
        )
        self.norm1, self.norm2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.short = nn.Identity() if stride == 1 else nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu2(self.norm2(self.two(self.relu1(self.norm1(self.one(x))))) + self.short(x))


def residual() -> ur.Network:
    """A stem, three blocks and a head, on pictures of 8 x 8."""
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(1, 3, 3, 1, 1, bias=False), nn.BatchNorm2d(3), nn.ReLU())
    blocks = [Block(3, 3, 1), Block(3, 4, 2), Block(4, 5, 2)]
    module = nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    with torch.no_grad():
        module(torch.rand(64, 1, 8, 8))  # statistics of the normalizations
    return ur.Network.from_torch(module.eval(), torch.rand(1, 1, 8, 8))


NET = residual()
X = np.random.default_rng(0).random((1, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("name", [*NET.layers, "output"])
def test_every_layer_is_answered(name: str) -> None:
    found = ur.preimage(NET.upto(name), at=X, domain=ur.Box(0, 1), time_limit=0)
    assert found.certificate.verify() is (found.kind is not ur.Kind.UNDECIDED)
    assert (found.reason == "") is (found.kind is not ur.Kind.UNDECIDED)
    assert found.bounded
    if found.n_active < 64:  # fewer than pixels, none of which is at a bound: by counting
        assert found.kind is ur.Kind.BOUNDED
        assert found.dimension.lower >= 64 - found.n_active
    elif isinstance(found, ur.PrefixPreimage):
        assert found.reason == "the piece of x is one point; other pieces were not looked for"


@pytest.mark.parametrize("name", [name for name in NET.layers if name.endswith("relu2")])
def test_a_joined_layer_leads_to_calls_that_answer(name: str) -> None:
    with pytest.raises(ur.errors.JoinedLayer) as refused:
        NET.layer(name)
    said = str(refused.value)
    cut = said.partition("net.between('")[2].partition("'")[0]
    assert f"ur.preimage(net.upto({name!r}), at=x)" in said
    assert f"net.between({cut!r}, {name!r})" in said
    block, h = NET.between(cut, name), NET.upto(cut)(X[None].astype(np.float64))[0]
    found = ur.preimage(block, at=h, domain=ur.Nonnegative())
    assert isinstance(found, ur.PrefixPreimage)
    assert found.kind is not ur.Kind.EMPTY
    np.testing.assert_allclose(block(h[None]), NET.upto(name)(X[None].astype(np.float64)), atol=1e-12)


def test_directions_of_the_piece_keep_the_features() -> None:
    """The region's own points have the features of x, which a forward pass confirms."""
    prefix = NET.upto("output")
    found = ur.preimage(prefix, at=X, domain=ur.Box(0, 1), time_limit=0)
    assert isinstance(found, ur.PrefixPreimage)
    member = found.region.nearest(np.zeros(64), norm=2).point
    assert member is not None
    assert np.abs(member - X.reshape(-1)).max() > 0.01
    np.testing.assert_allclose(prefix(member.reshape(1, 1, 8, 8)), prefix(X[None].astype(np.float64)), atol=1e-6)


def test_a_piece_that_is_too_large_to_write_out_says_what_is_known_without(monkeypatch) -> None:
    found = ur.preimage(NET, at=X, domain=ur.Box(0, 1), time_limit=0)
    assert isinstance(found, ur.PrefixPreimage)
    monkeypatch.setattr(region_rows, "DENSE_LIMIT", 2**10)
    with pytest.raises(ur.errors.TooLarge, match="what is proved of it needs no such rows"):
        _ = found.region
    assert found.certificate.verify()
    assert found.region_dimension.lower >= 61
    monkeypatch.setattr(affine_rows, "MOST_NUMBERS", 100)
    with pytest.raises(ur.errors.TooLarge, match="ask about a network on smaller inputs"):
        ur.preimage(NET, at=X)
