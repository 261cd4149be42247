"""ReLU against Leaky ReLU and ELU: invariance swapped for instability (section 2.1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import unrelu as ur
from paper.context import Context
from paper.experiment import Config, Experiment, Results
from paper.networks import ACTIVATIONS, Activation
from paper.pictures import pictures
from paper.product_values import product_values
from paper.spread import spread
from paper.style import layer_colour, panels
from paper.training import Recipe, mlp_recipe, trained
from unrelu.operators import LeakyReLU, ReLU


@dataclass(frozen=True)
class ActivationsConfig(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures.
    """

    n_pictures: int = 50


@dataclass(frozen=True, eq=False)
class Step:
    """A layer at one picture.

    Attributes:
        x: (d,), what it is fed.
        weight: (m, d), its affine map, normalisation included.
        bias: (m,)
        slopes: (m,), of its activation.
    """

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    slopes: np.ndarray


def recipes(quick: bool) -> tuple[Recipe, ...]:
    """MLP-100 with each activation."""
    first = mlp_recipe("MLP-100", quick=quick)
    return tuple(replace(first, activation=activation) for activation in ACTIVATIONS)


def run(config: ActivationsConfig, context: Context) -> Results:
    """What each network forgets, and how unstable the inverse of the rest is."""
    return {"networks": [one_network(recipe, config, context) for recipe in config.recipes]}


def one_network(recipe: Recipe, config: ActivationsConfig, context: Context) -> Results:
    """Kinds of preimages and singular values, layer by layer."""
    done = trained(recipe, context)
    module = done.module.double()
    images = pictures(recipe.data, "test", context).images[: config.n_pictures]
    kinds: list[Counter[str]] = []
    values: list[list[np.ndarray]] = []
    with context.progress.stage(f"activations, {recipe.activation}", len(images)) as advance:
        for image in images:
            path = steps(module, torch.from_numpy(image))
            kinds = kinds or [Counter() for _ in path]
            values = values or [[] for _ in path]
            for k, step in enumerate(path):
                kinds[k][kind(step, recipe)] += 1
                values[k].append(singular_values(path[: k + 1]))
            advance(1)
    layers = []
    for k, (count, group) in enumerate(zip(kinds, values, strict=True), start=1):
        nonzero = [one[one > 0] for one in group]
        layers.append(
            {
                "layer": k,
                "kinds": dict(sorted(count.items())),
                "rank": spread([len(one) for one in nonzero]),
                "largest": spread([one[0] for one in nonzero]),
                "smallest_nonzero": spread([one[-1] for one in nonzero]),
                "condition_number": spread([one[0] / one[-1] for one in nonzero]),
            }
        )
    last = np.stack(values[-1])
    return {"trained": done.record(), "layers": layers, "last": [float(f"{v:.5g}") for v in np.median(last, axis=0)]}


def steps(module: nn.Sequential, image: Tensor) -> list[Step]:
    """All layers but the last of a network in double precision, at a picture."""
    parts = dict(module.named_children())
    normalise, x = parts["normalise"], image.double()
    zero = torch.zeros(1, dtype=torch.float64)
    shift = normalise(zero)
    scale = normalise(zero + 1) - shift
    path, x = [], x.reshape(-1)
    for k in range(1, sum(isinstance(part, nn.Linear) for part in parts.values())):
        dense = parts[f"dense{k}"]
        assert isinstance(dense, nn.Linear)
        weight, bias = dense.weight.detach(), dense.bias.detach()
        if k == 1:
            weight, bias = weight * scale, bias + shift * weight.sum(dim=1)
        z = (weight @ x + bias).requires_grad_()
        y = parts[f"relu{k}"](z)
        (slopes,) = torch.autograd.grad(y.sum(), z)
        path.append(Step(*(each.detach().numpy() for each in (x, weight, bias, slopes))))
        x = y.detach()
    return path


