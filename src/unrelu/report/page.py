"""What the page shows, put together from the records of one study or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unrelu.report.figures import Drawing
from unrelu.report.figures_decay import draw_decay
from unrelu.report.figures_freedom import MOST_SHOWN, draw_freedom
from unrelu.report.figures_layers import draw_condition, draw_sizes, draw_smallest, draw_tradeoff
from unrelu.report.figures_preimages import draw_preimages, shows_threshold
from unrelu.report.figures_priors import draw_uniqueness
from unrelu.report.gallery import ShownPair, gallery
from unrelu.report.kept import what_they_keep
from unrelu.report.numbers import count, real, seconds, shape_name
from unrelu.report.palette import GRID, INK, KINDS, MUTED, PAPER, Colour
from unrelu.report.parts import Part, Sentence, sentence
from unrelu.report.records import fact, of_layer, record
from unrelu.report.summary import summarize
from unrelu.report.tables import Row, bound_rows, overview_row, preimage_rows, spectrum_rows

if TYPE_CHECKING:
    from unrelu.study.study import Study

_MOST_HISTOGRAMS = 6
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Captioned:
    """A drawing with its caption.

    Attributes:
        drawing: the figure.
        lead: what it is, in a few words.
        caption: what to see in it.
    """

    drawing: Drawing
    lead: str
    caption: Sentence


@dataclass(frozen=True)
class Section:
    """All about one study.

    Attributes:
        number: its place on the page, from 1.
        name: what its network is called.
        about: the data and settings, in one sentence.
        findings: the summary.
        preimages: table of verdicts.
        spectra: table of spectra.
        bounds: table of bounds.
        has_verdicts: whether any layer has verdicts.
        has_spectra: whether any layer has spectra.
        has_hidden: whether a layer that is not fed by the network's input has verdicts.
        has_others: whether a layer with another activation than the ReLU has verdicts.
        checked: whether certificates were verified.
        histograms: drawings of the verdicts.
        curves: drawings of the spectra.
        pairs: the gallery.
        is_picture: whether inputs are shown as pictures.
        kept: what the metamers keep, and what still sees the difference.
        facts: settings and versions, as pairs of a word and a value.
    """

    number: int
    name: Part
    about: Sentence
    findings: tuple[Sentence, ...]
    preimages: tuple[Row, ...]
    spectra: tuple[Row, ...]
    bounds: tuple[Row, ...]
    has_verdicts: bool
    has_spectra: bool
    has_hidden: bool
    has_others: bool
    checked: bool
    histograms: tuple[Captioned, ...]
    curves: tuple[Captioned, ...]
    pairs: tuple[ShownPair, ...]
    is_picture: bool
    kept: tuple[Sentence, ...]
    facts: tuple[tuple[str, Sentence], ...]

    @property
    def figures(self) -> tuple[Captioned, ...]:
        """All drawings, in the order of their numbers."""
        return (*self.histograms, *self.curves)


@dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: its heading.
        sections: one for each study.
        overview: a row for each study; empty for a single one.
        colours: every colour that the page uses.
    """

    title: str
    sections: tuple[Section, ...]
    overview: tuple[Row, ...]
    colours: tuple[Colour, ...]


def make_page(studies: Sequence[Study], title: str | None) -> Page:
    """Put the page together."""
    sections = tuple(_section(study, number) for number, study in enumerate(studies, start=1))
    if title is None:
        n = len(studies)
        who = studies[0].info.name if n == 1 else f"{_NUMBERS[n] if n < len(_NUMBERS) else n} networks"
        title = f"What {who} cannot see"
    used = [INK, MUTED, GRID, PAPER, *KINDS.values()]
    used.extend(colour for section in sections for figure in section.figures for colour in figure.drawing.colours)
    return Page(
        title=title,
        sections=sections,
        overview=tuple(overview_row(study) for study in studies) if len(studies) > 1 else (),
        colours=tuple({colour.name: colour for colour in used}.values()),
    )


