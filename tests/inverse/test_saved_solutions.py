"""Proofs that all solutions are listed, on disk: what was saved is read to the last bit, and nothing false verifies."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import unrelu as ur
from exact_inversion import exact_solutions, holds_none, missed
from inverse.hand_trees import tree_of
from inverse.saved_solutions import retold, same_bits, save, with_array
from inverse_cases import inverse_case
from known_preimages import all_known
from preimages.certificate_folders import of_integers, reindexed
from preimages.prefix_folders import renewed, resigned, with_number
from unrelu.cli import app
from unrelu.errors import InputError, StoreError, UnreluError
from unrelu.frontier.tree import GrowingTree, Operation, Tree
from unrelu.preimages.certificate_files import tree_files
from unrelu.preimages.certificate_files.comparison import compare
from unrelu.preimages.certificate_files.tree_files import read_tree, tree_sha256, write_tree
from unrelu.preimages.search.clusters import clusters
from unrelu.preimages.search.listed import Listed
from untrusted.hostile_files import reading

_SOURCES = Path(__file__).parents[2] / "src"

KNOWN = {each.name: each for each in all_known()}


@pytest.fixture(scope="module")
def saved_tents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 32 roots of a tent map five times; tests change copies of it."""
    folder = tmp_path_factory.mktemp("tents") / "saved"
    save(KNOWN["tents 5 at 0.3125"], folder)
    return folder


@pytest.fixture
def folder(saved_tents: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved_tents, tmp_path / "tents"))


def holds(folder: Path) -> bool:
    """Whether what a folder says is complete and proved."""
    outcome = ur.load_certificates(folder).verify(progress=False)
    return outcome.holds and outcome.kinds == ("complete",)


# -- what was saved -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["magnitudes 3 abs", "tents 5 at 0.75", "half space", "never reached", "fixed input", "scales abs", "thin box"],
)
def test_what_was_saved_is_loaded_to_the_last_bit(name: str, tmp_path: Path) -> None:
    case = KNOWN[name]
    found = save(case, tmp_path)
    saved = ur.load_certificates(tmp_path)
    assert same_bits(saved.completeness.tree, found.tree)
    statement = saved.completeness.statement
    for field in ("lower", "upper", "features", "resolution"):
        mine, other = (getattr(each, field).numpy().tobytes() for each in (found.statement, statement))
        assert mine == other
    outcome = saved.verify(progress=False)
    assert (outcome.n_claimed, outcome.n_proved, outcome.kinds) == (1, 1, ("complete",))
    assert compare(saved, case.network).holds
    listed = Listed.of(saved.completeness)
    assert len(listed) == len(found.solutions) == case.n_parts
    assert listed.holds.tolist() == [each.holds for each in found.solutions]
    assert listed.is_flat.tolist() == [each.is_flat for each in found.solutions]


BITS = st.one_of(
    st.sampled_from([0x7FF0000000000001, 0xFFF8DEADBEEF0001, 0x8000000000000000, 1, 0x7FF0000000000000]),
    st.integers(0, 2**64 - 1),
).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_numbers_are_kept_to_the_last_bit(tmp_path: Path, data: st.DataObject) -> None:
    d, m, n = (data.draw(st.integers(1, most)) for most in (3, 3, 5))
    draw = {"f": BITS, "i": st.integers(-128, 127) | st.integers(-(2**63), 2**63 - 1), "b": st.booleans()}
    columns: dict[str, Any] = {}
    for field in fields(Tree):
        empty = getattr(GrowingTree(d, m).frozen(), field.name)
        if not isinstance(empty, np.ndarray):
            vectors = st.lists(BITS, max_size=4).map(np.array)
            columns[field.name] = data.draw(st.dictionaries(st.integers(0, n - 1), vectors))
            columns[field.name] = {k: v.astype(float) for k, v in sorted(columns[field.name].items())}
            continue
        shape = (n, *empty.shape[1:])
        size = int(np.prod(shape))
        drawn = data.draw(st.lists(draw[empty.dtype.kind], min_size=size, max_size=size))
        columns[field.name] = np.array(drawn).astype(empty.dtype).reshape(shape)
    tree = Tree(**columns)
    tree_files.BLOCK, before = data.draw(st.sampled_from([1, 2, 4096])), tree_files.BLOCK
    try:
        write_tree(tmp_path / "tree", tree)
    finally:
        tree_files.BLOCK = before
    again = read_tree(tmp_path / "tree", d, m)
    assert same_bits(tree, again)
    assert tree_sha256(tree) == tree_sha256(again)


