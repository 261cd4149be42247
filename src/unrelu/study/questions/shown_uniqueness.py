"""What is shown of uniqueness within a prior: which inputs are the only valid ones with their features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from unrelu.study.questions.showing import layer_name, proof
from unrelu.study.questions.shown_verdicts import active_threshold
from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Role
from unrelu.study.shown.numbers import count, real, rough
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.records import of_layer, setting
from unrelu.study.shown.shares import Share, Shares
from unrelu.study.shown.shown import Captioned, Shown
from unrelu.study.shown.stacked_histogram import Stack, StackedHistogram

if TYPE_CHECKING:
    from unrelu.study.study import Study

_NONE = 0.01  # expected numbers below this are called none
_MOST_BINS = 12  # the number of inputs stands over each
_STEPS = (1, 2, 5, 10, 20, 25, 50)
_STACK: tuple[tuple[str, bool | None, Role], ...] = (
    ("not the only one", False, "bounded"),
    ("open", None, "undecided"),
    ("the only valid one", True, "singleton"),
)


def shown_uniqueness(study: Study) -> Shown:
    """Which inputs are the only valid ones with their features, in each layer that was asked about."""
    layers = [(row, layer) for row, layer in enumerate(study["layers"].to_pylist()) if layer["n_prior"]]
    if not layers:
        return Shown("The only valid input")
    return Shown(
        heading="The only valid input",
        findings=tuple(_finding(study, row, layer) for row, layer in layers),
        # Where no input is unique the summary says so, and there is nothing to draw.
        figures=tuple(
            _figure(study, row, layer) for row, layer in layers if layer["prior_unique"] or layer["prior_open"]
        ),
        facts=(("prior", (_prior(study),)),),
        words=_WORDS,
    )


def _prior(study: Study) -> Part:
    """What inputs are valid, in words."""
    return setting(study, "uniqueness", "domain")


def _finding(study: Study, row: int, layer: dict[str, Any]) -> Sentence:
    """How many inputs are the only valid one with their features, and how many Gaussian rows would make so."""
    kind = "picture" if study.info.picture_shape is not None else "input"
    if layer["prior_unique"] == layer["n_prior"] > 1:
        who = "each of the {n} " + f"{kind}s is the only valid one with its"
    elif layer["prior_unique"] == 1:
        who = "{k} of {n} " + f"{kind}s is the only valid one with its"
    else:
        who = "{k} of {n} " + f"{kind}s are the only valid one with their"
    parts = sentence(
        "Within {prior}, " + who + " features in layer {layer}",
        prior=_prior(study),
        k=of_layer(study, row, "prior_unique"),
        n=of_layer(study, row, "n_prior"),
        layer=layer_name(study, row),
    )
    if layer["prior_unique"]:
        parts += proof(study, row, "prior_unique", layer)
    if layer["prior_not_unique"]:
        verb = "is" if layer["prior_not_unique"] == 1 else "are"
        parts += sentence(
            ", {k} " + verb + " not{proved}",
            k=of_layer(study, row, "prior_not_unique"),
            proved=proof(study, row, "prior_not_unique", layer),
        )
    if layer["prior_open"]:
        parts += sentence(", for {k} it stayed open", k=of_layer(study, row, "prior_open"))
    if layer["prior_expected"] is not None and not layer["prior_unique"] and layer["prior_expected"] < _NONE:
        parts += sentence("; rows drawn at random (Gaussian) would single out none either")
    elif layer["prior_expected"] is not None:
        parts += sentence(
            "; rows drawn at random (Gaussian) would single out {k} on average",
            k=of_layer(study, row, "prior_expected", real),
        )
    return (*parts, Part("."))


def _figure(study: Study, row: int, layer: dict[str, Any]) -> Captioned:
    return Captioned(
        f"unique-{row + 1}",
        _shares(study, layer),
        "The only valid input.",
        sentence(
            "Share of inputs that are the only one within {prior} with their features in {layer}, over the number of "
            "positive features; the numbers of inputs stand below. Where inputs with fewer than d = {d} positive "
            "features are unique, the prior makes up for those that are missing."
            + (
                ""
                if layer["prior_expected"] is None
                else " Squares show what rows drawn at random (Gaussian) would give: a share above them is structure "
                "that such rows do not have."
            ),
            prior=_prior(study),
            layer=layer_name(study, row),
            d=of_layer(study, row, "input_size"),
        ),
    )


def _shares(study: Study, layer: dict[str, Any]) -> Shares:
    """The share of unique inputs over the number of positive features, with the numbers of inputs below.

    An open answer widens the share to what it may be.
    """
    rows = study["uniqueness"].filter(pc.field("layer") == layer["layer"])
    active = np.array(rows["n_active"].to_pylist())
    unique, expected = rows["unique"].to_pylist(), rows["expected"].to_pylist()
    low, high = int(active.min()), int(active.max())
    edges = _edges(low, high)
    counts = {value: np.histogram(active[[each is value for each in unique]], edges)[0] for _, value, _ in _STACK}
    n = np.histogram(active, edges)[0]
    share = _part(counts[True], n)
    at_most = _part(counts[True] + counts[None], n) if counts[None].any() else None
    reference = None
    if None not in expected:
        weights = np.histogram(active, edges, weights=np.array(expected))[0]
        reference = Share("Gaussian rows", "muted", _part(weights, n))
    alt = (
        f"Share of inputs that are the only valid one with their features in {{layer}}, over the number of positive "
        f"features, {count(low)} to {count(high)}: {count(layer['prior_unique'])} of {count(layer['n_prior'])} in all. "
        + ("" if reference is None else f"Gaussian rows would make {rough(layer['prior_expected'])} so. ")
        + f"The layer has {count(layer['input_size'])} inputs."
    )
    histogram = StackedHistogram(
        Axis("positive features", "count"),
        Axis("inputs", "count"),
        edges,
        tuple(Stack(label, colour, counts[value]) for label, value, colour in _STACK),
        (Part("The numbers of inputs."),),
        active_threshold(layer, high),
        totals=True,
    )
    return Shares(
        Axis("only valid one", "share"),
        Share("found", "after", share, at_most),
        reference,
        histogram,
        sentence(alt, layer=Part(layer["layer"])),
    )


def _part(k: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.divide(k, n, out=np.full(len(n), np.nan), where=n > 0)


def _edges(low: int, high: int) -> np.ndarray:
    """Edges of a few bins of equal, round width that hold all counts; none of them is itself a count."""
    scale = 1
    while True:
        for step in _STEPS:
            width = step * scale
            start = low // width * width
            n = (high - start) // width + 1
            if n <= _MOST_BINS:
                return start + width * np.arange(n + 1) - 0.5
        scale *= 100


_WORDS = (
    (
        "Prior",
        "What inputs are valid, as the researcher says, for instance that the values of a picture lie between black "
        "and white. An input is the only valid one with its features if no other input in the prior has them.",
    ),
)
