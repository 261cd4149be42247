"""What the page of `unrelu metamer` shows, put together from the layers' metamers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.inverse.words import upper_end
from unrelu.polyhedra.describe import describe_domain
from unrelu.report.answers_page import AnswerTable
from unrelu.report.cards import Card
from unrelu.report.figures import Drawing
from unrelu.report.figures_metamers import draw_distances, draw_numbers, draw_pictures, largest_change
from unrelu.report.palette import AFTER, GRID, INK, MUTED, PAPER, Colour
from unrelu.report.png import picture_uri
from unrelu.study.metamer_words import share, told_of_classes, told_of_status
from unrelu.study.metamers_by_depth import LayerMetamer, MetamersAsked, distance_is_better
from unrelu.study.shown.numbers import NONE, count, norm_name, real, rough, seconds
from unrelu.study.shown.parts import Part
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.metamerism.result import Metamer


@dataclass(frozen=True, eq=False)
class MetamersSeen:
    """What was asked, what was found, and how it is shown.

    Attributes:
        asked: the question.
        layers: the answers, from the shallowest layer to the deepest.
        left: names of the layers that were asked about and not reached.
        model: what the network is called.
        data: what the data are called.
        names: of original and target; the second is "" where there is no target.
        picture_shape: (h, w), (1, h, w) or (3, h, w); None where inputs are no pictures.
        picture_range: values of black and of full brightness.
    """

    asked: MetamersAsked
    layers: tuple[LayerMetamer, ...]
    left: tuple[str, ...]
    model: str
    data: str
    names: tuple[str, str]
    picture_shape: tuple[int, ...] | None
    picture_range: tuple[float, float]

    @property
    def has_target(self) -> bool:
        """Whether another input than the original was the target."""
        return bool(self.names[1])

    @property
    def toward(self) -> str:
        """What distances are from, in words."""
        return "the target" if self.has_target else "the original"


@dataclass(frozen=True)
class MetamersPage:
    """The page.

    Attributes:
        title: its heading.
        lead: what metamers are, in this case.
        findings: what was found, a sentence each.
        pictures: original, metamers and target; empty where inputs are no pictures.
        changes: how metamers and target differ from the original, as pictures.
        change_note: what the brightness of those says.
        figures: drawings on the page, each with its caption.
        drawings: all that go into the folder beside it.
        table: the numbers.
        facts: what was asked, as pairs of a word and a value.
        colours: every colour that the page uses.
    """

    title: str
    lead: str
    findings: tuple[str, ...]
    pictures: tuple[Card, ...]
    changes: tuple[Card, ...]
    change_note: str
    figures: tuple[tuple[Drawing, str], ...]
    drawings: tuple[Drawing, ...]
    table: AnswerTable
    facts: tuple[tuple[str, str], ...]
    colours: tuple[Colour, ...]


def make_metamers_page(seen: MetamersSeen) -> MetamersPage:
    """Put the page together."""
    first, second = (printable(name, 60) for name in seen.names)
    nearest = seen.asked.objective == "nearest"
    if nearest:
        title = f"Input {first} made to look like input {second}, layer by layer"
    else:
        title = (
            f"As far from input {second or first} as {f'the features of input {first}' if second else 'its features'} "
        )
        title += "allow, layer by layer"
    found = [each for each in seen.layers if each.found is not None]
    figures: list[tuple[Drawing, str]] = []
    drawings: list[Drawing] = []
    if found:
        caption = (
            f"How far each metamer is from {seen.toward}. A filled point is proved to be the "
            f"{seen.asked.objective} there is; an open one is where a search ended."
        )
        figures.append((draw_distances(seen, "distances"), caption))
    if seen.picture_shape is None:
        figures.append((draw_numbers(seen, "values"), "The values of all inputs, coordinate by coordinate."))
    else:
        drawings.append(draw_pictures(seen, "pictures"))
    used = [INK, MUTED, GRID, PAPER, AFTER]
    for drawing, _ in figures:
        used += [colour for colour in drawing.colours if colour not in used]
    kept = "the original's features" if not seen.asked.tolerance else "nearly the original's features"
    return MetamersPage(
        title,
        f"Each of these inputs has {kept} at its layer, and is the "
        f"{'nearest to' if nearest else 'farthest from'} {seen.toward} that was found. What one layer keeps, "
        "a deeper one may have forgotten.",
        _findings(seen),
        _pictures(seen),
        _changes(seen),
        f"Grey: as in the original. Darkest, brightest: a change by {real(largest_change(seen))}, the largest here.",
        tuple(figures),
        (*drawings, *(drawing for drawing, _ in figures)),
        _table(seen),
        _facts(seen),
        tuple(used),
    )


def _name(each: LayerMetamer) -> str:
    return _named(each.layer)


def _named(layer: str) -> str:
    """A layer in a sentence; some are called by a number alone."""
    return f"layer {layer}" if layer.isdecimal() else printable(layer, 80)


def _findings(seen: MetamersSeen) -> tuple[str, ...]:
    found = [(each, each.found) for each in seen.layers if each.found is not None]
    said = []
    if found:
        (first, a), (last, b) = found[0], found[-1]
        if first.part_of_way is not None and last.part_of_way is not None:
            text = f"With the features of {_name(first)} it comes {share(first.part_of_way)} of the way to the target"
            other = f", with those of {_name(last)} {share(last.part_of_way)}" if len(found) > 1 else ""
        else:
            text = f"With the features of {_name(first)} it is {real(a.distance, 4)} from {seen.toward}"
            other = f", with those of {_name(last)} {real(b.distance, 4)}" if len(found) > 1 else ""
        said.append(f"{text}{other}.")
    said += _on_depth(found, seen)
    same = [each for each, one in found if one.classes is not None and one.classes.metamer == one.classes.original]
    others = [each for each, one in found if one.classes is not None and one.classes.metamer != one.classes.original]
    if same and not others:
        said.append("To every one of them the network says what it says to the original.")
    said += [
        f"The network says something else to the metamer of {_name(each)} than to the original." for each in others
    ]
    own = [each for each, one in found if one.own_classes and one.own_classes.metamer != one.own_classes.original]
    said += [f"In the model's own pass, it says something else to the metamer of {_name(each)}." for each in own]
    said += [
        f"{_name(each)}: of all inputs that are allowed, only the original has its features, proved."
        for each, one in found
        if one.unique
    ]
    said += [
        f"{_name(each)} has no metamer here: {printable(each.refused, 400)}" for each in seen.layers if each.refused
    ]
    if seen.left:
        said.append(f"Stopped before {', '.join(_named(name) for name in seen.left)}.")
    return tuple(said)


def _on_depth(found: list[tuple[LayerMetamer, Metamer]], seen: MetamersSeen) -> list[str]:
    """Whether deeper layers let it go further, and what that proves."""
    objective = seen.asked.objective
    near = "near" if objective == "nearest" else "far"
    by_name = {each.layer: one for each, one in found}
    said = []
    if len(found) > 1:
        (first, shallow), (last, deep) = found[0], found[-1]
        to = "near to" if near == "near" else "far from"
        if _goes_beyond(deep, 0.0, shallow):
            said.append(
                f"Nothing with exactly the features of {_name(first)} is as {to} {seen.toward} as the metamer of "
                f"{_name(last)}, proved."
            )
            if _goes_beyond(deep, deep.radius, shallow) and not deep.tolerance and first.layer in last.after:
                said[-1] = f"{said[-1][:-1]}: here {_name(last)} forgets what {_name(first)} keeps."
    said += [
        f"At {_name(each)} the search ended before it was as {near} as at {_named(name)}. That is not the "
        "network's doing: inputs with the same features there have the same here."
        for each, one in found
        for name in each.after[-1:]
        if name in by_name and distance_is_better(objective, by_name[name].distance, one.distance)
    ]
    return said


def _goes_beyond(deep: Metamer, radius: float, shallow: Metamer) -> bool:
    """Whether all inputs within an L2 radius of a metamer are nearer, or farther, than a bound says any other is."""
    slack = radius * (np.sqrt(np.asarray(deep.x).size) * (1 + 1e-12) if deep.norm == 1 else 1.0)
    if shallow.regional:
        return False
    if deep.objective == "nearest":
        return (deep.distance + slack) * (1 + 1e-9) < shallow.bound
    return (deep.distance - slack) * (1 - 1e-9) > shallow.bound


def _pictures(seen: MetamersSeen) -> tuple[Card, ...]:
    if seen.picture_shape is None:
        return ()
    shape, limits, asked = seen.picture_shape, seen.picture_range, seen.asked
    first, second = (printable(name, 60) for name in seen.names)
    classes = next((each.found.classes for each in seen.layers if each.found is not None), None)

    def shown(role: str, label: str, values: np.ndarray, alt: str, said: str, *facts: tuple[str, str]) -> Card:
        picture = picture_uri(np.asarray(values, dtype=np.float64), shape, limits)
        return Card(role, label, picture, alt, Part(said), tuple((word, (Part(text),)) for word, text in facts))

    before = ("to target", real(asked.before, 4))
    all_shown = [
        shown("original", "original", asked.original, f"Input {first}, the original.",
              NONE if classes is None else str(classes.original), *([before] if seen.has_target else []))
    ]  # fmt: skip
    for each in seen.layers:
        found = each.found
        if found is None:
            continue
        facts = [("to target" if seen.has_target else "from there", real(found.distance, 4))]
        if each.part_of_way is not None:
            facts.append(("of the way", share(each.part_of_way)))
        facts.append(("features", error_bound(found.relative_error)))
        alt = f"A metamer: it has the features of input {first} at {_name(each)}."
        all_shown.append(
            shown("metamer", _name(each), np.asarray(found.x), alt, told_of_classes(found.classes), *facts)
        )
    if seen.has_target:
        said = NONE if classes is None else str(classes.target)
        all_shown.append(shown("target", "target", asked.target, f"Input {second}, the target.", said))
    return tuple(all_shown)


def _changes(seen: MetamersSeen) -> tuple[Card, ...]:
    if seen.picture_shape is None:
        return ()
    most = largest_change(seen)
    inputs = [(_name(each), np.asarray(each.found.x)) for each in seen.layers if each.found is not None]
    if seen.has_target:
        inputs.append(("target", seen.asked.target))
    return tuple(
        Card(
            "change",
            name,
            picture_uri(values.astype(np.float64) - seen.asked.original, seen.picture_shape, (-most, most)),
            f"How {'the target' if name == 'target' else f'the metamer of {name}'} differs from the original.",
            Part(""),
        )
        for name, values in inputs
    )


def error_bound(error: float) -> str:
    """An error, rounded up to two digits.

    >>> error_bound(1.01e-15), error_bound(0.0)
    ('≤ 1.1×10⁻¹⁵', '0')
    """
    return f"≤ {rough(upper_end(error, 2))}" if error else "0"


def _table(seen: MetamersSeen) -> AnswerTable:
    head = (
        "layer", f"from {seen.toward}", "of the way", "feature error", "in its own pass", "says", "own pass says",
        "still seen by", "time", "what is proved",
    )  # fmt: skip
    rows = []
    for each in seen.layers:
        found = each.found
        if found is None:
            rows.append((_name(each), *[NONE] * 7, seconds(each.seconds), f"refused: {printable(each.refused, 400)}"))
            continue
        rows.append(
            (
                _name(each),
                real(found.distance, 4),
                NONE if each.part_of_way is None else share(each.part_of_way),
                error_bound(found.relative_error),
                NONE if each.own_error is None else error_bound(each.own_error),
                told_of_classes(found.classes),
                told_of_classes(found.own_classes),
                printable(", ".join(node.node for node in found.seen_by), 60) or NONE,
                seconds(each.seconds),
                told_of_status(found),
            )
        )
    used = [k for k in range(len(head)) if k == 0 or any(row[k] != NONE for row in rows)]
    return AnswerTable(
        tuple(head[k] for k in used),
        tuple(tuple(row[k] for k in used) for row in rows),
        0,
        "Feature errors: the largest difference of a feature, in float64 and in the model's own pass, as a part of the "
        "largest feature, rounded up. All digits are in metamers.csv.",
    )


def _facts(seen: MetamersSeen) -> tuple[tuple[str, str], ...]:
    asked = seen.asked
    first, second = (printable(name, 60) for name in seen.names)
    free = asked.original.size if asked.mask is None else int(asked.mask.sum())
    facts = [
        ("network", printable(seen.model, 80)),
        ("original", f"input {first} of {printable(seen.data, 80)}"),
        ("target", f"input {second}" if seen.has_target else "the original itself"),
        ("distance", norm_name(asked.norm)),
        ("domain", describe_domain(asked.domain)),
        ("may differ in", f"{count(free)} of {count(asked.original.size)} values"),
        ("features may differ by", real(asked.tolerance) if asked.tolerance else "nothing but rounding"),
        ("search", asked.search or "the program that decides it for one layer, a walk beyond"),
    ]
    return tuple(facts)