def test_every_number_of_a_tree_counts_in_its_name() -> None:
    tree = tree_of(2, 1, {"operation": 4, "weights": [1.0, 2.0]}, {})
    names = {tree_sha256(tree)}
    for field in fields(Tree):
        value = getattr(tree, field.name)
        if not isinstance(value, np.ndarray):
            for other in ({}, {0: np.array([1.0, 2.5])}, {1: np.array([1.0, 2.0])}, {0: np.array([1.0])}):
                names.add(tree_sha256(replace(tree, **{field.name: other})))
            continue
        for number in (1, 2**32, 2**62, 2**62 + 1) if value.dtype == np.int64 else (1,):
            other = value.copy()
            other.reshape(-1)[-1] = number
            names.add(tree_sha256(replace(tree, **{field.name: other})))
    assert len(names) == 1 + 4 + 7 + 2 * 4


def test_whatever_invert_returns_is_saved_by_either_name(saved_tents: Path, tmp_path: Path) -> None:
    case = KNOWN["tents 5 at 0.3125"]
    found = ur.invert(case.network, case.measured, domain=ur.Box(0, 1), progress=False)
    digests = {ur.load_certificates(saved_tents).verify(progress=False).digest}
    for what in (found, found.certificate):
        ur.save_certificates(what, tmp_path, progress=False)
        digests.add(ur.load_certificates(tmp_path).verify(progress=False).digest)
    assert len(digests) == 1
    ur.save_certificates(of_integers(), tmp_path, progress=False)  # in place of it
    other = ur.load_certificates(tmp_path)
    assert other.verify(progress=False).holds
    with pytest.raises(InputError, match="not about all solutions"):
        _ = other.completeness


def test_what_is_not_complete_is_not_called_so(tmp_path: Path) -> None:
    case = KNOWN["dyadic faces 2"]
    found = save(case, tmp_path / "a", time_limit=0.0)
    assert not found.complete
    outcome = ur.load_certificates(tmp_path / "a").verify(progress=False)
    assert (outcome.holds, outcome.kinds) == (True, ("incomplete",))
    said = CliRunner().invoke(app, ["verify", str(tmp_path), "--quiet"])
    assert said.exit_code == 0
    assert "0 solutions so far, NOT complete: there may be more in 1 parts of the box" in said.stdout
    assert "proved complete" not in said.stdout


def test_in_words(saved_tents: Path, tmp_path: Path) -> None:
    case = KNOWN["tents 5 at 0.3125"]
    case.network.save(tmp_path / "tents.unrelu")
    said = CliRunner().invoke(app, ["verify", str(saved_tents), "--quiet", "--against", str(tmp_path / "tents.unrelu")])
    assert said.exit_code == 0, said.output
    first, second, *solutions, digest, about, last = said.stdout.splitlines()
    assert "32 solutions (inputs that lie together within " in first
    assert ", proved complete: every input in the box with these features to within the resolution" in first
    assert "32 of 32 are proved to hold one" in first
    assert "Box: 0.0 ≤ x1 ≤ 1.0. Features: 0.3125. Resolution: " in second
    roots = sorted(float(x) for (x,) in case.points)
    for k, (line, root) in enumerate(zip(solutions, roots[:20], strict=True), start=1):
        assert f"solution {k}: about (" in line
        assert line.endswith("; there is one, proved.")
        assert float(line.split("(")[1].split(")")[0]) == pytest.approx(root, abs=1e-6)
    assert digest.split()[-1] == ur.load_certificates(saved_tents).verify(progress=False).digest
    assert ": about tents.unrelu: the network up to out5: every number is the network's." in about
    assert last == "1 of 1 verdicts are proved."
    with_number(case.network, 0, 0, 1.5).save(tmp_path / "tents.unrelu")
    said = CliRunner().invoke(app, ["verify", str(saved_tents), "--quiet", "--against", str(tmp_path / "tents.unrelu")])
    assert said.exit_code == 1
    assert "NOT about tents.unrelu" in said.stdout


