"""What a network can be asked, layer by layer, and what that takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from unrelu.checking.asking import Asked, Asking
from unrelu.checking.folding_cost import plan_layer
from unrelu.checking.layer_questions import layer_rows
from unrelu.checking.prefix_questions import invert_row, prefix_rows, values_row
from unrelu.checking.question_check import QuestionCheck
from unrelu.checking.sample import Sample
from unrelu.checking.speed import speed
from unrelu.errors import UnreluError
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import OUTPUT, Network
from unrelu.preimages.questions import classify, preimage
from unrelu.stability.linearization import linearize
from unrelu.stability.spectrum import spectrum


def question_rows(network: Network) -> Iterator[QuestionCheck]:
    """All questions: of the whole network, of each of its layers and of its output.

    Args:
        network: with one output, in finite numbers at inputs in [0, 1].
    """
    warm_up()
    sample, asking = Sample.of(network), Asking()
    yield values_row(sample)
    yield invert_row(network)
    names = list(dict.fromkeys((*network.layers, network.node(OUTPUT).name)))
    for name in dict.fromkeys((names[0], names[-1], names[len(names) // 2])):
        # what is measured there serves those between
        sample.pushing.seconds(name, compress=False)
    for name in names:
        yield from prefix_rows(sample, name, asking)
        if not network.node(name).is_layer:
            continue
        try:
            plan = plan_layer(network, name)
        except UnreluError as error:
            yield Asked("layer", name, f"net.layer({name!r})").refused(str(error))
        else:
            yield from layer_rows(sample, plan, name, asking)


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Ask everything of a small network, so that what is imported and prepared once is not counted."""
    speed()
    generator = np.random.default_rng(0)
    sizes = (3, 8, 6, 2)
    layers = [(generator.standard_normal((m, d)), np.zeros(m)) for d, m in itertools.pairwise(sizes)]
    network, x = Network.from_layers(layers), generator.random(3)
    for name in network.layers:
        prefix = network.upto(name)
        linearize(prefix, x)
        spectrum(prefix, x)
        preimage(prefix, at=x, time_limit=0, progress=False)
        metamer(prefix, at=x, target=1 - x)
        layer, h = network.layer(name), network.layer_input(name, x[None])
        preimage(layer, at=h[0])
        classify(layer, h, progress=False, workers=1)
