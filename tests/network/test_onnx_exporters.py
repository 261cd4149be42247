"""Files of both exporters of PyTorch: the older, by TorchScript, and the newer, which puts weights beside the file."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unrelu.network.graph import Network
from unrelu.network.load import load


def export(module: nn.Module, shape: tuple[int, ...], path: Path, *, newer: bool, free: bool) -> None:
    example = torch.rand(2 if free else 1, *shape)
    sizes: dict[str, Any] = (
        {"dynamic_shapes": ({0: torch.export.Dim("n")},)} if newer else {"dynamic_axes": {"x": {0: "n"}}}
    )
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of the exporters, about themselves
        torch.onnx.export(
            module, (example,), str(path), dynamo=newer, input_names=["x"], verbose=False, **(sizes if free else {})
        )


class Block(nn.Module):
    """A residual block with a shortcut that halves the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, 1, 1)
        self.norm, self.short = nn.BatchNorm2d(6), nn.Conv2d(4, 6, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(functional.relu(self.norm(self.first(x)))) + self.short(x))


class Ordinary(nn.Module):
    """What networks have for pictures: constants, padding, shortcuts, pools, views, dropout."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.25, 0.5]).reshape(2, 1, 1))
        self.features = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding="same"),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(4),
            nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular", groups=2),
            nn.MaxPool2d(3, 2, 1, ceil_mode=True),
            nn.ReLU6(),
            Block(),
        )
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.features((x - self.mean) / 0.25).clamp(min=0)
        h = functional.dropout(h + 1, training=self.training)
        return self.fc(functional.adaptive_avg_pool2d(h, 1).view(x.size(0), -1))


class Affine(nn.Module):
    """What only moves, adds up or spreads numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1)
        self.W = nn.Parameter(torch.randn(5, 8))

    def forward(self, x: Tensor) -> Tensor:
        first, second = x[:, [2, 0, 1, 1]].chunk(2, 1)
        h = torch.cat([first, second.flip(2).roll(1, 3)], 1)
        h = functional.interpolate(functional.pixel_shuffle(h.repeat(1, 2, 1, 1), 2), scale_factor=2, mode="bilinear")
        h = self.up(torch.cat([h, h], 1)).sum(2)
        h = torch.stack([h[:, 0], h[:, 1]], 1)[:, :, :8].cumsum(1)
        return torch.einsum("bcw,ow->bco", torch.where(torch.arange(8) % 3 == 0, h, -h), self.W)


@pytest.mark.parametrize("free", [False, True], ids=["batch of one", "free batch"])
@pytest.mark.parametrize("newer", [False, True], ids=["TorchScript", "dynamo"])
@pytest.mark.parametrize(("make", "shape"), [(Ordinary, (2, 9, 9)), (Affine, (3, 4, 4))])
def test_exported_networks_are_read(tmp_path, make, shape, newer, free):
    torch.manual_seed(8)
    module, path = make().eval(), tmp_path / "exported.onnx"
    export(module, shape, path, newer=newer, free=free)
    stored = onnx.load_model(path, load_external_data=False)
    assert any(weight.external_data for weight in stored.graph.initializer) == newer
    network = load(path)
    x = torch.randn(3, *shape)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    single = [np.asarray(session.run(None, {"x": x[k : k + 1].numpy()})[0]) for k in range(3)]
    np.testing.assert_allclose(network(x.double()), np.concatenate(single), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(network(x.double()), module(x).detach(), rtol=1e-4, atol=1e-4)
    # the same verdicts as of the module itself: kinds of nodes that have regions, and whether all is affine
    direct = Network.from_torch(module, x[:1])
    assert len(network.layers) == len(direct.layers)
    assert len(network.choices) == len(direct.choices)
    affine = [all(node.is_affine for node in each.nodes[1:]) for each in (network, direct)]
    assert affine[0] == affine[1] == (make is Affine)