def test_picked_outputs_are_those_of_the_network(tmp_path: Path) -> None:
    case = KNOWN["overdetermined"]
    domain = ur.Box(case.lower, case.upper)
    found = ur.invert(case.network, case.measured[[0, 1]], outputs=[0, 1], domain=domain, progress=False)
    found.certificate.save(tmp_path)
    said = compare(ur.load_certificates(tmp_path), case.network)
    assert said.holds
    assert said.said.endswith("and some of its outputs are picked")
    renewed(tmp_path, lambda net: with_number(net, 2, 0, 0.5))  # no longer picked as they are
    assert not compare(ur.load_certificates(tmp_path), case.network).holds


def test_another_process_verifies_without_search_or_solver(saved_tents: Path) -> None:
    script = """
import sys
from unrelu.preimages.certificate_files.load import load_certificates
print(load_certificates(sys.argv[1]).verify(progress=False).holds)
others = ("unrelu.solvers", "unrelu.inverse", "unrelu.preimages.search.search", "unrelu.exact.nonnegative", "highspy")
print([name for name in sys.modules if name.startswith((*others, "clarabel", "scipy.optimize"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(saved_tents)],
        env={"PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True", "[]"]


# -- what was changed -----------------------------------------------------------------------------


def with_operation(columns: dict[str, Any], code: Operation, place: int = 0) -> int:
    """Number of a node of that operation."""
    found = np.flatnonzero(columns["operation"] == code)
    return int(found[place % len(found)])


def drop_a_leaf(columns: dict[str, Any]) -> None:
    columns["operation"][with_operation(columns, Operation.BALL)] = Operation.REFUTED


def drop_a_subtree(columns: dict[str, Any]) -> None:
    columns["operation"][0] = Operation.REFUTED


def forget_the_nodes_of_a_subtree(columns: dict[str, Any]) -> None:
    for name, values in columns.items():
        columns[name] = {} if name == "weights" else values[:1]
    columns["operation"][0] = Operation.REFUTED


def move_a_split(columns: dict[str, Any]) -> None:
    columns["value"][with_operation(columns, Operation.HALVED)] = 0.01


def shrink_a_box(columns: dict[str, Any]) -> None:
    node = with_operation(columns, Operation.HALVED)
    middle = columns["lower"][node] / 2 + columns["upper"][node] / 2
    columns["upper"][node] = middle


def shrink_a_ball(columns: dict[str, Any]) -> None:
    node = with_operation(columns, Operation.BALL)
    columns["lower"][node] = columns["upper"][node]


def move_a_ball(columns: dict[str, Any]) -> None:
    node = with_operation(columns, Operation.BALL)
    for name in ("lower", "upper", "point"):
        columns[name][node] += 2.0**-20


def forget_all_multipliers(columns: dict[str, Any]) -> None:
    columns["multipliers"][:] = 0.0


def turn_a_multiplier(columns: dict[str, Any]) -> None:
    columns["multipliers"][with_operation(columns, Operation.BALL)] *= -1.0


def blow_up_a_multiplier(columns: dict[str, Any]) -> None:
    drop_a_leaf(columns)
    columns["multipliers"][:] = 1e300


def weigh_a_leaf(columns: dict[str, Any]) -> None:
    node = with_operation(columns, Operation.BALL)
    columns["operation"][node] = Operation.REFUTED
    columns["weights"][node] = np.ones(4)


def repeat_a_child(columns: dict[str, Any]) -> None:
    first, second = (with_operation(columns, Operation.HALVED, k) for k in (0, 1))
    columns["child"][first] = columns["child"][second]


def go_round(columns: dict[str, Any]) -> None:
    columns["child"][with_operation(columns, Operation.HALVED, -1)] = 0


def invent_an_operation(columns: dict[str, Any]) -> None:
    columns["operation"][with_operation(columns, Operation.BALL)] = len(Operation)


FORGERIES: list[Callable[[dict[str, Any]], object]] = [
    drop_a_leaf,
    drop_a_subtree,
    forget_the_nodes_of_a_subtree,
    move_a_split,
    shrink_a_box,
    shrink_a_ball,
    move_a_ball,
    forget_all_multipliers,
    turn_a_multiplier,
    blow_up_a_multiplier,
    weigh_a_leaf,
    repeat_a_child,
    go_round,
    invent_an_operation,
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_tree_that_was_changed_never_verifies(forge: Callable[[dict[str, Any]], object], folder: Path) -> None:
    assert holds(folder)
    retold(folder, forge, renew=False)
    with pytest.raises(StoreError, match="is not the file that was saved"):
        ur.load_certificates(folder)
    reindexed(folder)
    if holds(folder):
        assert forge in (forget_all_multipliers, turn_a_multiplier)  # which the outputs' own rows do without
        truth = [float(x) for (x,) in KNOWN["tents 5 at 0.3125"].points]
        listed = Listed.of(ur.load_certificates(folder).completeness)
        assert all(((listed.lower[:, 0] <= x) & (x <= listed.upper[:, 0])).sum() == 1 for x in truth)
        assert len(listed) == len(truth)


def test_a_refutation_needs_its_multipliers(tmp_path: Path) -> None:
    """`x1 + x2 = 1, x1 + 1.01 x2 = 1.02` has no solution in the unit square, which neither row alone shows."""
    J = np.array([[1.0, 1.0], [1.0, 1.01]])
    net = ur.Network.from_layers([(np.eye(2), np.zeros(2)), (J, np.zeros(2))])
    found = ur.invert(net, np.array([1.0, 1.02]), domain=ur.Box(0, 1), progress=False)
    refuted = {"operation": Operation.REFUTED, "multipliers": np.linalg.inv(J)}
    found.certificate.save(tmp_path)
    retold(tmp_path, lambda columns: columns.update(vars(tree_of(2, 2, refuted))))
    assert holds(tmp_path)
    for M in (0.0 * J, np.eye(2), J, np.abs(np.linalg.inv(J)), np.full((2, 2), np.nan), np.full((2, 2), np.inf)):
        retold(tmp_path, lambda columns, M=M: columns.update(multipliers=M[None]))
        assert not holds(tmp_path)


def test_a_ball_that_holds_none_is_not_said_to(tmp_path: Path) -> None:
    """x measured twice, as 1 and 1 + 2^-52: no input has both to within 2^-60."""
    case = KNOWN["one ulp apart"]
    found = save(case, tmp_path, resolution=2.0**-60)
    assert found.complete
    assert not found.solutions or not found.solutions[0].holds
    tree = {"operation": Operation.BALL, "point": 1.0, "holds": True, "multipliers": [[0.25, 0.25]]}
    for held in (False, True):
        told = tree_of(1, 2, {**tree, "holds": held, "lower": 0.5, "upper": 1.5})
        retold(tmp_path, lambda columns, told=told: columns.update(vars(told)))
        assert holds(tmp_path) == (not held)


@pytest.mark.parametrize("name", ["features", "tolerance", "domain_lower", "domain_upper"])
def test_a_tree_of_another_statement_does_not_verify(name: str, folder: Path) -> None:
    other = {"features": 0.3125 + 1e-9, "tolerance": 1e-6, "domain_lower": -1.0, "domain_upper": 2.0}[name]
    with_array(folder, name, lambda values: np.full(values.shape, other), renew=False)
    with pytest.raises(StoreError):
        ur.load_certificates(folder)
    reindexed(folder)
    assert not holds(folder)


def test_a_tree_of_another_network_does_not_verify(folder: Path) -> None:
    for node in range(6):
        for place in (0, 1):
            changed = folder.with_name(f"{node} {place}")
            shutil.copytree(folder, changed)
            before = ur.load_certificates(changed).prefix
            renewed(changed, lambda net, node=node, place=place: with_number(net, node, place, 0.7071))
            assert ur.load_certificates(changed).prefix.nodes != before.nodes
            assert not holds(changed)
    array = next((folder / "network.unrelu").glob("*.npy"))
    values = np.load(array)
    np.save(array, values + 1.0)
    with pytest.raises(StoreError):
        ur.load_certificates(folder)


def test_a_network_that_is_described_otherwise_is_refused(folder: Path) -> None:
    resigned(folder, lambda record: record["nodes"][1].update(name="other"))
    with pytest.raises(StoreError):
        ur.load_certificates(folder)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_forger_who_renews_the_checksums_proves_nothing_false(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever verifies, all solutions lie where it says, and where it says that one lies, one lies."""
    folder = tmp_path / "forged"
    shutil.rmtree(folder, ignore_errors=True)
    case = inverse_case(data.draw(st.integers(0, 400), label="seed"), most_inputs=2, most_units=6)
    save(case, folder, time_limit=2.0)

    def forge(columns: dict[str, Any]) -> None:
        n = len(columns["operation"])
        for _ in range(data.draw(st.integers(1, 4))):
            name = data.draw(st.sampled_from(list(columns)))
            node = data.draw(st.integers(0, n - 1))
            other = data.draw(st.integers(0, n - 1))
            if name == "weights":
                vectors = st.lists(st.sampled_from([0.0, 1.0, 0.5, -1.0, 1e300, np.inf, np.nan]), max_size=12)
                columns[name][node] = np.array(data.draw(vectors), dtype=float)
            elif name == "operation":
                columns[name][node] = data.draw(st.integers(-1, len(Operation)))
            elif name == "child":
                columns[name][node] = data.draw(st.integers(-1, n))
            elif name == "place":
                columns[name][node] = data.draw(st.integers(-1, 12))
            elif name == "holds":
                columns[name][node] = not columns[name][node]
            elif data.draw(st.booleans()):
                columns[name][node] = columns[name][other]
            else:
                flat = columns[name].reshape(-1)
                place = data.draw(st.integers(0, flat.size - 1))
                by = data.draw(st.sampled_from([0.0, -1.0, 0.5, 2.0, 1 + 2.0**-52, 1e300, np.inf, np.nan]))
                with np.errstate(all="ignore"):
                    flat[place] = flat[place] * by if data.draw(st.booleans()) else flat[place] + by

    retold(folder, forge)
    saved = ur.load_certificates(folder)
    outcome = saved.verify(progress=False)
    if not outcome.holds:
        return
    statement, listed = saved.completeness.statement, Listed.of(saved.completeness)
    truth = exact_solutions(saved.prefix, case.measured, case.lower, case.upper, noise=statement.resolution.numpy())
    if outcome.kinds == ("complete",):
        assert missed(truth, listed.lower, listed.upper) == []
    for low, high, held in zip(listed.lower, listed.upper, listed.holds, strict=True):
        assert not held or not holds_none(truth, low, high)


