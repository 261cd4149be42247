"""How strongly does each layer answer to small changes of the input?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch

from unrelu.errors import TooLarge
from unrelu.stability.jacobian import check_size
from unrelu.stability.spectra import SharedSpectra
from unrelu.stability.spectrum import Spectrum
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, FLAG, REAL, REALS, TEXT, columns
from unrelu.study.context import Context
from unrelu.study.medians import median
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.questions.layer_names import NOT_ASKED, check_count, checked_layers
from unrelu.study.questions.shown_spectra import shown_spectra
from unrelu.study.shown.shown import Shown
from unrelu.study.task import Task

if TYPE_CHECKING:
    from unrelu.study.study import Study


@dataclass(frozen=True)
class Spectra(Question):
    """The singular values of the prefixes through every layer, with and without its ReLU, at some inputs.

    Attributes:
        n: how many inputs, from the first on.
        layers: names of the ReLU layers; all of them if None.
    """

    n: int = 32
    layers: Sequence[str] | None = None

    name = "spectra"
    title = "spectra"
    keys = ("layer", "input", "relu")
    reads_labels = False
    schema = columns(
        ("layer", TEXT, "name of the ReLU layer in which the prefix of the network ends"),
        ("input", COUNT, "index of the input in the data"),
        ("relu", FLAG, "whether the prefix includes the layer's own ReLU"),
        ("values", REALS, "all singular values of the Jacobian at the input, descending"),
        ("n_outputs", COUNT, "m, rows of the Jacobian"),
        ("n_inputs", COUNT, "d, columns of the Jacobian: coordinates of the network's input"),
        ("structural_rank", COUNT, "upper bound of the rank from sizes and active units alone"),
        ("rank", COUNT, "numerical rank: singular values above the tolerance"),
        ("tolerance", REAL, "what a singular value must exceed to count as non-zero"),
        ("largest", REAL, "the largest singular value"),
        ("smallest_nonzero", REAL, "the smallest singular value above the tolerance; null where there is none"),
        ("condition_number", REAL, "largest / smallest_nonzero; null where there is none"),
        ("method", TEXT, "how the values were computed"),
    )
    of_layers = columns(
        ("n_spectra", COUNT, "number of inputs with spectra"),
        (
            "structural_rank_with_relu",
            REAL,
            "median of the structural rank of the prefix, its ReLU included; null if none",
        ),
        ("rank_with_relu", REAL, "median of the numerical rank, the layer's ReLU included; null if none"),
        ("rank_without_relu", REAL, "median of the numerical rank before the layer's ReLU; null if none"),
        (
            "invariant_with_relu",
            REAL,
            "median of d - rank: directions of the input that the features ignore; null if none",
        ),
        ("invariant_without_relu", REAL, "the same before the layer's ReLU; null if none"),
        ("largest_with_relu", REAL, "median of the largest singular value; null if none"),
        ("largest_without_relu", REAL, "the same before the layer's ReLU; null if none"),
        ("smallest_nonzero_with_relu", REAL, "median of the smallest singular value above the tolerance; null if none"),
        ("smallest_nonzero_without_relu", REAL, "the same before the layer's ReLU; null if none"),
        ("condition_with_relu", REAL, "median of the condition number; null if none"),
        ("condition_without_relu", REAL, "the same before the layer's ReLU; null if none"),
    )

    def check(self, context: Context, asked: Sequence[Question]) -> Spectra:
        """Refuse a wrong count and names that are no layer's."""
        check_count(self.n, "Spectra")
        checked_layers(context.net, self.layers)
        return self

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task an input, as each goes through the network once for all layers."""
        net = context.net
        fitting, left_out = self._layers(context)
        if not self.n:
            return Plan((), dict.fromkeys(net.layers, NOT_ASKED))
        if not fitting:
            return Plan((), left_out)
        return Plan(tuple(Task((index,)) for index in range(min(self.n, len(context.material)))), left_out)

    def answer(self, context: Context, task: Task) -> Answer:
        """Two rows a layer."""
        fitting, _ = self._layers(context)
        shared = context.made(self, fitting, lambda: SharedSpectra.of(context.net, fitting, workers=1))
        rows = []
        for index, x in zip(task.inputs, context.inputs(task.inputs), strict=True):
            rows.extend(_row(each) for each in shared.at(index, torch.from_numpy(x).to(context.net.device)))
        return Answer(rows)

    def _layers(self, context: Context) -> tuple[tuple[str, ...], dict[str, str]]:
        net = context.net
        asked = checked_layers(net, self.layers)
        left_out = {name: NOT_ASKED for name in net.layers if name not in asked}
        for name in asked:
            try:
                check_size(name, math.prod(net.node(name).shape), net.input_size)
            except TooLarge as error:
                left_out[name] = str(error)
        return tuple(name for name in asked if name not in left_out), left_out

    @classmethod
    def of_layer(cls, rows: pa.Table) -> dict[str, object]:
        """Medians over the inputs."""
        found: dict[str, object] = {}
        all_rows = rows.drop_columns(["values"]).to_pylist()
        for relu, suffix in ((True, "with_relu"), (False, "without_relu")):
            own = [row for row in all_rows if row["relu"] is relu]
            found[f"rank_{suffix}"] = _median(row["rank"] for row in own)
            found[f"invariant_{suffix}"] = _median(row["n_inputs"] - row["rank"] for row in own)
            found[f"largest_{suffix}"] = _median(row["largest"] for row in own)
            found[f"smallest_nonzero_{suffix}"] = _median(row["smallest_nonzero"] for row in own)
            found[f"condition_{suffix}"] = _median(row["condition_number"] for row in own)
            if relu:
                found["n_spectra"] = len(own)
                found["structural_rank_with_relu"] = _median(row["structural_rank"] for row in own)
        return found

    @classmethod
    def told_of_layer(cls, study: Study, row: Mapping[str, Any]) -> list[str]:
        """How many directions are forgotten."""
        if not row["n_spectra"]:
            return []
        forgotten = row["invariant_with_relu"]
        return [f"forgets {forgotten:g} of {study.info.input_size} directions (median)"]

    @classmethod
    def shown(cls, study: Study) -> Shown:
        """See `shown_spectra`."""
        return shown_spectra(study)


def _median(values: Iterable[float | None]) -> float | None:
    return median(list(values))


def _row(found: Spectrum) -> dict[str, object]:
    m, d = found.shape
    return {
        "layer": found.layer,
        "input": int(found.input),
        "relu": bool(found.relu),
        "values": [float(value) for value in found.values],
        "n_outputs": int(m),
        "n_inputs": int(d),
        "structural_rank": int(found.structural_rank),
        "rank": int(found.rank),
        "tolerance": float(found.tolerance),
        "largest": float(found.largest),
        "smallest_nonzero": _finite(found.smallest_nonzero),
        "condition_number": _finite(found.condition_number),
        "method": str(found.method),
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
