"""Networks whose preimages are known in closed form: points, flats, and none at all.

Every construction gives a `Known`: the problem, and all its solutions as rational points and as flats, told by their
corners. `all_known()` lists them. Nothing here enumerates patterns; `exact_inversion` does, and agrees.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch

from stability.reference_networks import Graph
from unrelu.network.graph import Network
from unrelu.operators import Absolute, Clamp, Dense, LeakyReLU, Maximum, MaxPool, ReLU, Reshape

Point = tuple[Fraction, ...]


@dataclass(frozen=True)
class Known:
    """Find all x in a box with `F(x) = y`, whose answer is known.

    Attributes:
        name: what it shows.
        network: F.
        measured: (m,) y.
        lower: (d,) of the box.
        upper: (d,) the same.
        points: the isolated solutions.
        flats: for each connected part of larger dimension its corners.
        dimension: of the set; -1 if it is empty.
    """

    name: str
    network: Network
    measured: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    points: frozenset[Point] = frozenset()
    flats: tuple[frozenset[Point], ...] = ()
    dimension: int = field(default=0)

    @property
    def n_parts(self) -> int:
        return len(self.points) + len(self.flats)


def all_known() -> list[Known]:
    """Every construction, in the sizes that tests run."""
    found = [
        *(magnitudes(k, unit) for k in (1, 2, 3, 5) for unit in ("abs", "relu")),
        *(tents(n, y) for n in (1, 2, 3, 5, 8) for y in (0.3125, 0.75)),
        tents(3, 1.0),
        tents(3, 0.0),
        tents(4, 1.5),
        *(bijection(d, depth, seed) for d, depth, seed in ((1, 1, 0), (2, 2, 1), (3, 3, 2), (4, 2, 3), (6, 3, 4))),
        bijection(3, 2, 5, at="lower"),
        bijection(3, 2, 6, at="upper"),
        bijection(2, 2, 7, at="kink"),
        overdetermined(),
        one_ulp_apart(),
        half_space(),
        parallel_lines(),
        *(plateau(d, y) for d in (1, 2, 3) for y in (0.0, 0.5, 1.0)),
        touching_kink(),
        crossing_kinks(2),
        crossing_kinks(3),
        dyadic_faces(2),
        dyadic_faces(3),
        corners(2),
        corners(3),
        *(conditional(y) for y in (-1.0, 0.0, 1.0)),
        *(constant(d, reached) for d in (1, 3) for reached in (True, False)),
        dead_units(),
        never_reached(),
        *(scales(10.0**-6, 10.0**6, unit) for unit in ("abs", "relu")),
        thin_box(),
        fixed_input(),
        dependent_rows(),
        pooled_zeros(),
        nearby_roots(2.0**-30),
        point_beside_flat(),
        larger_of_two(),
    ]
    assert len({each.name for each in found}) == len(found)
    return found


def magnitudes(k: int, unit: str = "abs") -> Known:
    """`F(x) = (|x_1|, ..., |x_k|)`: 2^k points."""
    y = np.arange(1, k + 1) / 4
    points = frozenset(tuple(s * Fraction(v) for s, v in zip(signs, y.tolist(), strict=True)) for signs in _signs(k))
    return Known(f"magnitudes {k} {unit}", _magnitudes(np.ones(k), unit), y, np.full(k, -2.0), np.full(k, 2.0), points)


def tents(n: int, y: float) -> Known:
    """The tent map `T(x) = 1 - |1 - 2 x|` n times: the m-th of its 2^n rising and falling branches has a root.

    It is at `(m + y) / 2^n` if m is even, and at `(m + 1 - y) / 2^n` if it is odd; at y = 0 and 1 two branches share
    roots, and above 1 there is none.
    """
    graph = Graph(1)
    for k in range(1, n + 1):
        graph.add(f"in{k}", _dense([[1.0], [1.0]], [0.0, -0.5])).add(f"relu{k}", ReLU())
        graph.add(f"out{k}", _dense([[2.0, -4.0]], [0.0]))
    size = 2**n
    roots = {
        (Fraction(m + (Fraction(y) if m % 2 == 0 else 1 - Fraction(y))) / size,) for m in range(size) if 0 <= y <= 1
    }
    return Known(
        f"tents {n} at {y}",
        graph.network(),
        np.array([y]),
        np.zeros(1),
        np.ones(1),
        frozenset(roots),
        dimension=0 if roots else -1,
    )


def bijection(d: int, depth: int, seed: int, at: str = "inside") -> Known:
    """Unimodular whole matrices and leaky units between them: one solution, at a dyadic point, a corner or a kink."""
    rng = np.random.default_rng(seed)
    lower, upper = np.full(d, -2.0), np.full(d, 2.0)
    x = rng.integers(-15, 16, d) / 8
    x = {"inside": x, "lower": lower, "upper": upper, "kink": x}[at]
    graph, h = Graph(d), x
    for k in range(1, depth + 1):
        W = _unimodular(rng, d)
        b = -(W @ h) if at == "kink" else rng.integers(-2, 3, d) * 1.0
        h = W @ h + b
        h = np.where(h > 0, h, h / 2)
        graph.add(f"dense{k}", _dense(W, b)).add(f"leaky{k}", LeakyReLU(torch.tensor(0.5, dtype=torch.float64)))
    return Known(f"bijection {d} {depth} {at}", graph.network(), h, lower, upper, frozenset({_fractions(x)}))


def overdetermined() -> Known:
    """`F(x) = (x_1, x_2, |x_1 - x_2|, ReLU(x_1 + x_2))`, consistent: one solution of four equations."""
    graph = Graph(2).add("in", _dense([[1, 0], [-1, 0], [0, 1], [0, -1], [1, -1], [-1, 1], [1, 1]], np.zeros(7)))
    graph.add("relu", ReLU()).add(
        "out",
        _dense(
            [[1, -1, 0, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1]], np.zeros(4)
        ),
    )
    y = np.array([0.5, -0.25, 0.75, 0.25])
    return Known(
        "overdetermined", graph.network(), y, np.full(2, -1.0), np.full(2, 1.0), frozenset({_fractions(y[:2])})
    )


def one_ulp_apart() -> Known:
    """`F(x) = (x, x)` measured as (1, 1 + 2^-52): no exact solution, and 2^-53 is the least noise that has one."""
    y = np.array([1.0, 1.0 + 2.0**-52])
    net = Graph(1).add("out", _dense([[1.0], [1.0]], np.zeros(2))).network()
    return Known("one ulp apart", net, y, np.zeros(1), np.full(1, 2.0), dimension=-1)


def half_space() -> Known:
    """`F(x) = ReLU(x_1 + x_2)` at 0, a collapsed layer: half a square."""
    net = Graph(2).add("in", _dense([[1.0, 1.0]], np.zeros(1))).add("relu", ReLU()).network()
    flat = frozenset(_points((-1, -1), (1, -1), (-1, 1)))
    return Known("half space", net, np.zeros(1), np.full(2, -1.0), np.full(2, 1.0), flats=(flat,), dimension=2)


def parallel_lines() -> Known:
    """`F(x) = |x_1 + 2 x_2 - 1/2|` at 9/2: the two parallel lines x_1 + 2 x_2 = 5 and = -4."""
    graph = Graph(2).add("in", _dense([[1.0, 2.0], [-1.0, -2.0]], [-0.5, 0.5])).add("relu", ReLU())
    net = graph.add("out", _dense([[1.0, 1.0]], [0.0])).network()
    up = frozenset(_points((-3, 4), (5, 0)))
    down = frozenset(_points((4, -4), (-8, 2)))
    return Known(
        "parallel lines",
        net,
        np.array([4.5]),
        np.array([-8.0, -4.0]),
        np.array([5.0, 4.0]),
        flats=(up, down),
        dimension=1,
    )


def plateau(d: int, y: float) -> Known:
    """`F(x) = (clamp(x_1, 0, 1), x_2, ..., x_d)`: flat at both ends of the clamp, one point between."""
    graph = Graph(d).add("in", _dense(np.eye(d), np.zeros(d)))
    low, high = np.full(d, -4.0), np.full(d, 4.0)
    low[0], high[0] = 0.0, 1.0
    net = graph.add("clamp", Clamp(torch.from_numpy(low), torch.from_numpy(high))).network()
    measured = np.array([y, *[0.5] * (d - 1)])
    ends = {0.0: (-2, 0), 1.0: (1, 3)}.get(y)
    rest = tuple([Fraction(1, 2)] * (d - 1))
    points = frozenset() if ends else frozenset({_fractions(measured)})
    flats = (frozenset({(Fraction(ends[0]), *rest), (Fraction(ends[1]), *rest)}),) if ends else ()
    lower, upper = np.full(d, -2.0), np.full(d, 3.0)
    return Known(f"plateau {d} at {y}", net, measured, lower, upper, points, flats, dimension=int(ends is not None))


def touching_kink() -> Known:
    """`F(x) = |x - 3/8|` at 0: one solution, on a kink, where both pieces end."""
    graph = Graph(1).add("in", _dense([[1.0]], [-0.375])).add("abs", Absolute())
    return Known("touching kink", graph.network(), np.zeros(1), np.zeros(1), np.ones(1), frozenset({(Fraction(3, 8),)}))


def crossing_kinks(d: int) -> Known:
    """`F(x)_i = x_i + ReLU(x_i) + ReLU(sum x)` at 0: one solution, in the origin, where d + 1 kinks meet."""
    W = np.vstack([np.eye(d), -np.eye(d), np.ones((1, d))])
    out = np.hstack([2 * np.eye(d), -np.eye(d), np.ones((d, 1))])
    net = (
        Graph(d)
        .add("in", _dense(W, np.zeros(2 * d + 1)))
        .add("relu", ReLU())
        .add("out", _dense(out, np.zeros(d)))
        .network()
    )
    return Known(
        f"crossing kinks {d}", net, np.zeros(d), np.full(d, -1.0), np.full(d, 1.0), frozenset({(Fraction(0),) * d})
    )


def dyadic_faces(d: int) -> Known:
    """`F(x)_i = ||x_i - 1/2| - 1/4|` at 0: all solutions at quarters of the box, where a bisection cuts."""
    graph = Graph(d).add("in", _dense(np.eye(d), np.full(d, -0.5))).add("abs1", Absolute())
    net = graph.add("shift", _dense(np.eye(d), np.full(d, -0.25))).add("abs2", Absolute()).network()
    roots = itertools.product((Fraction(1, 4), Fraction(3, 4)), repeat=d)
    return Known(f"dyadic faces {d}", net, np.zeros(d), np.zeros(d), np.ones(d), frozenset(roots))


def corners(d: int) -> Known:
    """`F(x) = (|x_1|, ..., |x_d|)` at 1 on [-1, 1]^d: the corners of the domain."""
    points = frozenset(tuple(map(Fraction, signs)) for signs in _signs(d))
    return Known(f"corners {d}", _magnitudes(np.ones(d)), np.ones(d), np.full(d, -1.0), np.full(d, 1.0), points)


def conditional(y: float) -> Known:
    """`F(x) = (ReLU(x), x)` at (0, y): the features make the unit inactive, and x = 1 is no solution.

    Whoever takes the bounds that hold for solutions only for bounds of the unit finds the root x = 1.
    """
    graph = Graph(1).add("in", _dense([[1.0], [1.0], [-1.0]], np.zeros(3))).add("relu", ReLU())
    net = graph.add("out", _dense([[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]], np.zeros(2))).network()
    points = frozenset({(Fraction(y),)}) if y <= 0 else frozenset()
    measured = np.array([0.0, y])
    return Known(
        f"conditional {y}", net, measured, np.full(1, -2.0), np.full(1, 2.0), points, dimension=0 if points else -1
    )


def constant(d: int, reached: bool) -> Known:
    """A network whose last map is zero: the whole box, or nothing."""
    graph = Graph(d).add("in", _dense(np.eye(d), np.zeros(d))).add("relu", ReLU())
    net = graph.add("out", _dense(np.zeros((2, d)), [0.5, -1.0])).network()
    y = np.array([0.5, -1.0 if reached else -1.0 - 2.0**-52])
    box = frozenset(tuple(map(Fraction, corner)) for corner in itertools.product((0, 2), repeat=d))
    name = f"constant {d} {'reached' if reached else 'missed'}"
    flats = (box,) if reached else ()
    return Known(name, net, y, np.zeros(d), np.full(d, 2.0), flats=flats, dimension=d if reached else -1)


def dead_units() -> Known:
    """`F(x) = (|x_1|, |x_2|)` beside units that are never active and units that always are, whose sums cancel."""
    W = np.vstack([np.eye(2), -np.eye(2), [[1, 1], [1, 1], [1, 0]]])
    b = np.array([0.0, 0, 0, 0, -100, 100, 100])
    out = np.array([[1.0, 0, 1, 0, 7, 1, -1], [0, 1, 0, 1, -5, -1, 1]])
    # The last two units are x_1 + x_2 + 100 and x_1 + 100, so that x_2 is added to, and taken from, the outputs.
    graph = Graph(2).add("in", _dense(W, b)).add("relu", ReLU()).add("out", _dense(out, np.zeros(2)))
    net = graph.network()
    # |x_1| + x_2 = 3/4, |x_2| - x_2 = 1: x_2 = -1/2, |x_1| = 5/4.
    points = frozenset(_points((1.25, -0.5), (-1.25, -0.5)))
    return Known("dead units", net, np.array([0.75, 1.0]), np.full(2, -2.0), np.full(2, 2.0), points)


def never_reached() -> Known:
    """`F(x) = |x_1| + |x_2|` at -1/8: below all that it reaches, though a line through its outputs gets there."""
    net = Graph(2).add("in", _dense(np.eye(2), np.zeros(2))).add("abs", Absolute())
    net = net.add("out", _dense([[1.0, 1.0]], [0.0])).network()
    return Known("never reached", net, np.array([-0.125]), np.full(2, -1.0), np.full(2, 1.0), dimension=-1)


def scales(small: float, large: float, unit: str = "abs") -> Known:
    """`F(x) = (|x_1 / 2^j|, |x_2|, |x_3 / 2^k|)` with inputs of very different sizes, in powers of two near these."""
    sizes = 2.0 ** np.round(np.log2([small, 1.0, large]))
    y = np.array([0.625, 0.25, 0.875])
    exact = [Fraction(a) * Fraction(b) for a, b in zip(y.tolist(), sizes.tolist(), strict=True)]
    points = frozenset(tuple(s * v for s, v in zip(signs, exact, strict=True)) for signs in _signs(3))
    return Known(f"scales {unit}", _magnitudes(1 / sizes, unit), y, -2 * sizes, 2 * sizes, points)


def thin_box() -> Known:
    """`F(x) = (|x_1|, |x_2 - 1|)` on a box 2^-40 wide about the second kink: four solutions."""
    graph = Graph(2).add("in", _dense(np.eye(2), [0.0, -1.0])).add("abs", Absolute())
    thin = 2.0**-40
    points = frozenset(_points(*((s * 0.5, 1 + t * thin / 4) for s in (1, -1) for t in (1, -1))))
    y = np.array([0.5, thin / 4])
    lower, upper = np.array([-2.0, 1 - thin / 2]), np.array([2.0, 1 + thin / 2])
    return Known("thin box", graph.network(), y, lower, upper, points)


def fixed_input() -> Known:
    """`F(x) = |x_1 + x_2|` at 1 with x_2 fixed at 1/4: two solutions, of an underdetermined network."""
    graph = Graph(2).add("in", _dense([[1.0, 1.0]], [0.0])).add("abs", Absolute())
    points = frozenset(_points((0.75, 0.25), (-1.25, 0.25)))
    lower, upper = np.array([-2.0, 0.25]), np.array([2.0, 0.25])
    return Known("fixed input", graph.network(), np.ones(1), lower, upper, points)


def dependent_rows() -> Known:
    """`x` through a wide layer and back, measured by six dependent features of the wide one: two solutions."""
    graph = Graph(2).add("in", _dense(np.eye(2), np.zeros(2))).add("abs", Absolute())
    out = np.array([[1.0, 0], [0, 1], [1, 1], [1, 2], [2, 1], [3, 3]])
    net = graph.add("wide", _dense(out, np.zeros(6))).add("relu", ReLU()).network()
    y = out @ np.array([0.5, 0.0])
    return Known("dependent rows", net, y, np.full(2, -1.0), np.full(2, 1.0), frozenset(_points((0.5, 0), (-0.5, 0))))


def pooled_zeros() -> Known:
    """The largest of four units that are all 0 below 0: 4^k patterns, one flat."""
    W = np.repeat(np.eye(2), 4, axis=0) * np.tile([[1.0], [2.0], [3.0], [4.0]], (2, 1))
    graph = Graph(2).add("in", _dense(W, np.zeros(8))).add("relu", ReLU()).add("rows", Reshape((2, 4)))
    net = graph.add("pool", MaxPool((4,), (4,), ((0, 0),), (1,))).add("flat", Reshape((2,))).network()
    flat = frozenset(_points((-1, -1), (-1, 0), (0, -1), (0, 0)))
    return Known("pooled zeros", net, np.zeros(2), np.full(2, -1.0), np.full(2, 1.0), flats=(flat,), dimension=2)


def nearby_roots(apart: float) -> Known:
    """`F(x) = |x - 85/256|` at a tiny value: two solutions that far apart."""
    middle = 85 / 256
    graph = Graph(1).add("in", _dense([[1.0]], [-middle])).add("abs", Absolute())
    points = frozenset(_points((middle + apart / 2,), (middle - apart / 2,)))
    return Known("nearby roots", graph.network(), np.array([apart / 2]), np.zeros(1), np.ones(1), points)


def point_beside_flat() -> Known:
    """`F(x) = ReLU(-x) + 2 ReLU(x - 1) - 4 ReLU(x - 2)` at 0: all of [0, 1], and the point 3."""
    graph = Graph(1).add("in", _dense([[-1.0], [1.0], [1.0]], [0.0, -1.0, -2.0])).add("relu", ReLU())
    net = graph.add("out", _dense([[1.0, 2.0, -4.0]], [0.0])).network()
    return Known(
        "point beside flat",
        net,
        np.zeros(1),
        np.full(1, -4.0),
        np.full(1, 4.0),
        frozenset({(Fraction(3),)}),
        (frozenset(_points((0,), (1,))),),
        dimension=1,
    )


def larger_of_two() -> Known:
    """`F(x) = max(x / 2, -x / 4)` at 1/2: a rising and a falling branch of different denominators, x = 1 and -2."""
    graph = Graph(1).add("rise", _dense([[0.5]], [0.0]), "input").add("fall", _dense([[-0.25]], [0.0]), "input")
    net = graph.add("larger", Maximum(), "rise", "fall").network()
    points = frozenset(_points((1.0,), (-2.0,)))
    return Known("larger of two", net, np.array([0.5]), np.full(1, -4.0), np.full(1, 4.0), points)


def _magnitudes(scale: np.ndarray, unit: str = "abs") -> Network:
    d = len(scale)
    if unit == "abs":
        return Graph(d).add("in", _dense(np.diag(scale), np.zeros(d))).add("abs", Absolute()).network()
    W = np.vstack([np.diag(scale), -np.diag(scale)])
    graph = Graph(d).add("in", _dense(W, np.zeros(2 * d))).add("relu", ReLU())
    return graph.add("out", _dense(np.hstack([np.eye(d), np.eye(d)]), np.zeros(d))).network()


def _unimodular(rng: np.random.Generator, d: int) -> np.ndarray:
    lower = np.tril(rng.integers(-1, 2, (d, d)), -1) + np.eye(d)
    upper = np.triu(rng.integers(-1, 2, (d, d)), 1) + np.eye(d)
    return lower @ upper


def _dense(weight: object, bias: object) -> Dense:
    return Dense(torch.tensor(np.array(weight, dtype=np.float64)), torch.tensor(np.array(bias, dtype=np.float64)))


def _signs(k: int) -> list[tuple[int, ...]]:
    return list(itertools.product((1, -1), repeat=k))


def _fractions(x: np.ndarray) -> Point:
    return tuple(Fraction(v) for v in x.tolist())


def _points(*points: tuple[float, ...]) -> list[Point]:
    return [tuple(Fraction(v) for v in point) for point in points]