# -- hostile files --------------------------------------------------------------------------------


def rewrite(folder: Path, change: Callable[[dict[str, pa.Array]], object], schema: pa.Schema | None = None) -> None:
    """Change the table of a tree as such, and name it anew."""
    path = folder / "certificates.parquet"
    table = pq.read_table(path)
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    change(columns)
    changed = pa.table(columns, schema=table.schema if schema is None else schema)
    pq.write_table(changed, path, use_dictionary=False, compression="zstd")
    reindexed(folder)


def nulled(values: pa.Array) -> pa.Array:
    return pa.array([None, *values.to_pylist()[1:]], values.type)


def test_tables_that_are_no_tree_are_refused(folder: Path) -> None:
    def no_rows(columns: dict[str, pa.Array]) -> None:
        columns.update({name: values[:0] for name, values in columns.items()})

    def longer(columns: dict[str, pa.Array]) -> None:
        columns["point"] = pa.array([[0.0, 0.0]] * len(columns["point"]), pa.list_(pa.float64()))

    def shifted(columns: dict[str, pa.Array]) -> None:  # as many numbers in all
        rows = columns["point"].to_pylist()
        columns["point"] = pa.array([[], [*rows[0], *rows[1]], *rows[2:]], pa.list_(pa.float64()))

    def null_within(columns: dict[str, pa.Array]) -> None:
        columns["point"] = pa.array([[None], *columns["point"].to_pylist()[1:]], pa.list_(pa.float64()))

    changes = [no_rows, longer, shifted, null_within]
    changes += [
        lambda columns, name=name: columns.update({name: nulled(columns[name])})
        for name in ("operation", "child", "value", "holds", "lower", "multipliers")
    ]
    weights = pa.list_(pa.float64())
    changes.append(
        lambda columns: columns.update(weights=pa.array([[None]] + [None] * (len(columns["child"]) - 1), weights))
    )
    for k, change in enumerate(changes):
        changed = folder.with_name(str(k))
        shutil.copytree(folder, changed)
        rewrite(changed, change)
        with pytest.raises(StoreError, match="is damaged"):
            ur.load_certificates(changed).verify(progress=False)
    rewrite(folder, lambda columns: columns.pop("holds"), pa.schema([]))
    with pytest.raises(StoreError, match="its columns are others"):
        ur.load_certificates(folder).verify(progress=False)


