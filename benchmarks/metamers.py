"""Other pictures with the same features, beside plenoptic's Metamer with Adam: same layer, same pair, equal time.

    python -m benchmarks.metamers --data DIR [--weights FOLDER] [--folder FOLDER] [--parts mnist widecifar resnet20 vgg]
        [--layers NAME ...] [--pairs N] [--limit 20] [--out benchmarks/results/metamers.json] [--figure DIR]
    python -m benchmarks.metamers --quick --out FILE

DIR holds MNIST and CIFAR-10; weights are trained where they are not kept yet. FOLDER is on the path for plenoptic
(`benchmarks.metamer_peer`; without it Adam stands there by itself) and holds the packages of `benchmarks.vgg_stack`.
Of each layer and pair: the metamer that `ur.metamer(search="walk")` finds in `--limit` seconds, in L2, and what
gradient descent finds in as many processor seconds as that took; where that was less than a third of the limit, also
what it finds in the whole limit. The limit counts processor seconds: what a walk is given by the clock is longer by
the share of a core that the process gets just before. Of each: the largest error of a feature as a part of the
largest feature (in float64, and in the network's own float32), the distance from the target, steps, seconds, and the
class that the network gives it. One thread. A walk that takes one and a half times its limit is stopped, and counts
as one that found nothing. Layers that were asked for replace the same layers of an older file.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import unrelu as ur
from benchmarks.environment import environment
from benchmarks.metamer_cases import PARTS, Case, case, quick_case
from benchmarks.metamer_peer import peer_metamer
from paper.context import DEFAULT_FOLDER
from unrelu.errors import TooLarge

STOPPED = 1.5
"""Times the limit after which a walk is stopped."""


class Late(Exception):
    """A walk took too long."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Metamers by walks, beside gradient descent.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--layers", nargs="+")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--limit", type=float, default=20.0)
    parser.add_argument("--quick", action="store_true", help="a small network with random weights")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/metamers.json"))
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args(arguments)
    if given.folder is not None:
        sys.path.append(str(given.folder))
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for part in ["quick"] if given.quick else given.parts:
            tried = quick_case() if given.quick else case(part, given.data, given.weights, given.folder, given.pairs)
            net = ur.Network.from_torch(tried.module, torch.from_numpy(np.stack(tried.pairs[0])))
            for layer in tried.layers:
                if given.layers is None or layer in given.layers:
                    rows, shown = measured(tried, net, layer, given.limit, longer=not given.quick)
                    keep(given.out, tried, layer, rows)
                    np.savez_compressed(_pictures(given.weights, part, layer), *shown) if given.figure else None
                    print(line(rows), flush=True)
    if given.figure is not None:
        from benchmarks.metamer_figure import draw

        draw(given.weights, given.figure)


def measured(
    tried: Case, net: ur.Network, layer: str, limit: float, *, longer: bool
) -> tuple[list[dict[str, Any]], tuple[np.ndarray, ...]]:
    """One layer of a network: a row for each pair, and the pictures of the first (original, walk, descent, target)."""
    example = torch.from_numpy(np.stack(tried.pairs[0]))
    prefix, features = net.upto(layer), tried.features(layer)
    with torch.no_grad():
        assert torch.allclose(
            features(example).double().reshape(2, -1), _flat(prefix, example.double()), rtol=1e-3, atol=1e-3
        )
    rows, first = [], None
    for number, (original, target) in enumerate(tried.pairs):
        at, wanted = original.astype(np.float64), target.astype(np.float64)
        row: dict[str, Any] = {"part": tried.part, "layer": layer, "pair": number}
        row["features"] = prefix.output_size
        if layer in net.layers:
            row["active"] = int((_flat(prefix, torch.from_numpy(at)[None]) > 0).sum())
        row["distance of the original"] = float(np.linalg.norm(at - wanted))
        row["limit"], share = limit, share_of_a_core()
        start, busy = time.perf_counter(), time.process_time()
        stopped, found = "", None
        try:
            with stopping(STOPPED * limit / share):
                found = ur.metamer(
                    prefix, at=at, target=wanted, norm=2, search="walk", time_limit=limit / share, progress=False
                )
        except (Late, TooLarge) as error:
            stopped = str(error)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        x = at if found is None else np.asarray(found.x)
        row["walk"] = told(tried, net, prefix, at, wanted, x) | {"seconds": seconds, "processor seconds": busy}
        row["walk"] |= {"stopped": stopped} if found is None else {"steps": found.steps, "status": str(found.status)}
        times = {"descent": limit if found is None else busy, "longer descent": limit}
        if not longer or times["descent"] > limit / 3:
            del times["longer descent"]
        peers = {who: peer_metamer(features, original, target, time) for who, time in times.items()}
        for who, peer in peers.items():
            row[who] = told(tried, net, prefix, at, wanted, peer.x.astype(np.float64))
            row[who] |= {"method": peer.method, "steps": peer.steps, "processor seconds": peer.processor_seconds}
        if tried.scores:
            row["classes"] = {"original": _class(net, at), "target": _class(net, wanted)}
        first = first or (original, x.astype(np.float32), list(peers.values())[-1].x, target)
        rows.append(row)
    assert first is not None
    return rows, first


