"""The matrix of a layer, and the preimages of what it is fed."""

from __future__ import annotations

from collections.abc import Iterator

from unrelu.checking.asking import Asked, Asking
from unrelu.checking.basis import Basis
from unrelu.checking.folding_cost import LayerPlan
from unrelu.checking.prefix_questions import START
from unrelu.checking.preimage_cost import preimage_cost
from unrelu.checking.question_check import QuestionCheck
from unrelu.checking.sample import FEW, Sample
from unrelu.checking.speed import speed
from unrelu.network.layer import DENSE_LIMIT
from unrelu.preimages.questions import classify, preimage

MANY = 100
"""Inputs of the classification whose time is told."""

_SURE = 10.0
"""How many times as long as a factorisation a search in a small dense matrix takes, at most."""

_FOLDED = 3.0
"""How many times longer than foreseen the making of a matrix may take, at most."""

_SEARCH = "it depends on a search in rows that are sparse, or few enough to be left open by counting"


def layer_rows(sample: Sample, plan: LayerPlan, name: str, asking: Asking) -> Iterator[QuestionCheck]:
    """All questions about one layer by itself."""
    called = f"net.layer({name!r})"
    made = Asked("layer", name, called)
    one = Asked("preimage of layer", name, f"ur.preimage({called}, at=h)")
    many = Asked(f"classify {MANY}", name, f"ur.classify({called}, hs)")
    if not plan.fits:
        size = f"its matrix of {plan.m} x {plan.d} would take {8 * plan.m * plan.d / 2**30:.1f} GiB"
        for asked in (made, one, many):
            yield asked.refused(f"{size} (limit {DENSE_LIMIT / 2**30:.0f} GiB)")
        return
    network = sample.network
    making = plan.seconds
    if asking.may(_FOLDED * plan.seconds):
        yield (row := asking.ask(made, lambda: network.layer(name), plan.memory))
        making = plan.seconds if row.seconds is None else row.seconds
    else:
        yield made.foreseen(plan.seconds, plan.memory, "")
    cost = preimage_cost(plan, sample.pattern.n_active(name))
    if plan.m <= plan.d:
        sure = None if cost.seconds is None else 3 * cost.seconds
    else:
        sure = None if plan.is_sparse else _SURE * plan.m * plan.d**2 / speed().factored
    if not asking.may(sure) or not asking.may(_FOLDED * plan.seconds):
        yield one.foreseen(None if cost.seconds is None else START + making + cost.seconds, cost.memory, _SEARCH)
        yield many.foreseen(None, cost.memory, _SEARCH)
        return
    inputs = network.layer_input(name, sample.inputs)  # the calls make the layer, as they are told
    yield (first := asking.ask(one, lambda: preimage(network.layer(name), at=inputs[0]), cost.memory))
    few = asking.ask(many, lambda: classify(network.layer(name), inputs, progress=False, workers=1), cost.memory)
    if first.seconds is None or few.seconds is None:
        yield few
        return
    shared = max(few.seconds - making, 0.0) / (5 * FEW)  # less where all share most of it
    each = max((few.seconds - first.seconds) / (FEW - 1), shared)
    yield many.row(Basis.FORESEEN, few.seconds + (MANY - FEW) * each, cost.memory)