def _section(study: Study, number: int) -> Section:
    info = study.info
    layers = study.layers.to_pylist()
    kinds = {node.name: node.operator for node in info.nodes}
    return Section(
        number=number,
        name=fact(study, "name", str),
        about=sentence(
            "{n} inputs of {data}, each with {d} coordinates; {p} parameters, {k}.",
            n=fact(study, "n_inputs"),
            data=fact(study, "data_name", str),
            d=fact(study, "input_size"),
            p=fact(study, "n_parameters"),
            k=Part("one ReLU layer" if len(layers) == 1 else f"{_number(len(layers))} ReLU layers"),
        ),
        findings=summarize(study),
        preimages=preimage_rows(study),
        spectra=spectrum_rows(study),
        bounds=bound_rows(study),
        has_verdicts=any(layer["n_verdicts"] for layer in layers),
        has_spectra=any(layer["n_spectra"] for layer in layers),
        has_hidden=any(layer["n_verdicts"] and not layer["first"] for layer in layers),
        has_others=any(layer["n_verdicts"] and kinds.get(layer["layer"]) != "ReLU" for layer in layers),
        checked=info.verified,
        histograms=_histograms(study, number),
        curves=_curves(study, number),
        pairs=gallery(study),
        is_picture=info.picture_shape is not None,
        kept=what_they_keep(study),
        facts=_facts(study),
    )


def _histograms(study: Study, number: int) -> tuple[Captioned, ...]:
    layers = study.layers.to_pylist()
    found: list[Captioned] = []
    decided = [row for row, layer in enumerate(layers) if layer["n_verdicts"]]
    mixed = [row for row in decided if sum(layers[row][kind] > 0 for kind in KINDS) > 1]
    for row in sorted({*decided[:1], *mixed[: _MOST_HISTOGRAMS - 1]}):
        layer = layers[row]
        found.append(
            Captioned(
                draw_preimages(study, layer["layer"], f"network{number}-preimages-{row + 1}"),
                "Finite and infinite preimages.",
                sentence(
                    "Each input stands where its number of positive features in {layer} puts it. From d = {d} on "
                    + ("(dashed)" if shows_threshold(layer) else "(beyond the right end of the axis)")
                    + " the positive features alone can determine the input; with fewer, a finite preimage needs the "
                    "features that are zero as well.",
                    layer=of_layer(study, row, "layer", str),
                    d=of_layer(study, row, "input_size"),
                ),
            )
        )
    # Where no input is unique the summary says so, and there is nothing to draw.
    shown = (row for row, layer in enumerate(layers) if layer["prior_unique"] or layer["prior_open"])
    found.extend(_uniqueness(study, number, row) for row in shown)
    if study.freedom.num_rows:
        found.append(_freedom(study, number))
    return tuple(found)


def _freedom(study: Study, number: int) -> Captioned:
    what = "pixel" if study.info.picture_shape is not None else "coordinate"
    caption = sentence(
        "The exact range of each " + what + " over all inputs within {prior} that have the same features in {layer}.",
        prior=fact(study, "prior", str),
        layer=record(study, "freedom", 0, "layer", str),
    )
    for row, each in enumerate(study.freedom.to_pylist()[:MOST_SHOWN]):
        words = " Of input {input}, {free} of {d} " + what + "s can take every value there"
        if each["n_free"] < len(each["lower"]):
            words += ", {fixed} cannot move, and the median moves by {width}"
        caption += sentence(
            words + ".",
            input=record(study, "freedom", row, "input", str),
            free=record(study, "freedom", row, "n_free"),
            d=fact(study, "input_size"),
            fixed=record(study, "freedom", row, "n_fixed"),
            width=record(study, "freedom", row, "width_median", real),
        )
    return Captioned(
        draw_freedom(study, f"network{number}-freedom"), f"How far each {what} may move by itself.", caption
    )