def test_a_tree_of_another_size_is_refused(folder: Path) -> None:
    write_tree(folder / "certificates.parquet", tree_of(2, 1, {"operation": Operation.REFUTED}))
    reindexed(folder)
    with pytest.raises(StoreError, match="as many numbers"):
        ur.load_certificates(folder).verify(progress=False)


def test_too_many_nodes_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_files, "MOST_NODES", 3)
    with pytest.raises(StoreError, match="nodes, and a tree has 1 to 3"):
        ur.load_certificates(folder).verify(progress=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("features", np.nan),
        ("features", np.inf),
        ("tolerance", -1.0),
        ("tolerance", np.nan),
        ("tolerance", np.inf),
        ("domain_lower", -np.inf),
        ("domain_lower", 2.0),
        ("domain_upper", np.nan),
        ("domain_upper", np.inf),
        ("domain_origin", np.nan),
    ],
)
def test_a_statement_that_is_none_is_refused(name: str, value: float, folder: Path) -> None:
    with_array(folder, name, lambda values: np.full(values.shape, value))
    with pytest.raises(UnreluError) as error:
        ur.load_certificates(folder).verify(progress=False)
    assert "\n" not in str(error.value)


def test_a_domain_with_rows_is_refused(folder: Path) -> None:
    with_array(folder, "domain_A_ub", lambda values: np.ones((1, 1)))
    with_array(folder, "domain_b_ub", lambda values: np.ones(1))
    with pytest.raises(UnreluError, match="a box with finite ends"):
        ur.load_certificates(folder).verify(progress=False)


