"""The runner changes what it says it changes, and sees whether tests fail."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from mutants.exchange import exchange, loaded_functions
from mutants.mutations import mutations
from mutants.plan import NEAREST, nearest
from mutants.reach import lines_of, reach
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


def test_halves_are_those_of_numbers_and_bounds_of_errors(found: tuple[Path, list[str]]) -> None:
    path, _ = found
    names = [mutation.name for mutation in mutations(path, path.parent, halved=True)]
    assert names == [
        ": 2.0 ** (-50) -> 0.5 * 2.0 ** (-50)",
        "holds: gamma(3 + 4) -> 0.5 * gamma(3 + 4)",
        "holds: lost(1, max(x, s)) -> 0.5 * lost(1, max(x, s))",
    ]


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


def test_the_lines_of_a_change_are_those_of_its_statement(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(LONGER)
    tree = ast.parse(LONGER)
    lines = {mutation.name: lines_of(mutation, tree) for mutation in mutations(path, tmp_path)}
    assert lines["outer: x > 1 -> x >= 1"] == range(5, 6)
    assert lines["outer: x + 2.5 -> x"] == range(6, 8)
    assert lines["outer.inner: x - 3.0 -> x"] == range(9, 10)
    assert lines[": 2.0 -> 0.0"] == range(2, 3)


LONGER = """
NUMBER = 2.0

def outer(x):
    if x > 1:
        return (x
            + 2.5)
    def inner(x):
        return x - 3.0
    return inner(x) * NUMBER
"""


def test_loaded_functions_are_changed_in_place(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(LONGER)
    tree = ast.parse(LONGER)
    found = {mutation.name: mutation for mutation in mutations(path, tmp_path)}
    for name, value in (("outer: x > 1 -> x >= 1", 3.5), ("outer.inner: x - 3.0 -> x", 2.0), (": 2.0 -> 0.0", -4.0)):
        module: dict[str, object] = {}
        exec(compile(tree, str(path), "exec"), module)
        kept = module["outer"]  # also where another module has it
        assert callable(kept)
        loaded = {(kept.__qualname__, 4): [kept]}
        assert exchange(found[name], tree, path, loaded) == (not name.startswith(":"))  # pyright: ignore[reportArgumentType]
        assert kept(1) == value
    assert (kept,) == tuple(f for f in loaded_functions(path)[("outer", 4)] if f is kept)


def test_reach_notes_the_lines_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(LONGER)
    module: dict[str, object] = {}
    exec(compile(LONGER, str(path), "exec"), module)
    outer = module["outer"]
    assert callable(outer)
    assert {5, 6, 7} <= reach(lambda: outer(5), str(path)).lines
    found = reach(lambda: outer(0), str(path))
    assert found.touches(range(9, 10))
    assert not found.touches(range(6, 8))
    assert reach(lambda: outer(0), "elsewhere.py").lines == frozenset()
