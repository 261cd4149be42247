"""What questions share: made once for a question with its settings, and never for another."""

from __future__ import annotations

import numpy as np

from small_studies import dense_network, pictures
from unrelu.polyhedra.domains import Box
from unrelu.questions import Uniqueness
from unrelu.rigor.rounding import UNIT
from unrelu.study.context import Context
from unrelu.study.inputs.samples import Samples
from unrelu.study.material import Material
from unrelu.study.task import Task


def context() -> Context:
    return Context(Material(dense_network(), Samples.of(pictures()[0]), None, UNIT))


def test_the_same_question_in_another_domain_has_its_own_answers() -> None:
    """A worker of a cluster keeps its context from one study of the same inputs to the next."""
    task = Task(tuple(range(len(pictures()[0]))), "relu1")
    domains = Box(0, 1), Box(0, 2), Box(-1, 1)
    kept = context()
    rows = [Uniqueness(domain).answer(kept, task).rows for domain in domains]
    assert rows == [Uniqueness(domain).answer(context(), task).rows for domain in domains]
    assert [row["n_at_bounds"] for row in rows[0]] != [row["n_at_bounds"] for row in rows[2]]  # pixels that are black


def test_what_is_made_is_made_once_for_equal_settings() -> None:
    kept, made = context(), []

    def make() -> int:
        made.append(0)
        return len(made)

    first, same, other = Uniqueness(Box(0, 1)), Uniqueness(Box(np.zeros(16), np.ones(16))), Uniqueness(Box(0, 2))
    assert [kept.made(first, "a", make), kept.made(same, "a", make)] == [1, 1]
    assert [kept.made(other, "a", make), kept.made(first, "b", make)] == [2, 3]
