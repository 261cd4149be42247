"""Solutions one at a time by a mixed-integer program, HiGHS, until it says that there are no more.

A ReLU z of a pre-activation p between l < 0 and h > 0 is `z >= 0, z >= p, z <= p - l (1 - a), z <= h a` with a binary a
(big M); bounds are intervals, and linear bounds where these are tighter. The outputs are held to the measured values
within 1e-6 of their ranges, which is what the solver's tolerances allow. A solution is polished by Newton's method;
then a box about it is cut out by a disjunction (`x_j` below or above it for some j), wider if the same solution comes
again, and the program is solved once more.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import highspy
import numpy as np
import torch

import unrelu as ur
from benchmarks.newton_peer import SOLVED, NewtonSearch
from benchmarks.peer_solutions import APART, PeerSolutions
from unrelu.bounding.linear_bounds import linear_bounds
from unrelu.network.folding import fold

WITHIN = 1e-6
"""How far outputs may be off, in units of their ranges."""

HALF_WIDTH = 1e-3
"""Of the box that is cut out about a solution at first, in units of the domain."""


def milp_solutions(
    network: ur.Network,
    measured: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    time_limit: float = 600.0,
    threads: int = 1,
) -> PeerSolutions:
    """The solutions that are found until the program has none left, or the time is over.

    Args:
        network: F: affine maps and ReLUs, of inputs (d,).
        measured: (m,) y.
        lower: (d,) of the box.
        upper: (d,) the same as the lower one where an input is known.
        time_limit: seconds for all programs together.
        threads: of HiGHS.
    """
    begin = time.perf_counter()
    search = NewtonSearch(network, measured, lower, upper)
    program = BigM()
    u = [program.unknown(0.0, 1.0) for _ in range(search.n_free)]
    _write_network(program, u, network, search, lower, upper)
    found: list[np.ndarray] = []
    residuals: list[float] = []
    seconds: list[float] = []
    cuts: list[tuple[np.ndarray, float]] = []
    runs, finished = 0, False
    while True:
        left = time_limit - (time.perf_counter() - begin)
        if left <= 0:
            break
        runs += 1
        status, values = program.solve(u, cuts, left, threads)
        if values is None:
            finished = status == highspy.HighsModelStatus.kInfeasible
            break
        at = np.clip(values[u], 0.0, 1.0)
        v, residual = search.descend(torch.from_numpy(at[None].copy()), 50)
        near = v[0].numpy() if float(residual[0]) <= SOLVED else at
        known = [k for k, (center, _) in enumerate(cuts) if np.abs(center - near).max() <= APART]
        if known:  # what the tolerance leaves of a solution reaches out of its box
            cuts[known[0]] = near, 2 * cuts[known[0]][1]
            continue
        cuts.append((near, HALF_WIDTH))
        if float(residual[0]) <= SOLVED:
            found.append(search.points(v)[0].numpy())
            residuals.append(float(residual[0]))
            seconds.append(time.perf_counter() - begin)
    return PeerSolutions(
        method="big-M, HiGHS",
        points=np.array(found).reshape(-1, len(lower)),
        residuals=np.array(residuals),
        seconds=time.perf_counter() - begin,
        finished=finished,
        claims_all=finished,
        seconds_to_each=tuple(seconds),
        runs=runs,
    )


@dataclass
class BigM:
    """Unknowns and rows as they come."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[list[int], list[float], float, float]] = field(default_factory=list)

    def unknown(self, lower: float, upper: float, whole: bool = False) -> int:
        """The index of a new one."""
        self.lower.append(lower)
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.lower) - 1

    def row(self, terms: dict[int, float], lower: float, upper: float) -> None:
        """`lower <= sum of coefficients times unknowns <= upper`."""
        kept = {k: v for k, v in terms.items() if v != 0}
        self.rows.append((list(kept), list(kept.values()), lower, upper))

    def solve(
        self, u: list[int], cuts: list[tuple[np.ndarray, float]], time_limit: float, threads: int
    ) -> tuple[highspy.HighsModelStatus, np.ndarray | None]:
        """Any point outside the boxes that are cut out."""
        whole = BigM(list(self.lower), list(self.upper), list(self.whole), list(self.rows))
        for center, half in cuts:
            sides: list[int] = []
            for index, middle in zip(u, center.tolist(), strict=True):
                if middle - half >= 0:
                    below = whole.unknown(0, 1, whole=True)
                    whole.row({index: 1.0, below: 1 - middle + half}, -math.inf, 1.0)
                    sides.append(below)
                if middle + half <= 1:
                    above = whole.unknown(0, 1, whole=True)
                    whole.row({index: 1.0, above: -(middle + half)}, 0.0, math.inf)
                    sides.append(above)
            whole.row(dict.fromkeys(sides, 1.0), 1.0, math.inf)
        highs = highspy.Highs()
        for name, value in {
            "output_flag": False,
            "threads": threads,
            "time_limit": time_limit,
            "mip_feasibility_tolerance": 1e-9,
            "primal_feasibility_tolerance": 1e-9,
        }.items():
            highs.setOptionValue(name, value)
        highs.passModel(whole.model())
        highs.run()
        values = np.array(highs.getSolution().col_value)
        status = highs.getModelStatus()
        feasible = highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        return status, values if feasible and values.size else None

    def model(self) -> highspy.HighsLp:
        """All of it, without costs."""
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(self.lower), len(self.rows)
        model.col_cost_ = np.zeros(len(self.lower))
        model.col_lower_, model.col_upper_ = np.array(self.lower, dtype=float), np.array(self.upper, dtype=float)
        kinds = highspy.HighsVarType
        model.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in self.whole]
        model.row_lower_ = np.array([row[2] for row in self.rows])
        model.row_upper_ = np.array([row[3] for row in self.rows])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.cumsum([0, *(len(row[0]) for row in self.rows)]).astype(np.int32)
        model.a_matrix_.index_ = np.array([k for row in self.rows for k in row[0]], dtype=np.int32)
        model.a_matrix_.value_ = np.array([v for row in self.rows for v in row[1]])
        return model