def kind(step: Step, recipe: Recipe) -> str:
    """Which other inputs of a layer have the same features; with a star if that was not proved."""
    found = ur.preimage(ur.ReLULayer(step.weight, step.bias, activation=operator(recipe.activation)), at=step.x)
    return found.kind.value + ("" if found.certificate.verify() else "*")


def operator(activation: Activation) -> ReLU | LeakyReLU:
    """The activation as unrelu knows it.

    An ELU can be undone, so that its features tell `A x + b` and nothing else; so do those of the identity.
    """
    module = ACTIVATIONS[activation]()
    if isinstance(module, nn.ReLU):
        return ReLU()
    slope = module.negative_slope if isinstance(module, nn.LeakyReLU) else 1.0
    return LeakyReLU(torch.tensor(slope, dtype=torch.float64))


def singular_values(path: list[Step]) -> np.ndarray:
    """Of the product of all layers' Jacobians at a picture; where slopes are 0, what rounding leaves of zeros is 0."""
    factors = [step.slopes[:, None] * step.weight for step in path]
    if all(step.slopes.all() for step in path):
        return product_values(factors)
    J = reduce(lambda product, factor: factor @ product, factors)
    values = np.linalg.svd(J, compute_uv=False)
    return np.where(values > max(J.shape) * np.finfo(float).eps * values[0], values, 0)


def draw(results: Results) -> Figure:
    """What is left, and how unstable it is, over the layers; and the singular values of the last layer."""
    networks = results["networks"]
    figure, ((left, middle, right),) = panels(1, 3, width=3.6)
    for k, found in enumerate(networks):
        style = {"color": layer_colour(k, len(networks)), "label": found["trained"]["recipe"]["activation"]}
        depth = [layer["layer"] for layer in found["layers"]]
        rank, condition = (np.array([layer[key] for layer in found["layers"]]) for key in ("rank", "condition_number"))
        left.plot(depth, rank[:, 1], "o-", markersize=3, **style)
        middle.plot(depth, condition[:, 1], "o-", markersize=3, **style)
        middle.fill_between(depth, condition[:, 0], condition[:, 2], color=style["color"], alpha=0.2, linewidth=0)
        last = np.array(found["last"])
        right.plot(np.arange(1, len(last) + 1)[last > 0], last[last > 0], **style)
    left.set_ylim(0)
    middle.set_yscale("log")
    right.set_yscale("log")
    for axes, title in (
        (left, "non-zero singular values"),
        (middle, "condition number"),
        (right, f"singular values, layer {len(networks[0]['layers'])}"),
    ):
        axes.set_title(title, loc="left")
        axes.set_xlabel("index" if axes is right else "layer")
    left.legend()
    return figure


def say(results: Results) -> str:
    """A line a network."""
    lines = []
    for found in results["networks"]:
        recipe, last = found["trained"]["recipe"], found["layers"][-1]
        hidden: Counter[str] = sum((Counter(layer["kinds"]) for layer in found["layers"][1:]), Counter())
        epochs = found["trained"]["epochs"]
        accuracy = f"{epochs[-1]['test_accuracy']:.4f}" if epochs else "untrained"
        lines.append(
            f"{recipe['activation']:<16} accuracy {accuracy}; hidden layers: "
            f"{', '.join(f'{count} {name}' for name, count in hidden.items())}; layer {last['layer']}: rank "
            f"{last['rank'][1]:g}, condition number {last['condition_number'][1]:.3g}"
        )
    return "\n".join(lines)


EXPERIMENT = Experiment(
    name="activations",
    claim="Section 2.1: Leaky ReLU and ELU can be inverted where the ReLU cannot; what the ReLU forgets becomes what "
    "their inverses can hardly tell apart.",
    full=ActivationsConfig(recipes(quick=False)),
    quick=ActivationsConfig(recipes(quick=True), n_pictures=10),
    run=run,
    draw=draw,
    say=say,
)