def told(
    tried: Case, net: ur.Network, prefix: ur.Network, at: np.ndarray, wanted: np.ndarray, x: np.ndarray
) -> dict[str, Any]:
    """What one picture keeps, how near it is, and what the network calls it."""
    both = torch.from_numpy(np.stack([at, x]))
    exact = _flat(prefix, both)
    with torch.no_grad():
        own = tried.features(prefix.outputs[0])(both.float()).double().reshape(2, -1)
    row: dict[str, Any] = {
        "feature error": _error(exact),
        "feature error in float32": _error(own),
        "feature error in L2": float((exact[1] - exact[0]).norm() / exact[0].norm()),
        "distance": float(np.linalg.norm(x - wanted)),
    }
    return row | ({"class": _class(net, x)} if tried.scores else {})


def keep(path: Path, tried: Case, layer: str, rows: list[dict[str, Any]]) -> None:
    """Put a layer's rows into the file of results."""
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    known = [row for row in known if (row["part"], row["layer"]) != (tried.part, layer)]
    rows = [row | {"how": tried.how} for row in rows]
    order = {part: place for place, part in enumerate(PARTS)}
    result = {
        "command": "python -m benchmarks.metamers --data DIR --folder FOLDER",
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(("numpy", "scipy", "highspy", "torch")),
        "rows": sorted(known + rows, key=lambda row: order.get(row["part"], len(order))),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def line(rows: list[dict[str, Any]]) -> str:
    """A layer's row of the table in docs/measurements.md: medians over the pairs."""

    def middle(who: str, what: str) -> float:
        return float(np.median([row[who][what] for row in rows]))

    def called(who: str) -> str:
        same = sum(row[who]["class"] == row["classes"]["original"] for row in rows if "classes" in row)
        return f"{same} of {len(rows)}" if "classes" in rows[0] else "-"

    found = [row for row in rows if "status" in row["walk"]]
    moved = sum(row["walk"]["distance"] < (1 - 1e-9) * row["distance of the original"] for row in found)
    ratio = float(np.median([row["walk"]["distance"] / max(row["descent"]["distance"], 1e-12) for row in rows]))
    longer = f"{middle('longer descent', 'feature error'):.0e}" if "longer descent" in rows[0] else ""
    cells = [
        f"{rows[0]['part']} `{rows[0]['layer']}`",
        f"{rows[0]['features']}"
        + (f" ({int(np.median([row['active'] for row in rows]))})" if "active" in rows[0] else ""),
        f"{moved} of {len(rows)}",
        f"{middle('walk', 'feature error'):.0e}",
        f"{middle('descent', 'feature error'):.0e}",
        longer,
        f"{np.median([row['distance of the original'] for row in rows]):.2f}",
        f"{middle('walk', 'distance'):.2f}",
        f"{middle('descent', 'distance'):.2f}",
        f"{ratio:.2f}",
        f"{middle('walk', 'processor seconds'):.1f} s",
        f"{int(np.median([row['walk'].get('steps', 0) for row in rows]))}",
        f"{int(middle('descent', 'steps'))}",
        called("walk"),
        called("descent"),
    ]
    return "| " + " | ".join(cells) + " |"


def share_of_a_core() -> float:
    """How much of a second this process has a processor, while others run beside it, from a short try."""
    start, busy = time.perf_counter(), time.process_time()
    while time.perf_counter() - start < 0.2:
        sum(range(1000))
    return min(1.0, (time.process_time() - busy) / (time.perf_counter() - start))


@contextmanager
def stopping(seconds: float) -> Iterator[None]:
    """Stop what runs within after some time, as soon as it comes back to Python."""

    def late(number: int, frame: object) -> None:
        raise Late(f"stopped after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _flat(prefix: ur.Network, batch: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(prefix(batch)).reshape(len(batch), -1)


def _error(values: torch.Tensor) -> float:
    return float((values[1] - values[0]).abs().max() / values[0].abs().max())


def _class(net: ur.Network, x: np.ndarray) -> int:
    return int(np.asarray(net(x[None])).argmax())


def _pictures(weights: Path, part: str, layer: str) -> Path:
    folder = weights / "metamers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{part}-{layer}.npz"


if __name__ == "__main__":
    main()
