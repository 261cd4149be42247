import math

import pytest
import torch

from unrelu.operators.crossings import Crossings, crossings
from unrelu.stability.following.next_event import next_event


def gaps_that_close(gaps: list[float], rates: list[float], doubt: float = 0.0) -> Crossings:
    """Each gap closes at its rate, where the rate is positive."""
    z, s = torch.tensor(gaps, dtype=torch.float64), torch.tensor(rates, dtype=torch.float64)
    return crossings(z, s, torch.full_like(z, doubt), torch.zeros_like(z), s > 0)


def test_the_first_gap_to_close_is_the_event():
    found = next_event({"a": gaps_that_close([6.0, 1.0], [2.0, -1.0]), "b": gaps_that_close([8.0], [4.0])})
    assert found.after == 2.0
    assert found.error == pytest.approx(0.0, abs=1e-14)
    assert {name: mask.tolist() for name, mask in found.ties.items()} == {"b": [True]}


def test_what_cannot_be_told_from_it_is_at_a_tie_too_and_widens_the_error():
    doubt, later = 1e-3, 1.5e-3
    first = gaps_that_close([1.0, 1.1], [1.0, 1.0], doubt)
    found = next_event({"a": first, "b": gaps_that_close([1 + later], [1.0])})
    assert {name: mask.tolist() for name, mask in found.ties.items()} == {"a": [True, False]}
    found = next_event({"a": first, "b": gaps_that_close([1 + later], [1.0], doubt)})
    assert {name: mask.tolist() for name, mask in found.ties.items()} == {"a": [True, False], "b": [True]}
    # Wherever within its own error the later of them lies, it is inside that of the event.
    assert found.after == 1.0
    assert found.error >= later + doubt


def test_nothing_closes():
    assert next_event({}).after == math.inf
    found = next_event({"a": gaps_that_close([1.0], [-1.0])})
    assert found.after == math.inf
    assert not found.ties