@pytest.mark.parametrize(
    "change",
    [{"n_inputs": 2}, {"statement": "points"}, {"statement": "features"}, {"exhaustive": True}, {"prefix": None}],
)
def test_an_index_of_something_else_is_refused(change: dict[str, object], folder: Path) -> None:
    reindexed(folder, lambda record: record.update(change))
    with pytest.raises(StoreError):
        ur.load_certificates(folder).verify(progress=False)


def test_a_smooth_network_is_refused(folder: Path) -> None:
    import torch

    from stability.reference_networks import Graph
    from unrelu.operators import Sigmoid

    smooth = Graph(1).add("out", Sigmoid()).network()
    renewed(folder, lambda net: smooth)
    assert torch.is_tensor(smooth(torch.zeros(1, 1)))
    with pytest.raises(StoreError, match="not piecewise linear"):
        ur.load_certificates(folder).verify(progress=False)


def test_reading_hostile_trees_takes_little_memory(folder: Path) -> None:
    """A million nodes that are one node again and again, in some kilobytes; weights of 40 million zeros."""
    many, long = folder.with_name("many"), folder.with_name("long")
    shutil.copytree(folder, many)
    shutil.copytree(folder, long)
    n = 1_200_000
    one: dict[str, Any] = vars(GrowingTree(1, 1).frozen())
    columns: dict[str, Any] = {
        name: values if name == "weights" else np.repeat(values, n, axis=0) for name, values in one.items()
    }
    write_tree(many / "certificates.parquet", Tree(**columns))
    reindexed(many)
    zeros = pa.ListArray.from_arrays([0, 40_000_000], pa.array(np.zeros(40_000_000)))
    rewrite(
        long, lambda columns: columns.update({k: v[:1] for k, v in columns.items()}) or columns.update(weights=zeros)
    )
    code = "load_certificates(where).verify(progress=False)"
    said, grown = reading((code, many), (code, long))
    assert all("reading it would take" in line for line in said), said
    assert grown < 400


def test_many_boxes_that_all_touch_are_one() -> None:
    n = 3000
    (all_,) = clusters(np.zeros((n, 1)), np.ones((n, 1)))
    assert sorted(all_.tolist()) == list(range(n))
    two = np.repeat([0.0, 5.0], n // 2)[:, None]
    assert sorted(map(len, clusters(two, two + 1))) == [n // 2, n // 2]


def test_the_index_names_everything(saved_tents: Path) -> None:
    record = json.loads((saved_tents / "certificates.json").read_text())
    assert (record["statement"], record["n_inputs"], record["layer"]) == ("solutions", 1, None)
    assert set(record["arrays"]) >= {"features", "tolerance", "domain_lower", "domain_upper"}
    assert Fraction(float(np.load(saved_tents / "features.npy")[0, 0])) == Fraction(5, 16)
