"""A network on a line: values and slopes of all nodes at a point of it, with their rounding errors.

Rounding errors are either bounded a priori, `gamma |W| |h|` layer after layer, which proves but grows by a factor with
every layer, or estimated: a few probes run along, each of their affine results changed at random by what rounding may
change it by, and how far they spread tells what rounding does to a value (as in stochastic arithmetic, Vignes 1993).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import ModelError
from unrelu.network.interpreter import interpret
from unrelu.operators.on_line import OnLine
from unrelu.rigor.arithmetic import require_ieee
from unrelu.rigor.rounding import UNDERFLOW, UNIT
from unrelu.stability.following.next_event import Event, Ties, next_event
from unrelu.stability.pattern import ActivationPattern

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.operators.affine import AffineOperator
    from unrelu.operators.crossings import Crossings
    from unrelu.operators.line_step import LineStep

PROBES = 6
"""Probes that run along to estimate rounding errors."""

SAFETY = 8.0
"""An estimated error is so many times the greatest deviation of a probe."""


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
    output: OnLine
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
            UnsupportedOperator: if a node is neither affine nor piecewise linear.
        """
        given = {} if ties is None else ties
        found = _Findings()
        noise = None if bounded else torch.Generator(self.origin.device).manual_seed(0)

        def step(node: Node, operands: list[OnLine]) -> OnLine:
            if node.is_affine:
                return self._affine(node, node.affine, operands, noise)
            ahead = node.piecewise.on_line(operands, given.get(node.name), t_error)
            found.add(node.name, ahead)
            return ahead.result

        entry, *rest = self.network.nodes
        with torch.backends.cudnn.flags(enabled=False):  # convolutions by transforms keep no elementwise bound
            known = interpret(rest, step, {entry.name: self._entry(t, 0 if bounded else PROBES)})
        output = OnLine.joined([known[name] for name in self.network.outputs])
        if not bool(torch.isfinite(output.value).all() and torch.isfinite(output.slope).all()):
            raise ModelError("a value overflows float64 on the line; scale the weights or the direction down.")
        pattern = ActivationPattern.of(self.network, found.branches)
        return Ahead(t, pattern, output, next_event(found.events), found.sure, found.lasting)

    def _entry(self, t: float, probes: int) -> OnLine:
        value = (self.origin + t * self.direction)[None]
        error = 2 * UNIT * (self.origin.abs() + 2 * abs(t) * self.direction.abs())[None] + UNDERFLOW
        copies = [probes, *[1] * self.origin.ndim]
        return OnLine(
            value,
            torch.zeros_like(value) if t == 0 else error,
            self.direction[None],
            torch.zeros_like(value),
            value.repeat(copies),
            self.direction[None].repeat(copies),
        )

    def _affine(
        self, node: Node, operator: AffineOperator, operands: list[OnLine], noise: torch.Generator | None
    ) -> OnLine:
        values = [operand.value for operand in operands]
        slopes = [operand.slope for operand in operands]
        value, slope = operator.apply(*values), operator.linear(*slopes)
        probes = operator.apply(*(operand.values for operand in operands))
        probe_slopes = operator.linear(*(operand.slopes for operand in operands))
        if operator.roundings == 0:
            return OnLine(
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
            return OnLine(value, _spread(value, probes), slope, _spread(slope, probe_slopes), probes, probe_slopes)
        require_ieee()
        errors, slope_errors = [operand.error for operand in operands], [operand.slope_error for operand in operands]
        error = operator.error(values, errors, magnitudes=size, plain=True)
        slope_error = operator.error(slopes, slope_errors, magnitudes=size, plain=True, linear=True)
        return OnLine(value, error, slope, slope_error, probes, probe_slopes)


@dataclass(eq=False)
class _Findings:
    """Collects what piecewise linear nodes do ahead."""

    branches: dict[str, np.ndarray] = field(default_factory=dict)
    events: dict[str, Crossings] = field(default_factory=dict)
    sure: bool = True
    lasting: bool = True

    def add(self, name: str, ahead: LineStep) -> None:
        self.branches[name] = ahead.branches.cpu().numpy()
        self.events[name] = ahead.crossings
        self.sure, self.lasting = self.sure and ahead.sure, self.lasting and ahead.lasting


def _shaken(probes: Tensor, size: Tensor, noise: torch.Generator) -> Tensor:
    """Probes changed at random by what a rounding of terms of that size may change them by."""
    drawn = torch.randn(probes.shape, generator=noise, dtype=probes.dtype, device=probes.device)
    return probes + UNIT * size * drawn


def _spread(value: Tensor, probes: Tensor) -> Tensor:
    return SAFETY * (probes - value).abs().amax(dim=0, keepdim=True)
