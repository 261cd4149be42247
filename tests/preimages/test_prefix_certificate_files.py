"""Certificates of prefixes on disk, with their network: what is proved stays proved, and what is changed is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unrelu as ur
from preimages.certificate_folders import reindexed, retabled, same
from preimages.prefix_folders import PARTS, of_prefix, renew_file, renewed, resigned, tiny, with_number
from preimages.test_prefixes import MODULES, network
from unrelu.cones.proofs import Counting, Enclosed, FullRank, Multipliers
from unrelu.errors import InputError, StoreError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.named_network import NETWORK, write_named_network
from unrelu.network.node import Node
from unrelu.operators import Input
from unrelu.preimages.certificate_files.comparison import compare
from unrelu.preimages.certificate_files.records import FORMS
from unrelu.preimages.certificate_files.schema import PREFIX_FACTS, PREFIX_SCHEMA, SCHEMA
from unrelu.preimages.prefix_certificate import PieceProof, PrefixCertificate
from unrelu.preimages.prefix_statement import PrefixStatement
from whole_sets import Piece, kind, pieces, values_at

_SOURCES = Path(__file__).parents[2] / "src"

BOX = ur.Box(-2, 2)


def verdicts_of(saved: ur.SavedCertificates) -> list[tuple[str, PrefixCertificate]]:
    found = []
    for verdict in (verdict for block in saved.verdicts() for verdict in block):
        assert isinstance(verdict.certificate, PrefixCertificate)
        found.append((verdict.kind, verdict.certificate))
    return found


def steps(proof: PieceProof | None) -> list:
    return [] if proof is None else [*proof.cuts, ("", proof.certificate)]


def chains(certificate: PrefixCertificate) -> list[list]:
    """All proofs of a certificate, each with its cut."""
    domain = [] if certificate.domain is None else [("", certificate.domain)]
    return [steps(certificate.bounded), steps(certificate.singleton), list(certificate.determined), domain]


@pytest.fixture(scope="module")
def saved_prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of three points of a tiny network in a box; tests change copies of it."""
    folder = tmp_path_factory.mktemp("prefix")
    ur.save_certificates(of_prefix(4, BOX), folder, progress=False)
    return folder


# -- what was saved -------------------------------------------------------------------------------


def test_what_was_saved_is_loaded_and_verified(tmp_path: Path) -> None:
    kinds, lengths = set(), set()
    for seed in range(24):
        found = of_prefix(seed, BOX if seed % 3 == 0 else None)
        ur.save_certificates(found, tmp_path, progress=False)
        saved = ur.load_certificates(tmp_path)
        np.testing.assert_array_equal(saved.inputs, [each.at for each in found.preimages])
        assert weights_sha256(saved.prefix) == weights_sha256(tiny(seed))
        for (what, certificate), each in zip(verdicts_of(saved), found.preimages, strict=True):
            assert what == each.kind == certificate.kind
            for mine, theirs in zip(chains(each.certificate), chains(certificate), strict=True):
                assert [cut for cut, _ in mine] == [cut for cut, _ in theirs]
                assert all(same(a, b) for (_, a), (_, b) in zip(mine, theirs, strict=True))
            kinds.add(each.kind)
            lengths |= {(place, len(chain)) for place, chain in enumerate(chains(certificate))}
        outcome = saved.verify(progress=False, workers=2)
        assert outcome.holds
        assert outcome.kinds == tuple(found.kind.tolist())
        # What is undecided has proofs of a part of it, which are checked too.
        assert outcome.n_claimed == len(found)
    assert kinds == {ur.Kind.SINGLETON, ur.Kind.BOUNDED, ur.Kind.UNBOUNDED, ur.Kind.UNDECIDED}
    assert lengths >= {(0, 1), (0, 2), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0), (3, 1)}


@pytest.mark.parametrize("name", MODULES)
def test_networks_of_any_shape_are_kept(name: str, tmp_path: Path) -> None:
    net = network(name, 1)
    points = np.random.default_rng(0).integers(-2, 3, (6, 2)) / 2
    found = ur.classify(net, points, domain=ur.Nonnegative(), tolerance=0.25, on_bad="skip", progress=False)
    ur.save_certificates(found, tmp_path, progress=False)
    saved = ur.load_certificates(tmp_path)
    assert saved.verify(progress=False).holds
    np.testing.assert_array_equal(saved.system.tolerance, np.full(net.output_size, 0.25))
    assert compare(saved, net, points).holds
    assert len(saved) == len(found) > 0


