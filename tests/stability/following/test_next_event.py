import math

import pytest
import torch

from unrelu.stability.following.next_event import Candidates, candidates, next_event


def gaps_that_close(name: str, gaps: list[float], rates: list[float], doubt: float = 0.0) -> Candidates:
    """Each gap closes at its rate, where the rate is positive."""
    z, s = torch.tensor(gaps, dtype=torch.float64), torch.tensor(rates, dtype=torch.float64)
    return candidates(name, z, s, torch.full_like(z, doubt), torch.zeros_like(z), s > 0, None, len(gaps))


def test_the_first_gap_to_close_is_the_event():
    found = next_event([gaps_that_close("a", [6.0, 1.0], [2.0, -1.0]), gaps_that_close("b", [8.0], [4.0])])
    assert found.after == 2.0
    assert found.error == pytest.approx(0.0, abs=1e-14)
    assert {name: mask.tolist() for name, mask in found.ties.items()} == {"b": [True]}


def test_what_cannot_be_told_from_it_is_at_a_tie_too_and_widens_the_error():
    doubt, later = 1e-3, 1.5e-3
    found = next_event([gaps_that_close("a", [1.0, 1.1], [1.0, 1.0], doubt), gaps_that_close("b", [1 + later], [1.0])])
    assert {name: mask.tolist() for name, mask in found.ties.items()} == {"a": [True, False]}
    found = next_event(
        [gaps_that_close("a", [1.0, 1.1], [1.0, 1.0], doubt), gaps_that_close("b", [1 + later], [1.0], doubt)]
    )
    assert {name: mask.tolist() for name, mask in found.ties.items()} == {"a": [True, False], "b": [True]}
    # Wherever within its own error the later of them lies, it is inside that of the event.
    assert found.after == 1.0
    assert found.error >= later + doubt


def test_owners_answer_for_several_gaps():
    one = torch.ones(4, dtype=torch.float64)
    zero = torch.zeros_like(one)
    owners = torch.tensor([0, 0, 1, 1])
    gaps = torch.tensor([3.0, 1.0, 5.0, 2.0], dtype=torch.float64)
    found = next_event([candidates("pool", gaps, one, zero, zero, one > 0, owners, 4)])
    assert found.ties["pool"].tolist() == [True, False, False, False]


def test_nothing_closes():
    assert next_event([]).after == math.inf
    found = next_event([gaps_that_close("a", [1.0], [-1.0])])
    assert found.after == math.inf
    assert not found.ties
