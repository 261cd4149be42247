"""A check as tables, for people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from unrelu.checking.basis import Basis
from unrelu.checking.node_kind import NodeKind
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.checking.model_check import ModelCheck
    from unrelu.checking.node_check import NodeCheck
    from unrelu.checking.question_check import QuestionCheck

_WIDTH = 140

_ABOUT_NODES = ("linearize", "spectrum", "preimage of prefix", "metamer", "layer", "preimage of layer", "classify 100")

_LONGEST = 60  # characters of a name that comes from a model

_SENTENCE = 500


def as_text(check: ModelCheck) -> str:
    """All of it as plain text."""
    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None, legacy_windows=False)
    show(check, console)
    out = console.file
    assert isinstance(out, io.StringIO)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def show(check: ModelCheck, console: Console) -> None:
    """Print all of it, with colours where the console has them."""
    console.print(_nodes(check))
    for sentence in dict.fromkeys(node.why for node in check.refused):
        console.print(f"[red]refused:[/] {_text(sentence, _SENTENCE)}", soft_wrap=True, highlight=False)
    if check.mismatch:
        console.print(f"[red]mismatch:[/] {_text(check.mismatch, _SENTENCE)}", soft_wrap=True, highlight=False)
    for note in check.notes:
        console.print(f"note: {_text(note, _SENTENCE)}", soft_wrap=True, highlight=False)
    console.print(_compared(check), soft_wrap=True, highlight=False)
    if check.cuts:
        console.print(_cuts(check))
    if check.questions:
        console.print(_questions(check))
        for line in _asked_of_all(check):
            console.print(line, soft_wrap=True, highlight=False)
    n = len(check.nodes)
    unread = sum(not node.is_read for node in check.nodes)
    refused = len(check.refused)
    behind = f", and {unread - refused} behind {'it' if refused == 1 else 'them'} not read" if unread > refused else ""
    state = (
        f"{refused} of {n} nodes {'is' if refused == 1 else 'are'} refused{behind}"
        if unread
        else f"all {n} nodes are read"
    )
    console.print(f"{state}{', but see the mismatch' if check.mismatch else ''}.", highlight=False)


def _nodes(check: ModelCheck) -> Table:
    table = _table("nodes", "node", "operator", "kind", "takes", "shapes", "gives", "numbers", "deviation (relative)")
    for node in check.nodes:
        style = "red" if not node.is_read else "yellow" if node.kind is NodeKind.SMOOTH else None
        table.add_row(
            _text(node.name),
            _text(node.operator),
            node.kind.value if node.kind is not NodeKind.BEHIND else _text(f"behind {_named(node.why)}"),
            _text(", ".join(node.inputs)),
            ", ".join(map(_shape, node.input_shapes)),
            _shape(node.output_shape),
            "" if node.parameters is None else f"{node.parameters:,}" if node.parameters else "",
            _deviation(node),
            style=style,
        )
    return table


def _cuts(check: ModelCheck) -> Table:
    table = _table("layers and cuts", "node", "cut", "net.layer(name), m x d", "why not")
    for each in check.cuts:
        size = f"{each.n_features} x {each.n_inputs}" if each.has_layer else ""
        table.add_row(_text(each.name), "yes" if each.is_cut else "", size, _text(each.why, 90))
    return table


def _questions(check: ModelCheck) -> Table:
    table = _table("what a question takes: processor time, memory", "prefix or layer", *_ABOUT_NODES)
    by_place = {(each.node, each.question): each for each in check.questions}
    for name in dict.fromkeys(each.node for each in check.questions if each.node):
        cells = (by_place.get((name, question)) for question in _ABOUT_NODES)
        table.add_row(_text(name), *("" if each is None else _cost(each) for each in cells))
    return table


def _asked_of_all(check: ModelCheck) -> list[str]:
    lines = [
        "no mark: asked here once; ~ foreseen; ? not foreseen, as it depends on a search; - cannot be asked: "
        "check.question(name, node).why."
    ]
    for question in ("values", "invert", "injectivity"):
        for each in [each for each in check.questions if each.question == question][-1:]:
            why = f": {each.why}" if each.why else ""
            lines.append(f"{question}, {_text(each.call)}: {_cost(each)}{_text(why, _SENTENCE)}")
    return lines


def _compared(check: ModelCheck) -> str:
    worst, far = check.worst, check.deviation
    if worst is None or far is None:
        return "no model of another library to compare with." if not check.mismatch else "not compared."
    inputs = f"{check.n_random} random inputs" + (f" and {check.n_data} of the data" if check.n_data else "")
    return (
        f"largest deviation from the model's own forward pass in {far.dtype}, on {inputs}: {far.relative:.1e} of "
        f"{far.scale:.3g}, at node {_text(worst.name)}, {far.of} input {far.sample}, place {far.at}."
    )


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cost(each: QuestionCheck) -> str:
    if each.basis is Basis.REFUSED:
        return "-"
    if each.basis is Basis.ANYTIME:
        return "anytime"
    memory = "" if each.memory is None else f", {_bytes(each.memory)}"
    if each.seconds is None:
        return f"?{memory}"
    return f"{'~' if each.basis is Basis.FORESEEN else ''}{_seconds(each.seconds)}{memory}"


def _seconds(value: float) -> str:
    if value < 1:
        return f"{1000 * value:.2g} ms" if value < 0.1 else f"{1000 * value:.0f} ms"
    return f"{value:.2g} s" if value < 100 else f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"


def _bytes(value: int) -> str:
    mebibytes = value / 2**20
    return "<1 MiB" if mebibytes < 1 else f"{mebibytes:.0f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:.1f} GiB"


def _deviation(node: NodeCheck) -> str:
    return "" if node.deviation is None else f"{node.deviation.largest:.1e} ({node.deviation.relative:.0e})"


def _shape(shape: Sequence[int] | None) -> str:
    return "?" if shape is None else "x".join(map(str, shape)) or "1"


def _named(why: str) -> str:
    return why.split("'")[1] if "'" in why else "a refused node"


def _text(text: str, longest: int = _LONGEST) -> str:
    return escape(printable(text, longest))