def test_one_preimage_is_saved_as_one_input(tmp_path: Path) -> None:
    (found, *_) = of_prefix(4, BOX)
    ur.save_certificates(found, tmp_path, progress=False)
    saved = ur.load_certificates(tmp_path)
    assert (len(saved), saved.verify(progress=False).holds) == (1, True)
    with pytest.raises(InputError, match="about a prefix of a network, not about a layer"):
        _ = saved.layer
    layer = tiny(4).layer("relu1")
    ur.save_certificates(ur.preimage(layer, at=found.at), tmp_path, progress=False)
    with pytest.raises(InputError, match="about a layer, not about a prefix"):
        _ = ur.load_certificates(tmp_path).prefix


def test_what_the_domain_was_moved_by_is_kept(tmp_path: Path) -> None:
    thirds = np.full(3, 1 / 3, dtype=np.float32)
    simplex = ur.Polyhedron(np.vstack([np.ones((1, 3)), -np.ones((1, 3))]), np.array([1.0, -1.0]), lower=0.0)
    net = Network.from_layers([(np.eye(3), np.ones(3)), (np.ones((2, 3)), np.zeros(2)), (np.eye(2), np.zeros(2))])
    found = ur.preimage(net.upto("relu2"), at=thirds, domain=simplex)
    assert found.rows_moved > 0
    ur.save_certificates(found, tmp_path, progress=False)
    saved = ur.load_certificates(tmp_path)
    outcome = saved.verify(progress=False)
    assert outcome.holds
    assert (saved.system.unit, outcome.rows_moved.tolist()) == (2.0**-24, [found.rows_moved])
    exact = ur.preimage(net.upto("relu2"), at=np.array([0.5, 0.25, 0.25]), domain=simplex, exact=True)
    ur.save_certificates(exact, tmp_path, progress=False)
    assert ur.load_certificates(tmp_path).system.exact


