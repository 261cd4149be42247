"""Metamers with a proved distance, beside mixed-integer programs and a verifier on the same questions.

    python -m benchmarks.metamers_exact [--pairs 5] [--seconds 60] [--deep 600] [--peer 120] [--marabou PYTHON]
        [--out benchmarks/results/metamers_exact.json]

Dense networks on MNIST (UNRELU_DATA), trained here in the same way each time: 784-100-100-10, 784-50-50-10 and
784-50-50-50-10, five passes of Adam. On pairs of test pictures, one after another on one thread:

* `two layers`: the input in [0, 1]^784 with the second layer's features of the one that is nearest in L1 to the other,
  to a relative gap of 1e-6.
* `plain networks`: the same on 784-100-100-10 as PyTorch starts it, pictures in [0, 1] without normalisation.
* `three layers`: the same, of the third layer.
* `norms`: nearest and farthest in L1, L2 and L-infinity, second layer of width 50.
* `one pixel`: is there an input with the same second layer whose pixel that can move most has moved by 0.3? Ours is
  the farthest in L-infinity.

The peers: HiGHS on the big-M program (`benchmarks.milp_peer`), whose features are held to 1e-6 as its tolerances want,
and Marabou 2 (`pip install maraboupy`, in an environment of its own whose interpreter is given), for the pixel. Wall
seconds and those of the processor are told, as machines may be shared.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import time
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import torch

import unrelu as ur
from benchmarks.environment import environment
from benchmarks.milp_peer import BigM, Values, relus
from unrelu.bounding.linear_bounds import linear_bounds
from unrelu.datasets import mnist
from unrelu.demo.networks import mlp
from unrelu.demo.training import Training, train
from unrelu.metamerism.exact.exact_metamer import exact_metamer
from unrelu.metamerism.feature_map import feature_map

MOVED = 0.3
"""How far a pixel is to move."""

WITHIN = 1e-6
"""How far the peers' features may be off."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--deep", type=float, default=600.0)
    parser.add_argument("--peer", type=float, default=120.0)
    parser.add_argument("--marabou", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/metamers_exact.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures = mnist("test").images.reshape(-1, 28, 28)
    pairs = [(2 * k, 2 * k + 1) for k in range(options.pairs)]
    result: dict[str, Any] = {"environment": environment()}
    parts = {
        "two layers": lambda: two_layers(pictures, pairs, options.seconds, options.peer),
        "plain networks": lambda: plain_networks(pictures, pairs[:3], options.seconds, options.peer),
        "three layers": lambda: three_layers(pictures, pairs[2], options.deep, options.peer),
        "norms": lambda: norms(pictures, pairs[2], options.seconds),
        "one pixel": lambda: one_pixel(pictures, pairs, options.seconds, options.peer, options.marabou),
    }
    if options.out.exists() and options.only:
        result = json.loads(options.out.read_text())
    for name, part in parts.items():
        if not options.only or name in options.only.split(","):
            result[name] = part()
            options.out.write_text(json.dumps(result, indent=1) + "\n")
            for row in result[name]:
                print(name, json.dumps(row), flush=True)


def trained(hidden: list[int]) -> ur.Network:
    """A network of these hidden layers."""
    done = train(mlp(hidden), mnist("train"), Training(epochs=5), progress=False)
    return ur.Network.from_torch(done.module, torch.zeros(1, 28, 28))


def plain(hidden: list[int], epochs: int) -> ur.Network:
    """A network of these hidden layers with PyTorch's own first weights, and no more to it."""
    torch.manual_seed(0)
    parts: OrderedDict[str, torch.nn.Module] = OrderedDict(flatten=torch.nn.Flatten())
    for k, (d, m) in enumerate(pairwise([784, *hidden]), start=1):
        parts[f"dense{k}"], parts[f"relu{k}"] = torch.nn.Linear(d, m), torch.nn.ReLU()
    parts["scores"] = torch.nn.Linear(hidden[-1], 10)
    done = train(torch.nn.Sequential(parts), mnist("train"), Training(epochs=epochs), progress=False)
    return ur.Network.from_torch(done.module, torch.zeros(1, 28, 28))


def ours(
    prefix: ur.Network, at: np.ndarray, target: np.ndarray, seconds: float, objective: str = "nearest", norm: float = 1
) -> dict[str, Any]:
    """The exact search from the original."""
    features = feature_map(prefix)
    x, t = at.reshape(-1).astype(np.float64), target.reshape(-1).astype(np.float64)
    wall, own = time.perf_counter(), time.process_time()
    found = exact_metamer(
        features,
        x,
        t,
        objective=objective,
        norm=norm,
        domain=ur.Box(0, 1),
        eps=np.zeros(features.n_features),
        start=x,
        time_limit=seconds,
        progress=False,
    )
    wall, own = time.perf_counter() - wall, time.process_time() - own
    pair = features(np.stack([x, found.point]).reshape(2, *features.input_shape))
    moved = found.point - x
    return {
        "pixel": int(np.abs(moved).argmax()),
        "moved": float(moved[np.abs(moved).argmax()]),
        "distance": found.distance,
        "bound": found.bound,
        "gap": abs(found.distance - found.bound) / max(found.distance, found.bound, 1e-300),
        "status": str(found.status),
        "radius": found.radius if math.isfinite(found.radius) else None,
        "feature error, relative": float(np.abs(pair[0] - pair[1]).max() / np.abs(pair[0]).max()),
        "seconds": round(wall, 2),
        "processor seconds": round(own, 2),
    }


def two_layers(pictures: np.ndarray, pairs: list[tuple[int, int]], seconds: float, peer: float) -> list[dict[str, Any]]:
    """Nearest in L1 through two layers of 100."""
    prefix = trained([100, 100]).upto("relu2")
    return [
        {
            "pair": pair,
            "ours": ours(prefix, pictures[pair[0]], pictures[pair[1]], seconds),
            "HiGHS": big_m(prefix, pictures[pair[0]], pictures[pair[1]], peer),
        }
        for pair in pairs
    ]


def plain_networks(
    pictures: np.ndarray, pairs: list[tuple[int, int]], seconds: float, peer: float
) -> list[dict[str, Any]]:
    """Nearest in L1 through two layers of 100 of networks after one pass and after five."""
    rows = []
    for epochs in (1, 5):
        prefix = plain([100, 100], epochs).upto("relu2")
        for pair in pairs:
            row = {"passes": epochs, "pair": pair, "ours": ours(prefix, pictures[pair[0]], pictures[pair[1]], seconds)}
            rows.append({**row, "HiGHS": big_m(prefix, pictures[pair[0]], pictures[pair[1]], peer)})
    return rows


def three_layers(pictures: np.ndarray, pair: tuple[int, int], seconds: float, peer: float) -> list[dict[str, Any]]:
    """Nearest in L1 through three layers of 50."""
    prefix = trained([50, 50, 50]).upto("relu3")
    found = {"pair": pair, "ours": ours(prefix, pictures[pair[0]], pictures[pair[1]], seconds)}
    return [{**found, "HiGHS": big_m(prefix, pictures[pair[0]], pictures[pair[1]], peer)}]


def norms(pictures: np.ndarray, pair: tuple[int, int], seconds: float) -> list[dict[str, Any]]:
    """All objectives through two layers of 50."""
    prefix = trained([50, 50]).upto("relu2")
    return [
        {
            "objective": objective,
            "norm": str(norm),
            "ours": ours(prefix, pictures[pair[0]], pictures[pair[1]], seconds, objective, norm),
        }
        for objective in ("nearest", "farthest")
        for norm in (1, 2, math.inf)
    ]


def one_pixel(
    pictures: np.ndarray, pairs: list[tuple[int, int]], seconds: float, peer: float, marabou: str
) -> list[dict[str, Any]]:
    """Whether the pixel that can move most moves by 0.3."""
    rows = []
    for hidden in ([50, 50], [100, 100]):
        prefix = trained(hidden).upto("relu2")
        for pair in pairs[:2]:
            x = pictures[pair[0]]
            found = ours(prefix, x, x, seconds, "farthest", math.inf)
            row = {"hidden": hidden, "picture": pair[0], "ours": found}
            if marabou:
                row["Marabou"] = asked_of_marabou(prefix, x.reshape(-1).astype(np.float64), found, peer, marabou)
            rows.append(row)
    return rows


def big_m(prefix: ur.Network, at: np.ndarray, target: np.ndarray, seconds: float) -> dict[str, Any]:
    """HiGHS, to a relative gap of 1e-6, on one thread."""
    x, t = at.reshape(-1).astype(np.float64), target.reshape(-1).astype(np.float64)
    program = BigM()
    pixels = [program.unknown(0.0, 1.0) for _ in x]
    costs = [program.unknown(0.0, 1.0) for _ in x]
    for pixel, cost, value in zip(pixels, costs, t.tolist(), strict=True):
        program.row({cost: 1.0, pixel: -1.0}, -value, math.inf)
        program.row({cost: 1.0, pixel: 1.0}, value, math.inf)
    fed = Values(pixels, np.zeros(x.size), np.ones(x.size))
    lower, upper = (torch.full((1, *prefix.input_shape), end, dtype=torch.float64) for end in (0.0, 1.0))
    *hidden, last = prefix.layers
    for name in hidden:
        layer = prefix.layer(name)
        bounds = linear_bounds(prefix.upto(prefix.node(name).inputs[0]), lower, upper)
        fed = relus(program, layer.dense_weight, layer.bias, fed, bounds.lower[0].numpy(), bounds.upper[0].numpy())
    layer = prefix.layer(last)
    y = np.asarray(prefix(at[None].astype(np.float64)))[0]
    for row, constant, value in zip(layer.dense_weight, layer.bias.tolist(), y.tolist(), strict=True):
        terms = dict(zip(fed.unknowns, row.tolist(), strict=True))
        program.row(terms, value - constant - WITHIN if value > 0 else -math.inf, value - constant + WITHIN)
    model = program.model()
    model.col_cost_ = np.isin(np.arange(len(program.lower)), costs).astype(float)
    highs = highspy.Highs()
    for option, value in {
        "output_flag": False,
        "threads": 1,
        "time_limit": seconds,
        "mip_rel_gap": 1e-6,
        "mip_feasibility_tolerance": 1e-9,
        "primal_feasibility_tolerance": 1e-9,
    }.items():
        highs.setOptionValue(option, value)
    wall, own = time.perf_counter(), time.process_time()
    highs.passModel(model)
    highs.run()
    info = highs.getInfo()
    best, bound = info.objective_function_value, info.mip_dual_bound
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    return {
        "distance": best if found else None,
        "bound": bound,
        "gap": (best - bound) / best if found else None,
        "seconds": round(time.perf_counter() - wall, 2),
        "processor seconds": round(time.process_time() - own, 2),
    }


def asked_of_marabou(
    prefix: ur.Network, x: np.ndarray, found: dict[str, Any], seconds: float, python: str
) -> dict[str, Any]:
    """Marabou on the same pixel, the same way."""
    layers = [prefix.layer(name) for name in prefix.layers]
    y = np.asarray(prefix(x.reshape(1, *prefix.input_shape)))[0]
    asked = {
        "layers": [[layer.dense_weight.tolist(), layer.bias.tolist()] for layer in layers],
        "x": x.tolist(),
        "y": y.tolist(),
        "pixel": found["pixel"],
        "rises": found["moved"] > 0,
        "moved": MOVED,
        "within": WITHIN,
        "seconds": seconds,
    }
    start = time.perf_counter()
    done = subprocess.run(
        [python, str(Path(__file__).with_name("marabou_peer.py"))],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = round(time.perf_counter() - start, 2)
    answer = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()[-200:]]
    return {"answer": answer[0], "seconds": seconds}


if __name__ == "__main__":
    main()