@dataclass
class Values:
    """Of a node: indices of unknowns, and an interval of each."""

    unknowns: list[int]
    lower: np.ndarray
    upper: np.ndarray


def _write_network(
    program: BigM, u: list[int], net: ur.Network, search: NewtonSearch, lower: np.ndarray, upper: np.ndarray
) -> None:
    """Every layer on the node that it is fed by, and the outputs at the measured values."""
    # Inputs are lower + width u; those that are known are constants.
    free, width = search.free.numpy(), upper - lower
    known = {net.nodes[0].name: Values(u, np.zeros(len(u)), np.ones(len(u)))}

    def scaled(weight: np.ndarray, bias: np.ndarray, source: str) -> tuple[np.ndarray, np.ndarray]:
        return (weight[:, free] * width[free], bias + weight @ lower) if source == net.nodes[0].name else (weight, bias)

    for name in net.layers:
        layer = net.layer(name)
        fed_by = net.node(name).inputs[0]
        (source,) = net.affine_sources(fed_by)
        A, b = scaled(layer.dense_weight, layer.bias, source)
        found = linear_bounds(net.upto(fed_by), torch.from_numpy(lower[None]), torch.from_numpy(upper[None]))
        known[name] = relus(program, A, b, known[source], found.lower[0].numpy(), found.upper[0].numpy())
    sizes = search.range.numpy()
    at = 0
    for name in net.outputs:
        (source,) = net.affine_sources(name)
        folded = fold(net, source, name)
        weight = folded.weight if isinstance(folded.weight, np.ndarray) else folded.weight.toarray()
        A, b = scaled(weight, folded.bias, source)
        for row, constant in zip(A, b.tolist(), strict=True):
            size, y = float(sizes[at]), float(search.y[at])
            terms = dict(zip(known[source].unknowns, (row / size).tolist(), strict=True))
            program.row(terms, (y - constant) / size - WITHIN, (y - constant) / size + WITHIN)
            at += 1


def relus(program: BigM, A: np.ndarray, b: np.ndarray, fed: Values, lower: np.ndarray, upper: np.ndarray) -> Values:
    positive, negative = np.maximum(A, 0), np.minimum(A, 0)
    low = np.maximum(lower, positive @ fed.lower + negative @ fed.upper + b)
    high = np.minimum(upper, positive @ fed.upper + negative @ fed.lower + b)
    unknowns = []
    for row, constant, least, most in zip(A, b.tolist(), low.tolist(), high.tolist(), strict=True):
        terms = dict(zip(fed.unknowns, (-row).tolist(), strict=True))
        if most <= 0:
            unknowns.append(program.unknown(0.0, 0.0))
            continue
        z = program.unknown(max(least, 0.0), most)
        unknowns.append(z)
        if least >= 0:
            program.row({**terms, z: 1.0}, constant, constant)
            continue
        a = program.unknown(0, 1, whole=True)
        program.row({**terms, z: 1.0}, constant, math.inf)
        program.row({**terms, z: 1.0, a: -least}, -math.inf, constant - least)
        program.row({z: 1.0, a: -most}, -math.inf, 0.0)
    return Values(unknowns, np.maximum(low, 0.0), np.maximum(high, 0.0))