def test_another_process_verifies_without_any_solver(saved_prefix: Path) -> None:
    script = """
import sys
from unrelu.preimages.certificate_files.load import load_certificates
outcome = load_certificates(sys.argv[1]).verify(progress=False)
print(outcome.n_claimed, outcome.n_proved)
solvers = ("unrelu.solvers", "unrelu.exact.nonnegative", "highspy", "clarabel", "scipy.optimize")
print([name for name in sys.modules if name.startswith(solvers)])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(saved_prefix)],
        env={"PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["3 3", "[]"]


def test_layers_and_prefixes_replace_each_other(saved_prefix: Path, tmp_path: Path) -> None:
    shutil.copytree(saved_prefix, tmp_path, dirs_exist_ok=True)
    layer = ur.ReLULayer(np.eye(2), np.zeros(2), name="both")
    ur.save_certificates(ur.classify(layer, np.ones((1, 2)), progress=False), tmp_path, progress=False)
    assert ur.load_certificates(tmp_path).verify(progress=False).kinds == ("singleton",)
    ur.save_certificates(of_prefix(4, BOX), tmp_path, progress=False)
    assert ur.load_certificates(tmp_path).verify(progress=False).holds


# -- what was changed -----------------------------------------------------------------------------


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_is_an_error_or_changes_nothing(saved_prefix: Path, tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "flipped"
    shutil.copytree(saved_prefix, folder, dirs_exist_ok=True)
    path = data.draw(st.sampled_from(files(folder)), label="file")
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1), label="position")
    content[position] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    path.write_bytes(content)
    try:
        changed = ur.load_certificates(folder)
        outcome = changed.verify(progress=False)
    except StoreError:
        return
    assert path == folder / "certificates.json"  # blanks of the index, which say nothing
    assert changed.index == ur.load_certificates(saved_prefix).index
    assert outcome.holds


def inside(one: list[Piece], other: list[Piece]) -> bool:
    """Whether all corners of some pieces lie in others, and the kinds are the same."""
    corners = [[Fraction(v) for v in corner] for each in one for corner in each.points.corners]
    return kind(one) == kind(other) and all(any(piece.contains(corner) for piece in other) for corner in corners)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_forger_who_renews_the_checksums_proves_nothing_false(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "forged"
    shutil.rmtree(folder, ignore_errors=True)
    seed = data.draw(st.integers(0, 24), label="seed")
    ur.save_certificates(of_prefix(seed, data.draw(st.sampled_from([None, BOX]))), folder, progress=False)
    number = st.integers(-3, 3).map(float)
    for name in data.draw(
        st.lists(st.sampled_from(["network", "inputs", "tolerance", "table"]), min_size=1, max_size=4)
    ):
        if name == "table":
            retabled(folder, lambda columns: forge(columns, data), PREFIX_SCHEMA)
            continue
        place, drawn = data.draw(st.integers(0, 99)), data.draw(number)
        if name == "network":
            node = data.draw(st.integers(0, 9))
            renewed(folder, lambda net, node=node, place=place, drawn=drawn: with_number(net, node, place, drawn))
            continue
        values = np.load(folder / f"{name}.npy")
        values.flat[place % values.size] = drawn
        np.save(folder / f"{name}.npy", values)
        reindexed(folder)
    try:
        saved = ur.load_certificates(folder)
        outcome = saved.verify(progress=False)
    except StoreError:
        return
    for (what, certificate), proved in zip(verdicts_of(saved), outcome.proved, strict=True):
        if not proved:
            continue
        statement, system = certificate.statement, saved.system
        y = values_at(saved.prefix, [Fraction(v) for v in statement.at.tolist()])
        everything = pieces(saved.prefix, y, system.tolerance, system.domain)
        if what != ur.Kind.UNDECIDED:
            assert what == kind(everything)
            continue
        kept = {name: branches for name, branches in statement.pattern.branches.items() if name != "relu2"}
        region = pieces(saved.prefix, y, system.tolerance, system.domain, kept)
        bounded, alone = certificate.bounded, certificate.singleton
        assert bounded is None or bounded.trivial == (kind(region) != "unbounded")
        assert alone is None or alone.trivial == (kind(region) == "singleton")
        assert not certificate.complete or inside(everything, region)


def forge(columns: dict[str, list], data: st.DataObject) -> None:
    """Change a number of a certificate, a form, a cut or the claim; drop a proof, or exchange those of two inputs."""
    n = len(columns["input"])
    i, j = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1))
    fact = data.draw(st.sampled_from(PREFIX_FACTS))
    what = data.draw(st.sampled_from(["number", "kind", "exchange", "form", "cut", "drop", "shorten", "move"]))
    own = [name for name in PARTS if name.startswith(fact)]
    if what == "kind":
        columns["kind"][i] = data.draw(st.sampled_from([each.value for each in ur.Kind] + ["square"]))
    elif what == "exchange":
        for name in PARTS:
            columns[name][i], columns[name][j] = columns[name][j], columns[name][i]
    elif what == "drop":
        for name in own:
            columns[name][i] = None
    elif what == "move":
        other = data.draw(st.sampled_from(PREFIX_FACTS))
        for name in own:
            columns[name.replace(fact, other)][i] = columns[name][j]
    elif not columns[f"{fact}_forms"][i]:
        return
    elif what == "form":
        forms = columns[f"{fact}_forms"][i]
        forms[data.draw(st.integers(0, len(forms) - 1))] = data.draw(st.sampled_from([None, *FORMS]))
    elif what == "cut":
        columns[f"{fact}_cuts"][i] = data.draw(st.lists(st.sampled_from(["relu1", "relu2", "dense1", "x"]), max_size=2))
    elif what == "shorten":
        for name in own:
            columns[name][i] = columns[name][i][1:]
    else:
        cells = columns[f"{fact}_{data.draw(st.sampled_from(['numbers', 'indices', 'integers']))}"][i]
        place = data.draw(st.integers(0, 2))
        if place < len(cells) and cells[place]:
            drawn = data.draw(st.integers(-3, 3))
            at = data.draw(st.integers(0, len(cells[place]) - 1))
            cells[place][at] = hex(drawn) if isinstance(cells[place][at], str) else drawn


def test_another_network_is_not_the_one_that_was_proved(tmp_path: Path) -> None:
    """Proofs that rest on the network do not hold of another one, however well its names were renewed."""
    first, last = (np.array([[1.0, 1.0], [0.0, 1.0]]), np.zeros(2)), (np.eye(2), np.zeros(2))
    wide = Network.from_layers([first, last, last])
    found = ur.preimage(wide.upto("relu2"), at=np.array([1.0, 2.0]))
    assert found.kind is ur.Kind.SINGLETON
    ur.save_certificates(found, tmp_path, progress=False)
    renewed(tmp_path)
    assert ur.load_certificates(tmp_path).verify(progress=False).holds
    renewed(tmp_path, lambda net: with_number(net, 0, 1, 2.0))  # weight [[1, 2], [0, 1]]
    assert ur.load_certificates(tmp_path).verify(progress=False).holds  # it is as true of this one
    renewed(tmp_path, lambda net: with_number(net, 1, 3, 0.0))  # the second unit's weight, which is then blind
    assert ur.load_certificates(tmp_path).verify(progress=False).failed.tolist() == [0]


def test_a_changed_claim_is_not_proved(tmp_path: Path) -> None:
    found = of_prefix(4, BOX)
    ur.save_certificates(found, tmp_path, progress=False)

    def lie(columns: dict[str, list]) -> None:
        columns["kind"][0] = "unbounded"
        columns["kind"][1] = "undecided"

    retabled(tmp_path, lie, PREFIX_SCHEMA)
    outcome = ur.load_certificates(tmp_path).verify(progress=False)
    assert outcome.failed.tolist() == [0, 1]
    assert (outcome.n_claimed, outcome.n_proved) == (3, 1)


def test_half_a_claim_has_to_be_proved_too(tmp_path: Path) -> None:
    """|x| = 1: its piece is one point, which does not prove that there are no others."""
    net = Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    found = ur.preimage(net, at=np.array([1.0]))
    assert isinstance(found, ur.PrefixPreimage)
    assert found.kind is ur.Kind.UNDECIDED
    changes: list[tuple[PrefixCertificate, bool, bool]] = [
        (found.certificate, True, True),
        (replace(found.certificate, singleton=None), False, False),
        (replace(found.certificate, determined=(("relu1", FullRank()),)), True, False),
        (replace(found.certificate, domain=FullRank()), True, False),
        (replace(found.certificate, bounded=PieceProof((), Counting())), True, False),
        (replace(found.certificate, bounded=PieceProof((), Multipliers(np.ones(1)))), True, False),
        (replace(found.certificate, singleton=PieceProof((), Multipliers(np.ones(1)))), True, False),
        (replace(found.certificate, bounded=None, singleton=None, determined=(("relu1", FullRank()),)), True, False),
    ]
    for k, (certificate, claimed, proved) in enumerate(changes):
        folder = tmp_path / str(k)
        other = replace(found)
        object.__setattr__(other, "_certificate", certificate)
        ur.save_certificates(other, folder, progress=False)
        outcome = ur.load_certificates(folder).verify(progress=False)
        assert (outcome.claimed.tolist(), outcome.proved.tolist()) == ([claimed], [proved]), k


def test_a_point_outside_its_domain_is_not_proved(saved_prefix: Path, tmp_path: Path) -> None:
    shutil.copytree(saved_prefix, tmp_path, dirs_exist_ok=True)
    inputs = np.load(tmp_path / "inputs.npy")
    inputs[1, 0] = 2.5
    np.save(tmp_path / "inputs.npy", inputs)
    reindexed(tmp_path)
    assert ur.load_certificates(tmp_path).verify(progress=False).failed.tolist() == [1]

    def leave_the_domain(columns: dict[str, list]) -> None:
        """That it is bounded is true, and says nothing of a set that the point is not in."""
        columns["kind"][1] = "undecided"
        for name in PARTS:
            columns[name][1] = columns[name][1] if name.startswith("domain") else None

    retabled(tmp_path, leave_the_domain, PREFIX_SCHEMA)
    (_, _), (_, claim), _ = verdicts_of(ur.load_certificates(tmp_path))
    assert (claim.claims, type(claim.domain)) == (True, Enclosed)
    assert ur.load_certificates(tmp_path).verify(progress=False).failed.tolist() == [1]


# -- what is damaged ------------------------------------------------------------------------------

Damage = Callable[[Path], object]


def _set(column: str, value: object) -> Damage:
    return lambda folder: retabled(folder, lambda columns: columns[column].__setitem__(0, value), PREFIX_SCHEMA)


def _index(**changes: object) -> Damage:
    return lambda folder: reindexed(folder, lambda record: record.update(changes))


def _prefix(**changes: object) -> Damage:
    return lambda folder: reindexed(folder, lambda record: record["prefix"].update(changes))


def _network(change: Callable[[dict], object]) -> Damage:
    return lambda folder: resigned(folder, change)


def _large_groups(folder: Path) -> None:
    path = folder / "certificates.parquet"
    table = pq.read_table(path)
    whole = pa.concat_tables([table, table])
    whole = whole.set_column(0, whole.schema.field("input"), [list(range(6))])
    pq.write_table(whole, path, use_dictionary=False)
    inputs = np.load(folder / "inputs.npy")
    np.save(folder / "inputs.npy", np.vstack([inputs, inputs]))
    reindexed(folder, lambda record: record.update(n_inputs=6))


def _fewer_rows(folder: Path) -> None:
    retabled(folder, lambda columns: [column.pop() for column in columns.values()], PREFIX_SCHEMA)


def _other_table(folder: Path) -> None:
    pq.write_table(SCHEMA.empty_table(), folder / "certificates.parquet", use_dictionary=False)
    reindexed(folder)


def _huge(folder: Path) -> None:
    """A network whose input no memory holds, in a kilobyte."""
    shape = (2**30,)
    stored = write_named_network(folder, Network((Node("input", Input(shape), (), shape),), ("input",)))
    reindexed(folder, lambda record: record["prefix"].update(vars(stored)))


def _pipe(folder: Path) -> None:
    (folder / NETWORK / "network.json").unlink()
    os.mkfifo(folder / NETWORK / "network.json")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: shutil.rmtree(folder / NETWORK), "cannot be read"),
        (lambda folder: (folder / NETWORK / "network.json").unlink(), "cannot be read"),
        (_pipe, "cannot be read"),
        (lambda folder: (folder / NETWORK / "1.weight.npy").unlink(), "cannot be read"),
        (
            lambda folder: (folder / NETWORK / "network.json").write_text("{}"),
            "network.json is not the file that was saved",
        ),
        (_prefix(file="0" * 64), "network.json is not the file that was saved"),
        (_prefix(sha256="0" * 64), "is not the network that was saved"),
        (_prefix(sha256=3), "lacks what an index has .*prefix.sha256 is 3"),
        (_index(prefix=None), "lacks what an index has .*one of the two"),
        (_index(statement="features"), "certificates about a prefix are about points"),
        (_index(exhaustive=True), "certificates about a prefix are about points"),
        (_network(lambda record: record.update(outputs=["relu1"])), "was changed after it was saved"),
        (_network(lambda record: record["nodes"].pop()), "does not describe a network"),
        (_network(lambda record: record["nodes"][1].update(operator="eval")), "does not describe a network"),
        (_network(lambda record: record["nodes"][0]["settings"].update(shape=[2**62])), "does not describe a network"),
        (_huge, "1,073,741,824 numbers for one sample"),
        (_fewer_rows, "it has 2 rows for 3 inputs"),
        (_large_groups, "it has more than 4 rows in a group"),
        (_other_table, "its columns are others"),
        (_set("input", 1), "its rows are not those of the inputs, in order"),
        (_set("kind", None), "a verdict has no kind"),
        (_set("singleton_forms", None), "a proof has no form"),
        (_set("singleton_cuts", None), "a proof lacks a part"),
        (_set("singleton_numbers", None), "a proof lacks a part"),
        (_set("singleton_forms", ["full rank", "full rank"]), "not as many parts as there are proofs"),
        (_set("singleton_forms", []), "not as many parts as there are proofs"),
        (_set("singleton_cuts", ["relu1"]), "one for each cut and one more"),
        (_set("singleton_cuts", [None]), "a cut has no name"),
        (_set("singleton_forms", [None]), "there is no form ''"),
        (_set("singleton_forms", ["motzkin"]), "does not have these parts"),
        (_set("domain_cuts", ["relu1"]), "a domain has one proof, and no cuts"),
        (
            lambda folder: retabled(
                folder,
                lambda columns: [
                    columns[name.replace("singleton", "determined")].__setitem__(0, columns[name][0])
                    for name in PARTS
                    if name.startswith("singleton")
                ],
                PREFIX_SCHEMA,
            ),
            "is not one proof for each",
        ),
        (
            lambda folder: retabled(
                folder,
                lambda columns: [
                    columns["domain_forms"].__setitem__(0, ["witness"]),
                    columns["domain_numbers"].__setitem__(0, [[1.0]]),
                ],
                PREFIX_SCHEMA,
            ),
            "stands where one about a cone belongs",
        ),
    ],
)
def test_damaged_folders_are_refused(damage: Damage, words: str, saved_prefix: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(saved_prefix, folder)
    damage(folder)
    with pytest.raises(StoreError, match=words) as refusal:
        ur.load_certificates(folder).verify(progress=False)
    assert "\n" not in str(refusal.value)


def test_what_passes_the_prefix_by_is_signed_too(saved_prefix: Path, tmp_path: Path) -> None:
    """It changes nothing that is computed, so that the network's name leaves it out; the file's does not."""
    shutil.copytree(saved_prefix, tmp_path, dirs_exist_ok=True)
    path = tmp_path / NETWORK / "network.json"
    path.write_text(path.read_text().replace('"bypassed_by": []', '"bypassed_by": ["relu1"]'))
    with pytest.raises(StoreError, match="is not the file that was saved"):
        ur.load_certificates(tmp_path)
    digest = ur.load_certificates(saved_prefix).verify(progress=False).digest
    renew_file(tmp_path)
    assert ur.load_certificates(tmp_path).verify(progress=False).digest == digest
    renewed(tmp_path, lambda net: with_number(net, 1, 0, 0.125))  # a bias, which leaves the kinds as they are
    assert ur.load_certificates(tmp_path).verify(progress=False).digest != digest


def test_a_network_that_overflows_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    ur.save_certificates(of_prefix(4), tmp_path, progress=False)
    renewed(tmp_path, lambda net: with_number(net, 0, 1, 1e300))
    inputs = np.load(tmp_path / "inputs.npy")
    np.save(tmp_path / "inputs.npy", np.full(inputs.shape, 1e200))
    reindexed(tmp_path)
    with pytest.raises(ur.errors.ModelError, match="overflow float64 at this point"):
        ur.load_certificates(tmp_path).verify(progress=False)


# -- whose network it is --------------------------------------------------------------------------


def test_certificates_are_about_a_network_or_a_part_of_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = [(4, 3), (4, 4), (3, 4), (2, 3)]
    net = Network.from_layers([(rng.standard_normal(size), rng.standard_normal(size[0])) for size in sizes])
    x = rng.standard_normal((5, 3))
    ur.save_certificates(ur.classify(net.upto("relu3"), x, progress=False), tmp_path / "prefix", progress=False)
    saved = ur.load_certificates(tmp_path / "prefix")
    assert saved.verify(progress=False).holds
    found = compare(saved, net, x)
    assert found.holds
    assert found.said == (
        "the network up to relu3: every number is the network's; the inputs are the first 5 of the 5 in the data"
    )
    assert compare(saved, net).holds
    assert compare(saved, net.upto("relu3")).holds
    assert compare(saved, net, x + 1).said == "number 0 of its inputs is none of the data"
    h = net.upto("relu1")(x)
    part = ur.classify(net.between("relu1", "relu3"), h, domain=ur.Nonnegative(), progress=False)
    ur.save_certificates(part, tmp_path / "part", progress=False)
    of_part = compare(ur.load_certificates(tmp_path / "part"), net, x)
    assert of_part.holds
    assert of_part.said.startswith("the network from relu1 to relu3: every number is the network's; ")
    for change, words in (
        (lambda other: with_number(other, 1, 0, 5.0), "'dense2' is another operator in the network, or has other"),
        (lambda other: other.upto("relu2"), "the network has no node 'relu3', in which the prefix"),
    ):
        found = compare(saved, change(net))
        assert not found.holds
        assert words in found.said


def test_the_statement_is_that_of_the_files(saved_prefix: Path) -> None:
    saved = ur.load_certificates(saved_prefix)
    (_, certificate), *_ = verdicts_of(saved)
    assert isinstance(certificate.statement, PrefixStatement)
    assert certificate.statement.system is saved.system
