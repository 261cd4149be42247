"""What the trained ResNet-20 keeps of pictures, from its first cut to its last.

    python -m benchmarks.resnet20_walk --data DIR [--out benchmarks/results/resnet20_walk.json] [--figure DIR]

DIR holds `cifar-10-batches-bin`. Of 1,000 test pictures: how many units are active at each cut, against 3072 numbers in
a picture. Of one: the singular values of the exact linearization at every third block. Of 20: whether the first cut
determines them, proved.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

import unrelu as ur
from benchmarks.environment import environment
from benchmarks.resnet20 import trained_resnet20
from unrelu.datasets import cifar10

SPECTRA = ("relu", "blocks.2.relu2", "blocks.5.relu2", "blocks.8.relu2")


def main() -> None:
    parser = argparse.ArgumentParser(description="Walk through the ResNet-20.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    images = cifar10("test", given.data).images
    module = trained_resnet20()
    net = ur.Network.from_torch(module, torch.from_numpy(images[:2]))
    cuts = [name for name in net.layers if name in net.cuts]
    counts: dict[str, list[int]] = {name: [] for name in cuts}
    for batch in torch.from_numpy(images[:1000]).double().split(50):
        for name, values in net.values(batch, cuts).items():
            counts[name] += (values.flatten(1) > 0).sum(1).tolist()
    rows = []
    for name in cuts:
        low, middle, high = np.percentile(counts[name], [0, 50, 100])
        row: dict[str, object] = {
            "cut": name,
            "features": int(np.prod(net.node(name).shape)),
            "active, least": int(low),
            "active, median": float(middle),
            "active, most": int(high),
            "pictures with fewer active than pixels": int((np.array(counts[name]) < net.input_size).sum()),
        }
        if name in SPECTRA:
            start = time.process_time()
            values = ur.spectrum(net.upto(name), at=images[0]).values
            row |= {
                "largest singular value": float(values[0]),
                "3072nd": float(values[-1]) if len(values) == net.input_size else 0.0,
                "singular values above 0": int((values > 0).sum()),
                "every 30th singular value": [float(f"{value:.4g}") for value in values[::30]],
                "processor seconds": round(time.process_time() - start, 1),
            }
        print({key: value for key, value in row.items() if not isinstance(value, list)}, flush=True)
        rows.append(row)
    verdicts = ur.classify(net.layer("relu"), images[:20], progress=False)
    proved = sum(each.kind is ur.Kind.SINGLETON and each.certificate.verify() for each in verdicts.preimages)
    result = {
        "command": "python -m benchmarks.resnet20_walk --data DIR",
        "environment": environment(),
        "test pictures counted": 1000,
        "pictures that the first cut determines, proved, of 20": int(proved),
        "cuts": rows,
    }
    if given.out is not None:
        given.out.write_text(json.dumps(result, indent=1) + "\n")
    if given.figure is not None:
        draw(result, given.figure)


def draw(result: dict, folder: Path) -> None:
    """Left how many units are active at each cut, right the singular values of one picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = result["cuts"]
    x = np.arange(len(rows))
    ends = np.array([[row[f"active, {name}"] for name in ("least", "median", "most")] for row in rows])
    left.fill_between(x, ends[:, 0], ends[:, 2], color="#9cc3e0", linewidth=0, label="1,000 pictures, least to most")
    left.plot(x, ends[:, 1], "o-", color="#1f6fa8", markersize=4, label="median")
    left.axhline(3072, color="#c2571a", linewidth=1.2, label="numbers in a picture")
    left.set(yscale="log", ylabel="active units at the cut")
    left.set_xticks(x, [row["cut"].replace("blocks.", "").replace(".relu2", "") for row in rows])
    left.set_xlabel("cut (the first, then after each block)")
    left.legend(frameon=False, fontsize=8)
    colours = ("#1c2128", "#31598f", "#2c8a8f", "#a8b82f")
    for row, colour in zip((row for row in rows if "every 30th singular value" in row), colours, strict=True):
        values = np.array(row["every 30th singular value"])
        right.plot(
            1 + 30 * np.arange(len(values)), np.where(values > 0, values, np.nan), color=colour, label=row["cut"]
        )
    right.axvline(3072, color="#c2571a", linewidth=1.0)
    right.set(yscale="log", xlabel="index", ylabel="singular value, one picture")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / "resnet20_walk.png", dpi=160)


if __name__ == "__main__":
    main()
