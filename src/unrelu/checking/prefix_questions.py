"""Values, linear maps and spectra of prefixes, and the sets of inputs that have their features."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from unrelu.checking.asking import Asked, Asking
from unrelu.checking.basis import Basis
from unrelu.checking.question_check import QuestionCheck
from unrelu.checking.sample import Sample
from unrelu.checking.speed import speed
from unrelu.errors import TooLarge
from unrelu.inverse.invert import MOST_INPUTS
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network
from unrelu.preimages.questions import preimage
from unrelu.stability.cost import decomposition_cost
from unrelu.stability.jacobian import CHUNK_BYTES, check_size
from unrelu.stability.linearization import linearize
from unrelu.stability.spectrum import spectrum

START = 0.0015
"""Seconds that a question takes before it computes, about."""

_SURE = 3.0
"""How many times longer than foreseen a linear map or a spectrum may take, at most."""

_TURNED = 2.5
"""Times that the Jacobian of a linear map is written into memory that is fresh."""

_ALIVE = 3
"""Values of the largest node that are alive at once while a part of the directions is pushed."""

_SMALL = 50_000
"""Numbers of all matrices of a prefix, with those of the Jacobian, up to which a set of inputs is asked for once."""

_SEARCH = "it depends on what a search finds"


def values_row(sample: Sample) -> QuestionCheck:
    """A forward pass of one input."""
    sizes = sorted(math.prod(node.shape) for node in sample.network.nodes)
    return Asked("values", "", "net(xs)").row(Basis.MEASURED, sample.forward, 8 * sum(sizes[-3:]))


def invert_row(network: Network) -> QuestionCheck:
    """All inputs that give an output."""
    asked = Asked("invert", "", "ur.invert(net, y, domain=ur.Box(lower, upper))")
    smooth = _smooth(network)
    if smooth:
        return asked.refused(smooth)
    if network.input_size > MOST_INPUTS:
        return asked.refused(f"at most {MOST_INPUTS} inputs are searched, and it has {network.input_size}")
    return asked.row(Basis.ANYTIME, None, None, "it ends when all is found, or at time_limit=")


def prefix_rows(sample: Sample, name: str, asking: Asking) -> Iterator[QuestionCheck]:
    """All questions about the prefix that ends in a node."""
    prefix = sample.network.upto(name)
    at = f"net.upto({name!r}), at=x"
    yield _of_map(sample, prefix, Asked("linearize", name, f"ur.linearize({at})"), asking)
    yield _of_map(sample, prefix, Asked("spectrum", name, f"ur.spectrum({at})"), asking)
    sets: dict[str, Callable[[], object]] = {
        f"ur.preimage({at})": lambda: preimage(prefix, at=sample.x, time_limit=0, progress=False),
        f"ur.metamer({at}, target=t)": lambda: metamer(prefix, at=sample.x, target=sample.inputs[1], time_limit=0.5),
        f"ur.inverse_lipschitz(net.upto({name!r}))": lambda: None,
    }
    smooth = _smooth(prefix)
    small = sum(_numbers(prefix)) + prefix.input_size * prefix.output_size <= _SMALL
    for question, (call, ask) in zip(("preimage of prefix", "metamer", "injectivity"), sets.items(), strict=True):
        asked = Asked(question, name, call)
        if smooth and question != "metamer":
            yield asked.refused(smooth)
        elif small and asking.left > 0 and question != "injectivity":
            yield asking.ask(asked, ask, None)
        elif question == "metamer":
            yield asked.row(Basis.ANYTIME, None, None, "it ends where no step leads on, or at time_limit=")
        else:
            yield asked.foreseen(None, None, _SEARCH)


def _of_map(sample: Sample, prefix: Network, asked: Asked, asking: Asking) -> QuestionCheck:
    name, m, d = asked.node, prefix.output_size, prefix.input_size
    is_spectrum, factored = asked.question == "spectrum", 0
    if is_spectrum:
        d, factored = sample.pushing.directions(name)
        m = sample.pattern.n_active(name) if prefix.node(name).is_layer else m
    try:
        check_size(name, m, d)
    except TooLarge as error:
        return asked.refused(str(error))
    seconds = START + 2 * sample.forward + sample.pushing.seconds(name, compress=is_spectrum)
    widest = max(math.prod(node.shape) for node in prefix.nodes)
    memory = _ALIVE * min(CHUNK_BYTES, 8 * sample.pushing.at_once(name) * widest)
    if is_spectrum:
        decomposing = decomposition_cost(m, d)
        seconds += decomposing.products / speed().products + 3 * m * d / speed().moved
        memory += 8 * (m * d + 4 * factored) + decomposing.memory
    else:
        guarded = sum(math.prod(node.shape) for node in prefix.nodes if node.is_piecewise_linear)
        seconds += 3 * guarded * d / speed().moved + _TURNED * m * d / speed().turned
        memory += int(2.3 * 8 * m * d)
    if asking.may(_SURE * seconds):
        ask = spectrum if is_spectrum else linearize
        return asking.ask(asked, lambda: ask(prefix, sample.x), memory)
    return asked.foreseen(seconds, memory, "")


def _numbers(prefix: Network) -> Iterator[int]:
    """Sizes of the matrices that the nodes are, about."""
    for node in prefix.nodes[1:]:
        yield max(1, node.operator.terms) * math.prod(node.shape)


def _smooth(network: Network) -> str:
    """Why there are no regions; "" where there are."""
    found = next((node.name for node in network.nodes if node.is_smooth), None)
    return "" if found is None else f"the node {found!r} is smooth, so that there are no linear regions through it"
