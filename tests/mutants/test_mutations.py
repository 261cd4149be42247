"""The runner changes what it says it changes, and sees whether tests fail."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from mutants.mutations import mutations
from mutants.plan import NEAREST, nearest
from mutants.trial import PACKAGE, ROOT

SOURCE = '''
"""A module; 2.0 in words is no number."""
TOLERANCE = 2.0**-50

@proof
def holds(x: float, s: float) -> bool:
    """Whether it holds."""
    error = gamma(3 + 4) * abs(x) + lost(1, max(x, s))
    if s == 0.0 or not x < 5:
        raise ValueError("not above" + "0.5")
    error -= s
    return bool(x + error <= 0 and np.nextafter(s, 1) > 0)
'''


@pytest.fixture
def found(tmp_path: Path) -> tuple[Path, list[str]]:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    return path, [mutation.name for mutation in mutations(path, tmp_path)]


def test_every_kind_of_change_is_made(found: tuple[Path, list[str]]) -> None:
    _, names = found
    for name in (
        ": 2.0 ** (-50) -> 2.0 ** (-50) * 1000000.0",
        ": 2.0 ** (-50) -> 0.0",
        "holds: gamma(3 + 4) * abs(x) + lost(1, max(x, s)) -> gamma(3 + 4) * abs(x)",
        "holds: gamma(3 + 4) * abs(x) + lost(1, max(x, s)) -> lost(1, max(x, s))",
        "holds: gamma(3 + 4) * abs(x) + lost(1, max(x, s)) -> gamma(3 + 4) * abs(x) - lost(1, max(x, s))",
        "holds: gamma(3 + 4) -> 0.0",
        "holds: abs(x) -> x",
        "holds: max(x, s) -> min(x, s)",
        "holds: if s == 0.0 or not x < 5 -> if True",
        "holds: s == 0.0 or not x < 5 -> s == 0.0 and (not x < 5)",
        "holds: not x < 5 -> x < 5",
        "holds: x < 5 -> x <= 5",
        "holds: error -= s -> nothing",
        "holds: x + error <= 0 -> x + error < 0",
        "holds: np.nextafter(s, 1) -> s",
        "holds: bool(x + error <= 0 and np.nextafter(s, 1) > 0) -> True",
        "holds: proof -> lambda f: f",
    ):
        assert name in names
    assert len(set(names)) == len(names)
    assert not any("words" in name or "above" in name for name in names)


def test_each_changes_the_source_in_one_place(found: tuple[Path, list[str]]) -> None:
    path, _ = found
    original = ast.parse(path.read_text())
    plain = ast.unparse(original)
    for mutation in mutations(path, path.parent):
        changed = ast.unparse(mutation.apply(original))
        assert changed != plain
        compile(changed, "mutated", "exec")
        assert ast.unparse(original) == plain


def test_the_plan_names_modules_and_tests_that_exist() -> None:
    for begin, tests in NEAREST.items():
        assert (PACKAGE / begin).exists()
        assert all((ROOT / "tests" / name).exists() for name in tests)
    assert nearest("rigor/rounding.py") == NEAREST["rigor/rounding.py"]
    assert nearest("cones/proofs/direction.py") == NEAREST["cones/proofs/"]
    assert nearest("errors.py") == ()


def test_what_is_argued_equivalent_has_a_reason() -> None:
    known = json.loads((ROOT / "tests" / "mutants" / "equivalent.json").read_text())
    assert all(nearest(module) for module in known)
    assert all(len(reason) > 10 for reasons in known.values() for reason in reasons.values())
