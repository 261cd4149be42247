"""What the metamers of a study keep, and what still sees the difference, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.report.numbers import rough
from unrelu.report.parts import Part, Sentence, sentence
from unrelu.report.records import fact, record

if TYPE_CHECKING:
    from unrelu.study.study import Study


def what_they_keep(study: Study) -> tuple[Sentence, ...]:
    """The words above the gallery; none for a study without metamers.

    That nothing behind a layer can tell metamer and original apart is true only of cuts, and of inputs with exactly the
    same features; the metamers shown have them up to the feature error.
    """
    if not study.kept.num_rows:
        return ()
    (kept,) = study.kept.to_pylist()
    layer = record(study, "kept", 0, "layer", str)
    near = sentence(
        "Each metamer has the features of its original in {layer}, up to the feature error beside it. It is as near to "
        "the target as was found among all such inputs "
        + ("in the linear region of the original " if kept["regional"] else "")
        + "({domain}).",
        layer=layer,
        domain=fact(study, "metamer_domain", str),
    )
    if kept["cut"]:
        return near, sentence(
            "Every path from the input to the output of the network runs through {layer}: nothing behind it can tell "
            "apart two inputs that have exactly the same features there.",
            layer=layer,
        )
    return near, sentence(
        "But the network sees more than {layer}: its output also depends on the input through {others}, past it, and "
        "there the difference may be seen.",
        layer=layer,
        others=_others(study),
    )


def metamers_found(study: Study) -> tuple[Sentence, ...]:
    """A sentence on how many metamers there are, and what the network says to them; none without metamers."""
    if not study.kept.num_rows:
        return ()
    (kept,) = study.kept.to_pylist()
    parts = sentence(
        "{k} metamers keep the features of "
        + ("layer" if kept["relu"] else "node")
        + " {layer} of one input while they come as near as possible to another (largest feature error {error})",
        k=record(study, "kept", 0, "n_metamers"),
        layer=record(study, "kept", 0, "layer", str),
        error=record(study, "kept", 0, "feature_error", rough),
    )
    if not kept["cut"]:
        parts += sentence(", but past it the output also depends on the input through {others}", others=_others(study))
    if kept["same_class"] is not None:
        who = "all of them" if kept["same_class"] == kept["n_metamers"] else "{same} of them"
        parts += sentence(
            f"; for {who} the network predicts what it predicts for the original",
            same=record(study, "kept", 0, "same_class"),
        )
    return ((*parts, Part(".")),)


def _others(study: Study) -> Part:
    return record(study, "kept", 0, "bypassed_by", ", ".join)