def _uniqueness(study: Study, number: int, row: int) -> Captioned:
    known = study.layers["prior_expected"][row].as_py() is not None
    return Captioned(
        draw_uniqueness(study, study.layers["layer"][row].as_py(), f"network{number}-unique-{row + 1}"),
        "The only valid input.",
        sentence(
            "Share of inputs that are the only one within {prior} with their features in {layer}, over the number of "
            "positive features; the numbers of inputs stand below. Where inputs with fewer than d = {d} positive "
            "features are unique, the prior makes up for those that are missing."
            + (
                " Squares show what rows drawn at random (Gaussian) would give: a share above them is structure that "
                "such rows do not have."
                if known
                else ""
            ),
            prior=fact(study, "prior", str),
            layer=of_layer(study, row, "layer", str),
            d=of_layer(study, row, "input_size"),
        ),
    )


def _curves(study: Study, number: int) -> tuple[Captioned, ...]:
    layers = study.layers.to_pylist()
    spectral = [row for row, layer in enumerate(layers) if layer["n_spectra"]]
    if not spectral:
        return ()
    found: list[Captioned] = []
    n = of_layer(study, spectral[0], "n_spectra")
    found.append(
        Captioned(
            draw_decay(study, f"network{number}-decay-before", relu=False),
            "Singular values before each ReLU.",
            sentence(
                "Median over {n} inputs, quartiles shaded. A steep fall means directions that the layer hardly sees; "
                "a line ends where the values are zero.",
                n=n,
            ),
        )
    )
    found.append(
        Captioned(
            draw_decay(study, f"network{number}-decay-with", relu=True),
            "The same with the ReLU.",
            sentence(
                "The ReLU removes rows: lines that end further to the left have lost directions, lines that have sunk "
                "see them more faintly. Axes as in the figure before."
            ),
        )
    )
    found.append(
        Captioned(
            draw_sizes(study, f"network{number}-sizes"),
            "Output size and rank over the layers.",
            sentence(
                "Rank counts the directions of the input that reach a layer (median, quartiles). What lies between the "
                "rank and the dashed line is forgotten there."
            ),
        )
    )
    found.append(
        Captioned(
            draw_condition(study, f"network{number}-condition"),
            "Condition number over the layers.",
            sentence(
                "How many times more strongly a layer answers to the clearest direction than to the faintest one "
                "that it still sees (median, quartiles): the higher, the less stable its inverse."
            ),
        )
    )
    found.append(
        Captioned(
            draw_smallest(study, f"network{number}-smallest"),
            "Where the condition number comes from.",
            sentence(
                "The largest singular value says how much a layer can magnify a small change of the input, the "
                "smallest non-zero one how faintly it answers to what it does not forget (median, quartiles)."
            ),
        )
    )
    found.append(
        Captioned(
            draw_tradeoff(study, f"network{number}-tradeoff"),
            "Invariance against stability.",
            sentence(
                "Each layer before its ReLU and with it (medians): to the right, more directions "
                "are forgotten; further up, those that are kept are seen less evenly."
            ),
        )
    )
    return tuple(found)


def _facts(study: Study) -> tuple[tuple[str, Sentence], ...]:
    info = study.info
    duration = ", ".join(f"{stage} {seconds(value)}" for stage, value in info.seconds.items())
    versions = ", ".join(f"{package} {version}" for package, version in info.versions.items())
    return (
        ("begun", (fact(study, "created", str),)),
        ("input shape", (fact(study, "input_shape", shape_name),)),
        ("nodes", (Part(_nodes(study)),)),
        *(
            [("cut off", (fact(study, "head", str), Part(", the end of the model: the network gives the logits")))]
            if info.head
            else []
        ),
        ("metamers over", (fact(study, "metamer_domain", str),)),
        *([] if info.prior is None else [("prior", (fact(study, "prior", str),))]),
        ("certificates", (Part("verified" if info.verified else "not checked"),)),
        ("seed", (fact(study, "seed", count),)),
        ("time", (Part(duration),)),
        ("versions", (Part(versions),)),
        ("weights, SHA-256", (fact(study, "weights_sha256", str),)),
        ("data, SHA-256", (fact(study, "data_sha256", str),)),
    )


def _nodes(study: Study) -> str:
    return ", ".join(f"{node.name} ({node.operator}, {shape_name(node.shape)})" for node in study.info.nodes)


def _number(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)
