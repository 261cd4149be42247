"""What do theory's bounds say of the rows that a ReLU removes?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unrelu.errors import TooLarge
from unrelu.network.graph import Network
from unrelu.stability.removal.interlacing import compare, svd_values
from unrelu.stability.removal.rows import removed_rows, right_factor
from unrelu.stability.removal.weak_correlation import correlate
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, FLAG, REAL, TEXT, columns
from unrelu.study.context import Context
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.questions.layer_names import NOT_ASKED, check_count, checked_layers, layer_size, single_inputs
from unrelu.study.questions.shown_row_removal import shown_row_removal
from unrelu.study.questions.verdicts import joined_reason
from unrelu.study.shown.shown import Shown
from unrelu.study.task import Task

if TYPE_CHECKING:
    from unrelu.study.study import Study

WORK = 10**10
"""The greatest `m d min(m, d)` of a layer that gets bounds: some seconds of decompositions an input."""


@dataclass(frozen=True)
class RowRemoval(Question):
    """Lemmas 8 and 9 beside the true singular values of each layer by itself, at some inputs.

    Attributes:
        n: how many inputs, from the first on.
        layers: names of the ReLU layers; all of them if None.
    """

    n: int = 2
    layers: Sequence[str] | None = None

    name = "row_removal"
    title = "bounds of row removal"
    keys = ("layer", "input")
    reads_labels = False
    schema = columns(
        ("layer", TEXT, "name of the ReLU layer, whose weight is A: (m, d) on the layer's own input"),
        ("input", COUNT, "index of the input in the data"),
        ("n_outputs", COUNT, "m, rows of A"),
        ("n_inputs", COUNT, "d, columns of A"),
        ("n_removed", COUNT, "q, rows that the ReLU removes at this input"),
        ("rank_before", COUNT, "N, numerical rank of A"),
        ("rank", COUNT, "numerical rank of what is left"),
        ("largest_before", REAL, "largest singular value of A: bounds the one after the removal"),
        ("largest", REAL, "largest singular value of what is left"),
        ("smallest_nonzero_before", REAL, "smallest non-zero singular value of A; null where there is none"),
        ("smallest_nonzero", REAL, "smallest non-zero singular value of what is left; null where there is none"),
        ("smallest", REAL, "d-th singular value of what is left, 0 where fewer than d rows are left"),
        ("interlacing", REAL, "Lemma 8: smallest_nonzero is at most this, sigma_{N-q}(A); null unless q < N"),
        ("interlacing_by_rank", REAL, "sharper: sigma_r(A) for the rank r that is left; null where r = 0"),
        ("correlation", REAL, "Lemma 9: smallest is at most this, the least c; null where no non-zero row is removed"),
        ("correlation_along", REAL, "sharper: the least |D A a_k| / |a_k| over the removed rows a_k; null likewise"),
        (
            "correlation_over_span",
            REAL,
            "sharper still: the least |D A v| / |v| over the span of the removed rows; null likewise",
        ),
        (
            "correlation_applies",
            FLAG,
            "whether Lemma 9 says more than counting: at least d rows are left, one is removed",
        ),
        (
            "correlation_nonzero",
            REAL,
            "smallest_nonzero is at most this, the least c over removed rows in the span of "
            "the others; null where there is none",
        ),
        (
            "correlation_nonzero_over_span",
            REAL,
            "sharper, for all removed rows: the least |D A v| / |P v|, P projecting "
            "onto the span of the rows left; null where all P v = 0",
        ),
    )

    def check(self, context: Context, asked: Sequence[Question]) -> RowRemoval:
        """Refuse a wrong count and names that are no layer's."""
        check_count(self.n, "RowRemoval")
        checked_layers(context.net, self.layers)
        return self

    def nodes(self, net: Network) -> tuple[str, ...]:
        """What the layers are fed."""
        return tuple(dict.fromkeys(single_inputs(net, checked_layers(net, self.layers)).values()))

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task a layer, as all inputs share the decomposition of its matrix."""
        net, n = context.net, min(self.n, len(context.material))
        names = checked_layers(net, self.layers)
        single = single_inputs(net, names)
        left_out = {name: NOT_ASKED for name in net.layers if name not in names or not n}
        for name in names:
            if name in left_out:
                continue
            if name not in single:
                left_out[name] = joined_reason(context, name)
                continue
            m, d = layer_size(net, name, single[name])
            if m * d * min(m, d) > WORK:
                left_out[name] = f"the decompositions of its {m} x {d} matrix would take too long"
                continue
            try:
                if not context.layer(name).is_rectifier:
                    left_out[name] = "the lemmas are about rows that a ReLU removes"
            except TooLarge as error:
                left_out[name] = str(error)
        return Plan(tuple(Task(tuple(range(n)), name) for name in names if name not in left_out), left_out)

    def answer(self, context: Context, task: Task) -> Answer:
        """A row an input."""
        layer = context.layer(task.layer)
        m, d = layer.n_outputs, layer.n_inputs
        before = svd_values(layer.dense_weight)
        rows: list[dict[str, object]] = []
        for index, point in zip(task.inputs, context.layer_input(task.layer, task.inputs), strict=True):
            removed = removed_rows(layer, None, np.asarray(point))
            factor = right_factor(removed.remaining, None, max(m, d))
            lace = compare(removed, before, factor.values)
            weak = correlate(removed, factor)
            rows.append(
                {
                    "layer": task.layer,
                    "input": index,
                    "n_outputs": m,
                    "n_inputs": d,
                    "n_removed": lace.n_removed,
                    "rank_before": lace.rank_before,
                    "rank": lace.rank,
                    "largest_before": lace.largest_bound,
                    "largest": lace.largest,
                    "smallest_nonzero_before": _known(lace.upper[lace.rank_before - 1]) if lace.rank_before else None,
                    "smallest_nonzero": _known(lace.smallest_nonzero),
                    "smallest": weak.smallest,
                    "interlacing": _known(lace.smallest_nonzero_bound),
                    "interlacing_by_rank": _known(lace.smallest_nonzero_bound_by_rank),
                    "correlation": _known(weak.smallest_bound),
                    "correlation_along": float(weak.along.min()) if weak.along.size else None,
                    "correlation_over_span": _known(weak.over_span),
                    "correlation_applies": weak.applies,
                    "correlation_nonzero": _known(weak.smallest_nonzero_bound),
                    "correlation_nonzero_over_span": _known(weak.over_span_projected),
                }
            )
        return Answer(rows)

    @classmethod
    def shown(cls, study: Study) -> Shown:
        """See `shown_row_removal`."""
        return shown_row_removal(study)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
