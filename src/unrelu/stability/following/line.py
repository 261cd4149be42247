"""A network on a line: values and slopes of all nodes at a point of it, with their rounding errors.

Rounding errors are either bounded a priori, `gamma |W| |h|` layer after layer, which proves but grows by a factor with
every layer, or estimated: a few probes run along, each of their affine results changed at random by what rounding may
change it by, and how far they spread tells what rounding does to a value (as in stochastic arithmetic, Vignes 1993).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import ModelError
from unrelu.operators import AffineOperator, MaxPool
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma, lost
from unrelu.stability.following.next_event import Candidates, Event, Ties, candidates, next_event
from unrelu.stability.pattern import ActivationPattern
from unrelu.stability.tangents import not_linear

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.network.node import Node

_TINY = 2.0**-900  # a sum of magnitudes above it is none of zeros alone, whatever underflows

PROBES = 6
"""Probes that run along to estimate rounding errors."""

SAFETY = 8.0
"""An estimated error is so many times the greatest deviation of a probe."""


@dataclass(frozen=True, eq=False)
class Moving:
    """A node's value at a point of a line and its derivative on the side ahead, as batches of one.

    Attributes:
        value: float64.
        error: the rounding error of each value, bounded or estimated.
        slope: the one-sided derivative.
        slope_error: the rounding error of each slope, given the pattern, bounded or estimated.
        values: (p, *shape) the probes' values; none where errors are bounded.
        slopes: (p, *shape) their slopes.
    """

    value: Tensor
    error: Tensor
    slope: Tensor
    slope_error: Tensor
    values: Tensor
    slopes: Tensor


@dataclass(frozen=True, eq=False)
class Ahead:
    """The network at a point of a line, on the side ahead.

    Attributes:
        t: where on the line.
        pattern: the activation pattern just ahead.
        output: the prefix's outputs, flattened and joined.
        event: where the pattern may change next.
        sure: whether the rounding errors leave no doubt about any sign or comparison at this very point; a proof where
            they are bounded.
        lasting: whether they leave no doubt that nothing changes ahead, however far, where `sure` holds; a proof where
            they are bounded.
    """

    t: float
    pattern: ActivationPattern
    output: Moving
    event: Event
    sure: bool
    lasting: bool


@dataclass(frozen=True, eq=False)
class Line:
    """`origin + t direction` in the input space of a network.

    Attributes:
        network: the network.
        origin: (*input_shape) float64.
        direction: (*input_shape) float64.
    """

    network: Network
    origin: Tensor
    direction: Tensor
    _absolute: dict[str, AffineOperator] = field(default_factory=dict, repr=False)

    def turned(self, origin: Tensor, direction: Tensor) -> Line:
        """Another line in the same space."""
        return Line(self.network, origin, direction, self._absolute)

    def ahead(self, t: float, ties: Ties | None = None, t_error: float = 0.0, *, bounded: bool = False) -> Ahead:
        """What holds just ahead of a point of the line.

        Values and slopes go through the network together. A neuron whose value cannot be told from 0 there, and those
        in `ties`, are active if their slope is positive: since slopes are known layer by layer, neurons that change
        together are resolved exactly as the one-sided derivative has it. Of candidates for a maximum that cannot be
        told apart the one with the greatest slope is selected.

        Args:
            t: where on the line.
            ties: what is known to be at a tie.
            t_error: how far the tie that is meant may be from t.
            bounded: whether rounding errors are bounded, not estimated.

        Raises:
            ModelError: if a number overflows.
            UnsupportedOperator: if a node is neither affine, a ReLU nor a max pooling.
        """
        given = {} if ties is None else ties
        known: dict[str, Moving] = {}
        branches: dict[str, np.ndarray] = {}
        events: list[Candidates] = []
        sure = lasting = True
        noise = None if bounded else torch.Generator(self.origin.device).manual_seed(0)
        with torch.backends.cudnn.flags(enabled=False):  # convolutions by transforms keep no elementwise bound
            for node in self.network.nodes:
                operands = [known[name] for name in node.inputs]
                if not operands:
                    known[node.name] = self._entry(t, 0 if bounded else PROBES)
                elif node.is_relu:
                    on, unsure = _signs(operands[0], given.get(node.name), t_error)
                    known[node.name] = _rectified(operands[0], on, unsure)
                    branches[node.name] = on[0].cpu().numpy()
                    sure = sure and _signs_sure(operands[0], on)
                    lasting = lasting and _signs_last(operands[0], on)
                    events.append(_zeros(node.name, operands[0], on, unsure))
                elif node.is_max_pool:
                    pooled = _pooled(node, operands[0], given.get(node.name), t_error)
                    known[node.name], branches[node.name] = pooled.result, pooled.branches
                    sure, lasting = sure and pooled.sure, lasting and pooled.lasting
                    events.append(pooled.candidates)
                else:
                    known[node.name] = self._affine(node, operands, noise)
        parts = [known[name] for name in self.network.outputs]
        output = Moving(*(_joined(parts, each.name) for each in fields(Moving)))
        if not bool(torch.isfinite(output.value).all() and torch.isfinite(output.slope).all()):
            raise ModelError("a value overflows float64 on the line; scale the weights or the direction down.")
        return Ahead(t, ActivationPattern.of(self.network, branches), output, next_event(events), sure, lasting)

    def _entry(self, t: float, probes: int) -> Moving:
        value = (self.origin + t * self.direction)[None]
        error = 2 * UNIT * (self.origin.abs() + 2 * abs(t) * self.direction.abs())[None] + UNDERFLOW
        copies = [probes, *[1] * self.origin.ndim]
        return Moving(
            value,
            torch.zeros_like(value) if t == 0 else error,
            self.direction[None],
            torch.zeros_like(value),
            value.repeat(copies),
            self.direction[None].repeat(copies),
        )

    def _affine(self, node: Node, operands: list[Moving], noise: torch.Generator | None) -> Moving:
        operator = node.operator
        if not isinstance(operator, AffineOperator):
            raise not_linear(node)
        values = [operand.value for operand in operands]
        slopes = [operand.slope for operand in operands]
        value, slope = operator.apply(*values), operator.linear(*slopes)
        probes = operator.apply(*(operand.values for operand in operands))
        probe_slopes = operator.linear(*(operand.slopes for operand in operands))
        if operator.roundings == 0:
            return Moving(
                value,
                operator.linear(*(operand.error for operand in operands)),
                slope,
                operator.linear(*(operand.slope_error for operand in operands)),
                probes,
                probe_slopes,
            )
        if node.name not in self._absolute:
            self._absolute[node.name] = operator.absolute()
        size = self._absolute[node.name]
        if noise is not None:
            probes = _shaken(probes, size.apply(*(v.abs() for v in values)), noise)
            probe_slopes = _shaken(probe_slopes, size.linear(*(s.abs() for s in slopes)), noise)
            return Moving(value, _spread(value, probes), slope, _spread(slope, probe_slopes), probes, probe_slopes)
        errors, slope_errors = [operand.error for operand in operands], [operand.slope_error for operand in operands]
        error = _bounded(size, size.apply, operator.roundings, values, errors)
        slope_error = _bounded(size, size.linear, operator.roundings, slopes, slope_errors)
        return Moving(value, error, slope, slope_error, probes, probe_slopes)


@dataclass(frozen=True, eq=False)
class _Pooled:
    result: Moving
    branches: np.ndarray
    candidates: Candidates
    sure: bool
    lasting: bool


def _bounded(
    size: AffineOperator, apply: Callable[..., Tensor], roundings: int, values: list[Tensor], errors: list[Tensor]
) -> Tensor:
    """A bound of the rounding errors of an affine map of values that have errors themselves.

    Args:
        size: the map with all its numbers' magnitudes.
        apply: `size.apply` for values, `size.linear` for slopes, to which offsets do not count.
        roundings: in one number of the result.
        values: of the operands.
        errors: of them.
    """
    g = gamma(roundings)
    magnitudes = [value.abs() for value in values]
    sizes = apply(*magnitudes)
    greatest = [float(each.max()) for each in magnitudes if each.numel()]
    # What threads of BLAS may read as 0 counts as an error of the operand.
    spread = size.linear(*(error + UNDERFLOW for error in errors))
    found = (spread + g * sizes) * (1 + 6 * g) + lost(roundings, *greatest)
    # The bounds were computed in floating point too, with as many roundings again and three more. Where there is
    # nothing but zeros to add up, and no offset, the result is exactly 0: dead neurons feed what is exactly as dead.
    if bool((sizes <= _TINY).any()):
        used = [((value != 0) | (error != 0)).to(value.dtype) for value, error in zip(values, errors, strict=True)]
        found = torch.where((sizes == 0) & (apply(*used) == 0), 0.0, found)
    return found


def _shaken(probes: Tensor, size: Tensor, noise: torch.Generator) -> Tensor:
    """Probes changed at random by what a rounding of terms of that size may change them by."""
    drawn = torch.randn(probes.shape, generator=noise, dtype=probes.dtype, device=probes.device)
    return probes + UNIT * size * drawn


def _spread(value: Tensor, probes: Tensor) -> Tensor:
    return SAFETY * (probes - value).abs().amax(dim=0, keepdim=True)


def _signs(fed: Moving, tied: Tensor | None, t_error: float) -> tuple[Tensor, Tensor]:
    """Which neurons are active just ahead, and which of them could not be told from 0."""
    unsure = fed.value.abs() <= fed.error + (fed.slope.abs() + fed.slope_error) * t_error
    if tied is not None:
        unsure = unsure | tied.reshape(unsure.shape)
    return torch.where(unsure, fed.slope > fed.slope_error, fed.value > 0), unsure


def _rectified(fed: Moving, on: Tensor, unsure: Tensor) -> Moving:
    nothing = torch.zeros_like(fed.value)
    doubtful = unsure & (fed.slope.abs() <= fed.slope_error)
    return Moving(
        torch.where(on, fed.value, nothing),
        torch.where(unsure, fed.value.abs() + fed.error, torch.where(on, fed.error, nothing)),
        torch.where(on, fed.slope, nothing),
        torch.where(on, fed.slope_error, torch.where(doubtful, fed.slope.abs() + fed.slope_error, nothing)),
        torch.where(on, fed.values, 0.0),
        torch.where(on, fed.slopes, 0.0),
    )


def _signs_sure(fed: Moving, on: Tensor) -> bool:
    off = (fed.value < -fed.error) | ((fed.value == 0) & (fed.error == 0))
    return bool(torch.where(on, fed.value > fed.error, off).all())


def _signs_last(fed: Moving, on: Tensor) -> bool:
    """Whether active neurons never fall, and others never rise."""
    return bool((torch.where(on, fed.slope, -fed.slope) >= fed.slope_error).all())


def _zeros(name: str, fed: Moving, on: Tensor, unsure: Tensor) -> Candidates:
    """Where neurons reach 0: active ones that fall, inactive ones that rise."""
    z, s = fed.value.reshape(-1).abs(), torch.where(on, -fed.slope, fed.slope).reshape(-1)
    sure = ~unsure.reshape(-1) & (s > fed.slope_error.reshape(-1))
    return candidates(name, z, s, fed.error.reshape(-1), fed.slope_error.reshape(-1), sure, None, z.numel())


def _pooled(node: Node, fed: Moving, tied: Tensor | None, t_error: float) -> _Pooled:
    """A max pooling as the selection that it makes just ahead."""
    operator = node.operator
    assert isinstance(operator, MaxPool)
    members = operator.members(tuple(fed.value.shape[1:])).to(fed.value.device)
    inside = members >= 0
    flat = [part.reshape(-1)[members.clamp(min=0)] for part in (fed.value, fed.error, fed.slope, fed.slope_error)]
    z, e, s, f = flat
    z = torch.where(inside, z, -math.inf)
    top = z.argmax(dim=1, keepdim=True)
    gap = z.gather(1, top) - z
    doubt = e + e.gather(1, top)
    near = gap <= doubt + ((s - s.gather(1, top)).abs() + f + f.gather(1, top)) * t_error
    if tied is not None:
        near = near | tied.reshape(near.shape)
    near = near & inside
    best = torch.where(near, s, -math.inf).argmax(dim=1, keepdim=True)
    chosen = members.gather(1, best).reshape(-1)
    zb, eb, sb, fb = (part.gather(1, best) for part in (z, e, s, f))
    spread = torch.where(near, (z - zb).abs() + e, 0.0).amax(dim=1)
    alone = near.sum(dim=1) == 1
    slope_doubt = torch.where(near & ((s - sb).abs() <= f + fb), (s - sb).abs() + f, 0.0).amax(dim=1)
    shape = (1, *node.shape)
    result = Moving(
        zb.reshape(shape),
        torch.where(alone, eb[:, 0], torch.maximum(spread, eb[:, 0])).reshape(shape),
        sb.reshape(shape),
        torch.maximum(fb[:, 0], slope_doubt).reshape(shape),
        fed.values.flatten(1)[:, chosen].reshape(-1, *node.shape),
        fed.slopes.flatten(1)[:, chosen].reshape(-1, *node.shape),
    )
    rate, doubt, rate_doubt = s - sb, e + eb, f + fb
    distinct = inside & (members != chosen[:, None])
    sure = distinct & ~near & (rate > rate_doubt)
    gaps = torch.where(distinct, zb - z, math.inf)
    # A gap and its doubt are sums of two numbers, each rounded once.
    settled = (gaps * (1 - 8 * UNIT) > doubt) | ((gaps == 0) & (doubt == 0)) | ~distinct
    keeps = (-rate * (1 - 8 * UNIT) > rate_doubt) | ((rate == 0) & (rate_doubt == 0)) | ~distinct
    owners = torch.arange(z.numel(), device=z.device)
    flat_ = (gaps.reshape(-1), rate.reshape(-1), doubt.reshape(-1), rate_doubt.reshape(-1), sure.reshape(-1))
    branches = best.reshape(node.shape).cpu().numpy()
    events = candidates(node.name, *flat_, owners, z.numel())
    return _Pooled(result, branches, events, bool(settled.all()), bool(keeps.all()))


def _joined(parts: list[Moving], name: str) -> Tensor:
    flat = [getattr(part, name).flatten(1) for part in parts]
    return torch.cat(flat, dim=1)
