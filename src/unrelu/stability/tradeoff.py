"""Invariance against stability over the layers: what the paper's Figure 7 shows, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.stability.quantiles import QUARTILES
from unrelu.stability.spectra import spectra
from unrelu.stability.spectrum import ACCURACY, Spectrum

if TYPE_CHECKING:
    from unrelu.network.arrays import Array
    from unrelu.network.graph import Network
    from unrelu.progress import Progress
    from unrelu.stability.window import Window


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of a number over several inputs; NaN where it is undefined at all of them."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Over these values; NaNs among them are left out."""
        known = [value for value in values if not np.isnan(value)]
        if not known:
            return cls(np.nan, np.nan, np.nan)
        return cls(*(float(value) for value in np.quantile(known, QUARTILES)))

    def __str__(self) -> str:
        """The median, shortly."""
        return f"{self.median:.4g}"


@dataclass(frozen=True)
class TradeoffRow:
    """One layer, before or with its ReLU, seen from the network's input over several inputs.

    Attributes:
        layer: name of the layer.
        relu: whether its ReLU is included.
        n_inputs: over how many inputs the spreads run.
        output_size: m.
        input_size: d.
        structural_rank: the rank that sizes and active neurons allow.
        rank: numerical rank.
        invariant: `d - rank`, directions of the input that the layer does not see.
        largest: the largest singular value.
        smallest_nonzero: the smallest singular value above the tolerance.
        condition_number: the largest over the smallest non-zero one.
    """

    layer: str
    relu: bool
    n_inputs: int
    output_size: int
    input_size: int
    structural_rank: Spread
    rank: Spread
    invariant: Spread
    largest: Spread
    smallest_nonzero: Spread
    condition_number: Spread

    @classmethod
    def of(cls, found: Sequence[Spectrum]) -> TradeoffRow:
        """From the spectra of one layer, at least one."""
        m, d = found[0].shape
        return cls(
            layer=found[0].layer,
            relu=found[0].relu,
            n_inputs=len(found),
            output_size=m,
            input_size=d,
            structural_rank=Spread.of(one.structural_rank for one in found),
            rank=Spread.of(one.rank for one in found),
            invariant=Spread.of(one.n_invariant for one in found),
            largest=Spread.of(one.largest for one in found),
            smallest_nonzero=Spread.of(one.smallest_nonzero for one in found),
            condition_number=Spread.of(one.condition_number for one in found),
        )


@dataclass(frozen=True)
class Tradeoff:
    """Invariance and stability of every layer; print it for a table of medians.

    Attributes:
        rows: by layer in the network's order, before the ReLU and then with it.
    """

    rows: tuple[TradeoffRow, ...]

    def __str__(self) -> str:
        """A table of medians."""
        head = ("layer", "ReLU", "size", "rank", "invariant", "condition", "smallest", "largest")
        cells: list[tuple[str, ...]] = [head]
        for row in self.rows:
            counts = (str(row.output_size), str(row.rank), str(row.invariant))
            values = (str(row.condition_number), str(row.smallest_nonzero), str(row.largest))
            cells.append((row.layer, "with" if row.relu else "before", *counts, *values))
        widths = [max(len(line[k]) for line in cells) for k in range(len(head))]
        lines = []
        for line in cells:
            words = [line[0].ljust(widths[0]), line[1].ljust(widths[1])]
            words += [word.rjust(width) for word, width in zip(line[2:], widths[2:], strict=True)]
            lines.append("  ".join(words))
        return "\n".join(lines)


def tradeoff(
    network: Network,
    inputs: Array,
    layers: Sequence[str] | None = None,
    relu: Iterable[bool] = (False, True),
    rtol: float | None = None,
    progress: Progress | bool | None = None,
    workers: int | None = None,
    *,
    window: Window | None = None,
    accuracy: float = ACCURACY,
) -> Tradeoff:
    """How much each layer forgets, and how faintly it sees what it keeps: the paper's Figure 7 in numbers.

    Arguments are those of `spectra`.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.diag([4.0, 1.0]), np.zeros(2)), (np.eye(2), np.zeros(2))])
    >>> print(tradeoff(net, np.array([[1.0, -1.0]]), progress=False))
    layer  ReLU    size  rank  invariant  condition  smallest  largest
    relu1  before     2     2          0          4         1        4
    relu1  with       2     1          1          1         4        4

    Raises:
        InputError: if the inputs have another shape or are not finite, or an argument is out of range.
        UnknownNode: if there is no node of a name.
        TooLarge: if a Jacobian would take more memory than allowed.
        ModelError: if a number overflows, or a node is neither affine, piecewise linear nor smooth.
    """
    found = spectra(network, inputs, layers, relu, rtol, progress, workers, window=window, accuracy=accuracy)
    groups: dict[tuple[str, bool], list[Spectrum]] = {}
    for one in found:
        groups.setdefault((one.layer, one.relu), []).append(one)
    return Tradeoff(tuple(TradeoffRow.of(group) for group in groups.values()))
