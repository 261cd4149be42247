"""A few of the pictures of `benchmarks.metamers`, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

SHOWN = (
    ("mnist", "relu1", "MNIST\nrelu1"),
    ("mnist", "relu10", "MNIST\nrelu10"),
    ("resnet20", "mean", "ResNet-20\npooled"),
    ("resnet20", "linear", "ResNet-20\nscores"),
)

TITLES = ("original", "walk: features\nof the original", "Adam: features\nnear them", "target")


def draw(weights: Path, folder: Path) -> None:
    """`metamers.png`: a row for each layer that is kept among `SHOWN`.

    Args:
        weights: with `metamers/PART-LAYER.npz`, the four pictures of a layer's first pair.
        folder: where it goes.
    """
    shown = [(weights / "metamers" / f"{part}-{layer}.npz", words) for part, layer, words in SHOWN]
    shown = [(path, words) for path, words in shown if path.exists()]
    figure = Figure(figsize=(4.8, 1.2 * len(shown) + 0.5), layout="constrained")
    for row, (path, words) in zip(figure.subplots(len(shown), 4, squeeze=False), shown, strict=True):
        with np.load(path) as stored:
            pictures = [stored[name] for name in stored.files]
        for axes, picture in zip(row, pictures, strict=True):
            colours = picture.ndim == 3
            axes.imshow(
                picture.transpose(1, 2, 0) if colours else picture, cmap=None if colours else "gray_r", vmin=0, vmax=1
            )
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(words, fontsize=8)
    for axes, title in zip(figure.axes[:4], TITLES, strict=True):
        axes.set_title(title, fontsize=8)
    figure.savefig(folder / "metamers.png", dpi=130)
