"""From an input to a metamer of it, through inputs that all have its features."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from unrelu.errors import InputError, ShapeError, TooLarge
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.metamerism.feature_map import feature_map
from unrelu.metamerism.metamer import PICTURES
from unrelu.metamerism.result import Metamer
from unrelu.metamerism.walk.restoring import KEPT, restored
from unrelu.metamerism.walk.statement import WalkStatement
from unrelu.metamerism.walk.walk import walk
from unrelu.network.arrays import unit_roundoff
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.progress import Progress, resolve_progress

_FURTHER = 4
"""Frames are looked for in so many more places than there shall be."""


@dataclass(frozen=True, eq=False)
class MetamerPath(FrozenArrays):
    """Inputs with the same features, from an original to a metamer.

    Attributes:
        frames: (n, *shape) float64; the first is the original.
        feature_errors: (n,) the largest difference of a feature of each frame from the original's, in float64.
        largest_feature: the largest magnitude of a feature of the original: what errors are measured by.
        reached: whether the last frame is the metamer.
        largest_step: the longest way (L2) from one frame to the next. Between frames the features may differ: that the
            set is connected is not proved, and the smaller this is the more there is to it.
    """

    frames: np.ndarray
    feature_errors: np.ndarray
    largest_feature: float
    reached: bool
    largest_step: float

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self.frames)

    @property
    def relative_error(self) -> float:
        """The largest feature error of a frame as a part of the largest feature."""
        worst = float(self.feature_errors.max(initial=0.0))
        return worst / self.largest_feature if self.largest_feature else worst

    def save(self, folder: str | os.PathLike[str], limits: tuple[float, float] = (0.0, 1.0)) -> list[Path]:
        """Write the frames as `frame-000.png`, `frame-001.png`, ..., rounded to 8 bits.

        Args:
            folder: where to; it is made.
            limits: the values of black and of full brightness.

        Raises:
            ShapeError: if the inputs are no pictures: (h, w), (1, h, w) or (3, h, w).
        """
        from unrelu.report.png import as_bytes, encode_png

        shape = self.frames.shape[1:]
        if len(shape) not in {2, 3} or (len(shape) == 3 and shape[0] not in {1, 3}):
            raise ShapeError(
                f"frames are written of pictures, (h, w), (1, h, w) or (3, h, w), not of inputs of the shape {shape}; "
                "take the array `frames`."
            )
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        made = []
        for number, frame in enumerate(self.frames):
            made.append(home / f"frame-{number:03d}.png")
            made[-1].write_bytes(encode_png(as_bytes(frame, shape, limits)))
        return made


def metamer_path(
    prefix: Network,
    found: Metamer,
    *,
    n: int = 24,
    domain: Domain | None = PICTURES,
    progress: Progress | bool | None = None,
    time_limit: float = math.inf,
) -> MetamerPath:
    """Frames from the original of a metamer to it, all with the original's features to rounding.

    A walk's own way is taken where there is one; else a walk from the original looks for one. Points between are put
    back onto the preimage by Newton steps of least norm, and frames are chosen at about equal distances along it.

    >>> from unrelu.metamerism.metamer import metamer
    >>> net = Network.from_layers([(np.array([[1.0, 1.0], [1.0, -3.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    >>> found = metamer(net, at=np.array([0.5, 0.0]), target=np.array([0.0, 1.0]), norm=2)
    >>> path = metamer_path(net, found, n=5)
    >>> path.reached, path.relative_error < 1e-12, len(path)
    (True, True, 5)

    Args:
        prefix: the network whose output are the features.
        found: a metamer of one of its inputs.
        n: frames, at least 2.
        domain: where frames may lie.
        progress: see `unrelu.progress.resolve_progress`.
        time_limit: seconds; what there is then is given.

    Raises:
        InputError: if there are fewer than two frames, or the metamer is not one of this prefix.
        TooLarge: if the rows of the features would take more memory than allowed.
    """
    if n < 2:
        raise InputError(f"a path has at least two frames, its ends, not n={n}.")
    features = feature_map(prefix)
    original = np.asarray(found.original, dtype=np.float64)
    if features.prefix is None or original.shape != features.input_shape:
        raise InputError("a path goes along a network's preimage; give the prefix whose metamer it is.")
    deadline = time.monotonic() + time_limit
    x0, end = original.reshape(-1), np.asarray(found.x, dtype=np.float64).reshape(-1)
    statement = features.walk_statement(
        x0, end, resolve(domain, x0.size), found.tolerance, unit=unit_roundoff(found.original), norm=2
    )
    if not statement.fits:
        raise TooLarge("the rows of these features do not fit into memory, which paths need; give a deeper layer.")
    if statement.feature_error(end) > found.tolerance + 1e-9 * statement.size:
        raise InputError("this metamer does not have its original's features in this prefix; give the prefix it is of.")
    with resolve_progress(progress).stage("frames", None) as advance:
        if found.waypoints.size:
            points = [statement.walked(x.reshape(-1)) for x in found.waypoints]
        elif np.array_equal(x0, end):
            points = [statement.walked(x0)]
        else:
            points = walk(statement, deadline=deadline).points
        on_it = [statement.walked(x0)]
        for u in points[1:-1]:
            back, error = restored(statement, u, deadline)
            if error <= KEPT:
                on_it.append(back)
                advance(1)
        last = statement.walked(end)
        reached = bool(found.waypoints.size) or np.abs(points[-1] - last).max() <= 1e-3
        if reached:
            on_it.append(last)
        on_it = _filled(statement, on_it, n, deadline)
    frames = [statement.input(u) for u in _spread(on_it, n)]
    if reached and len(frames) > 1:
        frames[-1] = end
    errors = np.array([statement.feature_error(x) for x in frames])
    array = np.stack(frames).reshape(len(frames), *features.input_shape)
    steps = np.linalg.norm(np.diff(np.stack(frames), axis=0), axis=1)
    freeze((array, errors))
    return MetamerPath(array, errors, statement.size, reached, float(steps.max(initial=0.0)))


def _filled(statement: WalkStatement, points: list[np.ndarray], n: int, deadline: float) -> list[np.ndarray]:
    """Points with more between them, where they lie far apart: middles, put back onto the preimage."""
    points, stuck = list(points), set[int]()
    for _ in range(_FURTHER * n):
        gaps = np.array([float(np.linalg.norm(b - a)) for a, b in pairwise(points)])
        wide = [k for k in np.argsort(-gaps).tolist() if gaps[k] > gaps.sum() / (2 * n) and id(points[k]) not in stuck]
        if not wide or time.monotonic() > deadline:
            break
        k = wide[0]
        middle, error = restored(statement, (points[k] + points[k + 1]) / 2, deadline)
        between = max(np.linalg.norm(middle - points[k]), np.linalg.norm(middle - points[k + 1])) < gaps[k]
        if error <= KEPT and between:
            points.insert(k + 1, middle)
        else:
            stuck.add(id(points[k]))
    return points


def _spread(points: list[np.ndarray], n: int) -> list[np.ndarray]:
    """At most n of some points, at about equal distances along them, the ends among them."""
    if len(points) <= n:
        return points
    gaps = [float(np.linalg.norm(b - a)) for a, b in pairwise(points)]
    along = np.concatenate([[0.0], np.cumsum(gaps)])
    chosen = sorted({int(np.abs(along - s).argmin()) for s in np.linspace(0.0, along[-1], n)} | {0, len(points) - 1})
    return [points[k] for k in chosen]
