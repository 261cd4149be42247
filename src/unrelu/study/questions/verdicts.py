"""What is the preimage of each layer at what it is fed?"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unrelu.errors import JoinedLayer
from unrelu.network.graph import Network
from unrelu.preimages.certificate_files.save import file_name, save_certificates
from unrelu.preimages.classification import Classification
from unrelu.preimages.questions import classify
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, FLAG, REAL, TEXT, columns
from unrelu.study.context import Context
from unrelu.study.medians import median
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.questions.layer_names import NOT_ASKED, checked_layers, layer_size, single_inputs
from unrelu.study.questions.shown_verdicts import shown_verdicts
from unrelu.study.shown.shown import Shown
from unrelu.study.task import Task, slices

if TYPE_CHECKING:
    from unrelu.study.study import Study

_KINDS = ("singleton", "bounded", "unbounded", "empty", "undecided")
_PROVABLE = ("singleton", "bounded", "unbounded", "empty")

_BLOCK = 256
"""Inputs that get the verdicts of all layers one after the other, so that they go through the network once."""


@dataclass(frozen=True)
class Verdicts(Question):
    """For each layer and input: is the preimage one point, bounded or unbounded, and is that proved?

    Verdicts are about each ReLU layer by itself: which inputs *of that layer* give the features it gives. Those of a
    hidden layer range over all of its input space, not only over what the layers before it can reach. A layer that
    cannot be asked (joined from several nodes, or too large for a dense matrix) is listed with the reason.

    Attributes:
        layers: names of the ReLU layers; all of them if None.
        verify: whether to check every certificate and prove dimensions; without, verdicts are "computed, not proved".
        certificates: whether to keep the certificates beside the rows, for `unrelu verify`.
    """

    layers: Sequence[str] | None = None
    verify: bool = True
    certificates: bool = False

    name = "verdicts"
    title = "verdicts"
    keys = ("layer", "input")
    reads_labels = False
    schema = columns(
        ("layer", TEXT, "name of the ReLU layer"),
        ("input", COUNT, "index of the input in the data"),
        ("kind", TEXT, "kind of the preimage: singleton, bounded, unbounded, empty or undecided"),
        ("bounded", FLAG, "whether the preimage is bounded (a singleton is); null where open"),
        ("singleton", FLAG, "whether the preimage is one point; null where open"),
        ("n_active", COUNT, "number of positive features"),
        ("dimension_lower", COUNT, "proved lower bound of the preimage's dimension; null where not verified"),
        ("dimension_upper", COUNT, "proved upper bound of the preimage's dimension; null where not verified"),
        ("margin", REAL, "how clearly boundedness was decided, 0 to 1; null where counting or rank decided it"),
        ("proved", FLAG, "whether the certificate proves the verdict without a solver; null where not verified"),
        ("reason", TEXT, "why the verdict is undecided; null where it is not"),
        ("folding_error", REAL, "bound on the rounding of weights when affine nodes were composed to the layer"),
    )
    of_layers = columns(
        ("folding_error", REAL, "bound on the rounding of weights when affine nodes were composed; null if none"),
        ("n_verdicts", COUNT, "number of inputs with a verdict"),
        ("singleton", COUNT, "verdicts of kind singleton"),
        ("bounded", COUNT, "verdicts of kind bounded (more than one point)"),
        ("unbounded", COUNT, "verdicts of kind unbounded"),
        ("empty", COUNT, "verdicts of kind empty"),
        ("undecided", COUNT, "verdicts of kind undecided"),
        ("undecided_reason", TEXT, "the most frequent reason of these; null where there are none"),
        ("finite", COUNT, "inputs whose preimage is bounded, singletons and those of open uniqueness included"),
        ("singleton_proved", COUNT, "of the singletons, those proved; null where nothing was verified"),
        ("bounded_proved", COUNT, "of the bounded ones, those proved; null where nothing was verified"),
        ("unbounded_proved", COUNT, "of the unbounded ones, those proved; null where nothing was verified"),
        ("empty_proved", COUNT, "of the empty ones, those proved; null where nothing was verified"),
        ("finite_proved", COUNT, "of the finite ones, those proved; null where nothing was verified"),
        ("proved", COUNT, "verdicts of any kind that are proved; null where nothing was verified"),
        ("active_min", COUNT, "fewest positive features over the inputs with a verdict; null if none"),
        ("active_median", REAL, "median of the number of positive features; null if none"),
        ("active_max", COUNT, "most positive features; null if none"),
        ("dimension_lower_median", REAL, "median of the proved lower bound of the preimage's dimension; null if none"),
        ("dimension_upper_median", REAL, "median of the proved upper bound of the preimage's dimension; null if none"),
    )

    def check(self, context: Context, asked: Sequence[Question]) -> Verdicts:
        """Refuse names that are no layer's."""
        checked_layers(context.net, self.layers)
        return self

    def nodes(self, net: Network) -> tuple[str, ...]:
        """What the layers are fed."""
        return tuple(dict.fromkeys(single_inputs(net, checked_layers(net, self.layers)).values()))

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """For each block of inputs, all layers, in tasks of fewer inputs for larger layers."""
        net, n = context.net, len(context.material)
        names = checked_layers(net, self.layers)
        single = single_inputs(net, names)
        left_out = {name: NOT_ASKED for name in net.layers if name not in names}
        for name in names:
            if name not in single:
                left_out[name] = joined_reason(context, name)
        tasks = [
            Task(chosen, name)
            for start in range(0, n, _BLOCK)
            for name, source in single.items()
            for chosen in slices(min(n, start + _BLOCK), _at_once(*layer_size(net, name, source)), start)
        ]
        return Plan(tuple(tasks), left_out)

    def answer(self, context: Context, task: Task) -> Answer:
        """A row per input, and the certificates where they are asked for."""
        layer = context.layer(task.layer)
        found = classify(layer, context.layer_input(task.layer, task.inputs), progress=False, workers=1)
        verified = found.verify(False, 1) if self.verify else None
        rows = [
            {
                "layer": task.layer,
                "input": index,
                "kind": str(preimage.kind),
                "bounded": preimage.bounded,
                "singleton": preimage.singleton,
                "n_active": int(preimage.n_active),
                "dimension_lower": None if verified is None else preimage.dimension.lower,
                "dimension_upper": None if verified is None else preimage.dimension.upper,
                "margin": None if math.isnan(preimage.margin) else float(preimage.margin),
                "proved": None if verified is None else bool(verified[place]),
                "reason": preimage.reason or None,
                "folding_error": float(layer.folding_error),
            }
            for place, (index, preimage) in enumerate(zip(task.inputs, found.preimages, strict=True))
        ]
        return Answer(rows, _certificates(found, task) if self.certificates else {})

    @classmethod
    def of_layer(cls, rows: pa.Table) -> dict[str, object]:
        """Counts and medians."""
        kinds = rows["kind"].to_pylist()
        finite = [value is True for value in rows["bounded"].to_pylist()]
        proved = rows["proved"].to_pylist()
        checked = bool(proved) and None not in proved
        active = rows["n_active"].to_pylist()
        reasons = Counter(reason for reason in rows["reason"].to_pylist() if reason is not None)
        return {
            "folding_error": max(rows["folding_error"].to_pylist(), default=None),
            "n_verdicts": rows.num_rows,
            **{kind: kinds.count(kind) for kind in _KINDS},
            "undecided_reason": next((reason for reason, _ in reasons.most_common(1)), None),
            "finite": sum(finite),
            **{
                f"{kind}_proved": sum(p for k, p in zip(kinds, proved, strict=True) if k == kind) if checked else None
                for kind in _PROVABLE
            },
            "finite_proved": sum(p for f, p in zip(finite, proved, strict=True) if f) if checked else None,
            "proved": sum(proved) if checked else None,
            "active_min": min(active, default=None),
            "active_median": median(active),
            "active_max": max(active, default=None),
            "dimension_lower_median": median(rows["dimension_lower"].to_pylist()),
            "dimension_upper_median": median(rows["dimension_upper"].to_pylist()),
        }

    @classmethod
    def told_of_layer(cls, study: Study, row: Mapping[str, Any]) -> list[str]:
        """How many preimages are bounded, and the active units."""
        if not row["n_verdicts"]:
            return []
        return [
            f"{row['finite']} of {row['n_verdicts']} preimages bounded",
            f"{row['active_min']} to {row['active_max']} active",
        ]

    @classmethod
    def shown(cls, study: Study) -> Shown:
        """See `shown_verdicts`."""
        return shown_verdicts(study)


def joined_reason(context: Context, name: str) -> str:
    """Why a layer with several inputs cannot be asked by itself."""
    try:
        context.layer(name)
    except JoinedLayer as error:
        return str(error)
    raise AssertionError(f"{name} has several inputs")


def _at_once(m: int, d: int) -> int:
    """Inputs in a task: those of a large layer take seconds each, those of a small one share products with its rows."""
    return max(16, min(_BLOCK, 2**30 // max(1, m * d)))


def _certificates(found: Classification, task: Task) -> dict[str, bytes]:
    place = f"{file_name(task.layer)}/{task.inputs[0]:07d}-{task.inputs[-1]:07d}"
    with tempfile.TemporaryDirectory(prefix="unrelu-") as folder:
        save_certificates(found, folder, progress=False)
        files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        return {f"{place}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}
