"""Asking a network backwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from unrelu.errors import DomainError, InputError, ShapeError, TooLarge
from unrelu.inverse.chosen_outputs import chosen_outputs
from unrelu.inverse.running import run
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.preimages.search.search import Search
from unrelu.preimages.search.statement import InverseStatement
from unrelu.preimages.search.watched import MEMORY

if TYPE_CHECKING:
    from unrelu.inverse.inversion import Inversion
    from unrelu.network.graph import Network
    from unrelu.progress import Progress

MOST_INPUTS = 64
"""Inputs that boxes are split in; the Jacobians of a batch of boxes are held whole."""


def invert(
    network: Network,
    measured: Array,
    *,
    domain: Domain,
    outputs: Sequence[int] | None = None,
    noise: ArrayLike | None = None,
    resolution: ArrayLike | None = None,
    exact: bool = False,
    time_limit: float = math.inf,
    memory_limit: float = MEMORY,
    progress: Progress | bool | None = None,
) -> Inversion:
    """Every input in a box at which a network gives the measured output, with a proof that none is missing.

    Measured numbers are rounded, and so is the network's own arithmetic: exact solutions as good as never exist where
    there are more outputs than inputs. What is found is therefore every input whose exact output is within a stated
    `resolution` of the measured one; of each solution it is then said whether it holds an exact one.

    The domain is cut into boxes. On each, affine functions below and above the outputs (CROWN) cut off what holds no
    solution, an interval Newton step; boxes are split until on each the solutions are one small ball, proved, the
    network is one affine map, or nothing is left.

    Args:
        network: piecewise linear, of few inputs: a whole network, a prefix (`net.upto`), or several with shared inputs
            (`Network.joined`).
        measured: (m,) the wanted output; its dtype tells how far it is rounded.
        domain: a box with finite ends; where both ends of an input are equal, it is fixed.
        outputs: numbers of the outputs that were measured, (m,), in the order of `measured`; all if left out.
        noise: one number, or one an output: outputs within it of the measured ones count as the same. The solutions
            are then sets that have an interior, which takes far longer to find.
        resolution: the same, in place of the default: half a unit in the last place of the measured numbers, and the
            proved bound of the rounding errors of the forward pass anywhere in the domain.
        exact: whether only exact solutions are meant, the resolution being 0.
        time_limit: seconds after which what is known then is returned.
        memory_limit: bytes that the tree and the parts of the domain that wait may take, 4 GiB if left out; what is
            known then is returned. The bounds of one batch of parts come on top, which do not grow.
        progress: where to show the share that is settled and the places found so far; see `unrelu.Progress`.

    Returns:
        The solutions, and whether they are proved complete. An interrupt (Ctrl-C) returns what is known, too;
        `Inversion.go_on` searches on.

    Raises:
        ShapeError: if the numbers of outputs do not fit.
        InputError: if a measured number, noise or resolution is not finite, or negative, or the memory limit is not
            positive.
        DomainError: if the domain is no box with finite ends.
        UnsupportedOperator: if the network has a smooth node; the message names it.
        TooLarge: if the network has more inputs than can be split.

    >>> import unrelu as ur
    >>> net = ur.Network.from_layers([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])  # |x|
    >>> found = ur.invert(net, [0.5], domain=ur.Box(-2, 2))
    >>> found
    Inversion(2 solutions, proved complete to the resolution)
    >>> [float(each.center[0]) for each in found.solutions], found.certificate.verify()
    ([-0.5, 0.5], True)
    """
    statement = _statement(network, measured, domain, outputs, noise, resolution, exact)
    return run(Search(statement), time_limit=time_limit, memory_limit=memory_limit, progress=progress)


def _statement(
    network: Network,
    measured: Array,
    domain: Domain,
    outputs: Sequence[int] | None,
    noise: ArrayLike | None,
    resolution: ArrayLike | None,
    exact: bool,
) -> InverseStatement:
    d, m = network.input_size, network.output_size
    for node in network.nodes[1:]:
        if not node.is_affine:
            _ = node.piecewise  # a smooth node is refused in its own words
    if d > MOST_INPUTS:
        raise TooLarge(
            f"the network takes {d} inputs, and boxes are split in at most {MOST_INPUTS}; ask for the piece of one "
            "input with ur.preimage(net, at=x)."
        )
    y = as_numpy(measured, "the measured output").reshape(-1)
    chosen = np.arange(m) if outputs is None else np.asarray(outputs)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or not bool(((chosen >= 0) & (chosen < m)).all()):
        raise InputError(f"outputs are whole numbers from 0 to {m - 1}, each telling which output was measured.")
    if y.size != len(chosen):
        raise ShapeError(f"{y.size} numbers were measured, but there are {len(chosen)} outputs; give one for each.")
    lower, upper = _box(domain, d)
    if outputs is not None:
        if len(np.unique(chosen)) < len(chosen) or not len(chosen):
            raise InputError("outputs names each measured output once, and at least one.")
        network = chosen_outputs(network, chosen)
    statement = InverseStatement(network, lower, upper, torch.from_numpy(y), torch.zeros(len(y), dtype=torch.float64))
    if exact and (noise is not None or resolution is not None):
        raise InputError("exact=True means a resolution of 0; leave noise and resolution out.")
    if exact:
        return statement
    rho = statement.forward_error + torch.from_numpy(_half_ulps(measured, y))
    if resolution is not None:
        rho = _allowed(resolution, y, "the resolution")
    if noise is not None:
        rho = torch.maximum(_allowed(noise, y, "the noise"), rho)
    return InverseStatement(network, lower, upper, statement.features, rho)


def _half_ulps(measured: Array, y: np.ndarray) -> np.ndarray:
    """How far rounding to their dtype may have moved the measured numbers."""
    return np.abs(y) * unit_roundoff(measured) * (1 + 2.0**-20) + 2.0**-1022


def _allowed(given: ArrayLike, y: np.ndarray, name: str) -> Tensor:
    values = (
        np.broadcast_to(np.asarray(given, dtype=np.float64), y.shape).copy()
        if np.ndim(given) == 0
        else (np.asarray(given, dtype=np.float64).reshape(-1))
    )
    if values.shape != y.shape:
        raise ShapeError(f"{name} is one number, or one for each of the {len(y)} measured ones, not {len(values)}.")
    if not bool((np.isfinite(values) & (values >= 0)).all()):
        raise InputError(f"{name} is finite and not negative.")
    return torch.from_numpy(values)


def _box(domain: Domain, d: int) -> tuple[Tensor, Tensor]:
    region = resolve(domain, d)
    if len(region.A_ub) or len(region.A_eq):
        raise DomainError("a network is inverted on a box; give ur.Box(lower, upper), the tightest around the domain.")
    lower, upper = region.lower, region.upper
    if not bool((np.isfinite(lower) & np.isfinite(upper)).all()):
        raise DomainError(
            "all solutions can be found in a bounded box only; give ur.Box(lower, upper) with finite ends."
        )
    return torch.from_numpy(lower.copy()), torch.from_numpy(upper.copy())
