"""Which pictures look like another one, and are the same to the network?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from unrelu.errors import InputError
from unrelu.metamerism.feature_map import FeatureMap, feature_map
from unrelu.metamerism.metamer import find_metamer
from unrelu.metamerism.pairs import choose_pairs
from unrelu.metamerism.result import Metamer
from unrelu.network.graph import Network
from unrelu.polyhedra.describe import describe_domain
from unrelu.polyhedra.domain_at import place
from unrelu.polyhedra.domains import Box, Domain, resolve
from unrelu.polyhedra.nearest import check_norm
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, FLAG, REAL, REALS, SHAPE, TEXT, TEXTS, columns
from unrelu.study.context import BLOCK, OUTPUT, Context
from unrelu.study.kept_layer import kept_layer
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.questions.layer_names import check_count
from unrelu.study.questions.shown_metamers import shown_metamers
from unrelu.study.shown.shown import Shown
from unrelu.study.task import Task, slices

if TYPE_CHECKING:
    from unrelu.study.study import Study


_KEPT = columns(
    ("layer", TEXT, "name of the node whose features the metamers keep"),
    ("output_size", COUNT, "m, its features"),
    ("relu", FLAG, "whether it is a ReLU layer"),
    (
        "cut",
        FLAG,
        "whether every path from the network's input to its output runs through the node, so that inputs with exactly "
        "the same features have the same output",
    ),
    (
        "bypassed_by",
        TEXTS,
        "names of the nodes by which the output can depend on the input past the node: of each such path the first "
        "that the node does not depend on; empty for a cut",
    ),
    ("n_metamers", COUNT, "number of metamers"),
    (
        "optimal",
        COUNT,
        "of them, those that no metamer (where regional, none in that region) comes nearer than",
    ),
    ("regional", COUNT, "of them, those for which only the original's linear region was searched"),
    (
        "same_class",
        COUNT,
        "of them, those where the network predicts what it predicts for the original; null for a network with a "
        "single output",
    ),
    ("feature_error", REAL, "the largest feature error among them, in float64"),
    ("forward_error", REAL, "the largest in the model's own forward pass; null where there is no model"),
)


@dataclass(frozen=True)
class Metamers(Question):
    """Metamers of some pairs of original and target: the nearest to the target with the original's features.

    The originals are those with the fewest positive features, the targets of another class (Behrmann et al., A7).

    Attributes:
        n: how many pairs.
        layer: name of the node whose features they keep; if None the first cut (`Network.cuts`) at or behind a ReLU: in
            a chain the first ReLU layer, where branches run side by side the node in which they meet. Only where it is
            a cut can nothing behind it tell inputs with the same features apart; otherwise the table "kept" names what
            still can.
        domain: where metamers may lie; None for all of space.
        norms: distances to the target that are minimised, one metamer for each.
        search: how to look for them; see `unrelu.metamer`.
        seed: of the random choice of targets.
    """

    n: int
    layer: str | None = None
    domain: Domain | None = field(default_factory=lambda: Box(0, 1))
    norms: Sequence[float] = (1, 2, math.inf)
    search: str | None = None
    seed: int = 0

    name = "metamers"
    title = "metamers"
    keys = ("pair", "norm")
    schema = columns(
        ("pair", COUNT, "number of the pair of original and target"),
        ("layer", TEXT, "name of the node whose features are kept, a ReLU layer as a rule"),
        ("original", COUNT, "index of the original in the data"),
        ("target", COUNT, "index of the target in the data"),
        ("norm", REAL, "p of the L^p distance that was minimised: 1, 2 or inf"),
        ("objective", TEXT, "what was sought"),
        ("shape", SHAPE, "sample shape of the three inputs that follow, stored in C order"),
        ("original_values", REALS, "the original"),
        ("target_values", REALS, "the target"),
        ("metamer_values", REALS, "the metamer"),
        ("distance", REAL, "from metamer to target, in the norm of this row"),
        ("distance_before", REAL, "from original to target, in the norm of this row"),
        ("distance_moved", REAL, "from original to metamer, in the norm of this row"),
        ("bound", REAL, "no exact metamer is nearer to the target than this; where regional, none in that region"),
        ("optimal", FLAG, "whether distance and bound meet, within unrelu.metamerism' named tolerance"),
        ("feature_error", REAL, "largest difference of a feature of metamer and original, computed in float64"),
        ("forward_error", REAL, "the same in the model's own forward pass; null where there is no model"),
        ("radius", REAL, "proved: an exact metamer lies within this L2 distance; null where not proved"),
        ("status", TEXT, "how the solver stopped"),
        (
            "regional",
            FLAG,
            "whether only the original's linear region was searched, on which the bound rests on the map as "
            "computed in float64",
        ),
        ("n_active", COUNT, "positive features of the original in this layer"),
        ("original_label", COUNT, "class of the original as given; null where no labels were given"),
        ("target_label", COUNT, "class of the target as given; null where no labels were given"),
        ("original_predicted", COUNT, "index of the network's largest output at the original; null where it has one"),
        ("target_predicted", COUNT, "the same at the target; null likewise"),
        ("metamer_predicted", COUNT, "the same at the metamer; null likewise"),
        ("output_size", COUNT, "m, features of the node"),
        ("relu", FLAG, "whether the node is a ReLU layer"),
        ("bypassed_by", TEXTS, "names of the nodes by which the output can depend on the input past the node"),
    )
    summaries: ClassVar = {"kept": _KEPT}

    @property
    def within(self) -> Domain | None:
        """The domain."""
        return self.domain

    def check(self, context: Context, asked: Sequence[Question]) -> Metamers:
        """Find the node, and refuse what cannot be asked."""
        check_count(self.n, "Metamers")
        name = kept_layer(context.net, self.layer)
        for norm in self.norms:
            check_norm(norm)
        if self.n and len(context.material) < 2:
            raise InputError("metamers need an original and a target; give at least two inputs.")
        if name is not None and self.n:
            where, unit = resolve(self.domain, context.net.input_size), context.material.unit
            features = self._features(context, name)
            for original, _, _ in self._pairs(context, name):
                at = context.inputs((original,))[0].ravel()
                place(where, at, unit=unit, what=f"input {original}, a metamer's original")
                if features.layer is None:  # whether the rows fit is known when it is known how many there are
                    features.walk_statement(at, at, where, 0.0, unit=unit)
        return self

    def about(self) -> dict[str, str]:
        """Where metamers may lie, and how targets were chosen."""
        return {"n": str(self.n), "domain": describe_domain(self.domain), "seed": str(self.seed)}

    def nodes(self, net: Network) -> tuple[str, ...]:
        """The features, by which originals are chosen, and the classes."""
        name = kept_layer(net, self.layer)
        return () if name is None or not self.n else (name, *((OUTPUT,) if net.output_size > 1 else ()))

    def most_tasks(self, context: Context) -> int:
        """One for each pair and norm."""
        return min(self.n, len(context.material)) * len(self.norms)

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task a pair and norm."""
        name = kept_layer(context.net, self.layer)
        if name is None or not self.n:
            return Plan(())
        return Plan(
            tuple(
                Task(
                    (original, target),
                    name,
                    (("pair", number), ("n_active", n_active), ("norm", float(norm))),
                    divisible=False,
                )
                for number, (original, target, n_active) in enumerate(self._pairs(context, name))
                for norm in self.norms
            )
        )

    def answer(self, context: Context, task: Task) -> Answer:
        """The row of one pair and norm."""
        net, (original, target), settings = context.net, task.inputs, dict(task.settings)
        x, t = context.inputs(task.inputs)
        norm = float(settings["norm"])
        found = find_metamer(
            self._features(context, task.layer),
            x,
            t,
            norm=norm,
            domain=self.domain,
            tolerance=0.0,
            search=self.search,
            unit=context.material.unit,
            progress=False,
        )
        labels = context.labels
        said = predicted(net, np.stack([x, t, np.asarray(found.x)]))
        names = ("original_predicted", "target_predicted", "metamer_predicted")
        return Answer(
            [
                {
                    "pair": settings["pair"],
                    "layer": task.layer,
                    "original": original,
                    "target": target,
                    "n_active": settings["n_active"],
                    "original_label": None if labels is None else int(labels[original]),
                    "target_label": None if labels is None else int(labels[target]),
                    **_row(x, t, found),
                    **{name: None if said is None else int(said[at]) for at, name in enumerate(names)},
                    "output_size": math.prod(net.node(task.layer).shape),
                    "relu": net.node(task.layer).is_layer,
                    "bypassed_by": list(net.upto(task.layer).bypassed_by),
                }
            ]
        )

    def _features(self, context: Context, name: str) -> FeatureMap:
        return context.made(self, name, lambda: feature_map(context.net.upto(name)))

    def _pairs(self, context: Context, name: str) -> list[tuple[int, int, int]]:
        return context.made(self, ("pairs", name), lambda: self._chosen(context, name))

    def _chosen(self, context: Context, name: str) -> list[tuple[int, int, int]]:
        counts, said = [], []
        for chosen in slices(len(context.material), BLOCK):
            values = context.values(name, chosen)
            counts.append((values > 0).reshape(len(values), -1).sum(axis=1))
            said.append(context.predicted(chosen) if context.labels is None else None)
        classes = context.labels
        if classes is None and context.net.output_size > 1:
            classes = np.concatenate(said)
        pairs = choose_pairs(np.concatenate(counts), classes, self.n, self.seed)
        return [(pair.original, pair.target, pair.n_active) for pair in pairs]

    @classmethod
    def summarize(cls, rows: pa.Table) -> dict[str, list[dict[str, object]]]:
        """What was kept, and what still sees the rest: a row, or none where there are no metamers."""
        known = rows.drop_columns(["original_values", "target_values", "metamer_values"]).to_pylist()
        if not known:
            return {"kept": []}
        first = known[0]
        said = [(row["metamer_predicted"], row["original_predicted"]) for row in known]
        forward_errors = [row["forward_error"] for row in known if row["forward_error"] is not None]
        return {
            "kept": [
                {
                    "layer": first["layer"],
                    "output_size": first["output_size"],
                    "relu": first["relu"],
                    "cut": not first["bypassed_by"],
                    "bypassed_by": first["bypassed_by"],
                    "n_metamers": len(known),
                    "optimal": sum(row["optimal"] for row in known),
                    "regional": sum(row["regional"] for row in known),
                    "same_class": sum(a == b for a, b in said) if None not in said[0] else None,
                    "feature_error": max(row["feature_error"] for row in known),
                    "forward_error": max(forward_errors, default=None),
                }
            ]
        }

    @classmethod
    def shown(cls, study: Study) -> Shown:
        """See `shown_metamers`."""
        return shown_metamers(study)


def _row(x: np.ndarray, t: np.ndarray, found: Metamer) -> dict[str, object]:
    result = np.asarray(found.x, dtype=np.float64)
    return {
        "norm": found.norm,
        "objective": found.objective,
        "shape": list(x.shape),
        "original_values": x.ravel().tolist(),
        "target_values": t.ravel().tolist(),
        "metamer_values": result.ravel().tolist(),
        "distance": found.distance,
        "distance_before": _distance(x, t, found.norm),
        "distance_moved": _distance(x, result, found.norm),
        "bound": found.bound,
        "optimal": found.optimal,
        "feature_error": found.feature_error,
        "forward_error": found.forward_error,
        "radius": found.radius if math.isfinite(found.radius) else None,
        "status": str(found.status),
        "regional": found.regional,
    }


def predicted(net: Network, batch: np.ndarray) -> np.ndarray | None:
    """Index of the largest output for each input of a batch (n, *input_shape), or None for a single output."""
    if net.output_size < 2:
        return None
    return np.asarray(net(batch)).reshape(len(batch), -1).argmax(axis=1)


def _distance(a: np.ndarray, b: np.ndarray, norm: float) -> float:
    return float(np.linalg.norm((a - b).ravel(), ord=norm))
