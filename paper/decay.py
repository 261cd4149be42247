"""Spectra of layers at some test pictures, kept picture by picture."""

from __future__ import annotations

import json

import numpy as np
import torch

import unrelu as ur
from paper.context import Context
from paper.experiment import Results
from paper.pictures import pictures
from paper.training import Recipe, Trained, trained

N_POINTS = 100
"""Of a curve in the JSON, over up to 3,072 singular values."""


def layer_spectra(
    recipe: Recipe, n_pictures: int, window: int | None, context: Context, before: tuple[int, ...] | None = None
) -> tuple[Trained, list[ur.Spectrum]]:
    """The spectra of layers at the first test pictures.

    Args:
        recipe: of the network.
        n_pictures: how many.
        window: singular values for changes of the middle window x window pixels only; None for all.
        context: where to keep them.
        before: numbers of the layers, from 1, whose spectra are taken before their ReLU; None for all layers with it.
    """
    done = trained(recipe, context)
    images = pictures(recipe.data, "test", context).images[:n_pictures]
    net = ur.Network.from_torch(done.module, torch.from_numpy(images[:2]))
    layers = net.layers if before is None else [net.layers[number - 1] for number in before]
    place = f"spectra/{recipe.name}-window-{window}"
    if before is not None:
        place += f"/before-{'-'.join(str(number) for number in before)}"
    span = None
    if window is not None:
        start = (images.shape[-1] - window) // 2
        span = ur.Window(rows=(start, start + window), columns=(start, start + window))
    found: list[ur.Spectrum] = []
    with context.progress.stage(f"spectra, {recipe.network}", len(images)) as advance:
        for index in range(len(images)):

            def compute(index: int = index) -> dict[str, np.ndarray]:
                at = images[index : index + 1]
                asked = {"layers": layers, "relu": (before is None,), "window": span}
                return packed(ur.spectra(net, at, **asked, progress=False, workers=context.threads))

            found += unpacked(context.kept(f"{place}/{index}", compute), index, span)
            advance(1)
    return done, found


def packed(spectra: list[ur.Spectrum]) -> dict[str, np.ndarray]:
    """Spectra as arrays."""
    facts = [
        {
            "layer": one.layer,
            "relu": one.relu,
            "shape": one.shape,
            "structural_rank": one.structural_rank,
            "tolerance": one.tolerance,
            "method": one.method,
            "accuracy": one.accuracy,
        }
        for one in spectra
    ]
    return {"facts": np.array(json.dumps(facts)), **{f"values{k}": one.values for k, one in enumerate(spectra)}}


def unpacked(arrays: dict[str, np.ndarray], index: int, window: ur.Window | None) -> list[ur.Spectrum]:
    """The spectra again."""
    return [
        ur.Spectrum(
            **{**facts, "shape": tuple(facts["shape"])}, values=arrays[f"values{k}"], input=index, window=window
        )
        for k, facts in enumerate(json.loads(str(arrays["facts"])))
    ]


def by_layer(spectra: list[ur.Spectrum]) -> list[list[ur.Spectrum]]:
    """Grouped by layer, in the network's order."""
    groups: dict[str, list[ur.Spectrum]] = {}
    for one in spectra:
        groups.setdefault(one.layer, []).append(one)
    return list(groups.values())


def curve(group: list[ur.Spectrum]) -> Results:
    """Median and quartiles of the i-th singular value, thinned to `N_POINTS` indices, ends included."""
    found = ur.spectrum_quantiles(group)
    kept = np.unique(np.linspace(0, found.curves.shape[1] - 1, N_POINTS).round().astype(int))
    return {
        "layer": found.layer,
        "relu": found.relu,
        "n_pictures": found.n_inputs,
        "shape": list(group[0].shape),
        "rank": float(np.median([one.rank for one in group])),
        "index": (kept + 1).tolist(),
        **{
            name: [float(f"{value:.5g}") for value in found.curve(probability)[kept]]
            for name, probability in (("lower", 0.25), ("median", 0.5), ("upper", 0.75))
        },
    }
