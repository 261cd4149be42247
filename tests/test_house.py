"""The house rules that a machine can check: direction of imports, heavy imports in one place, public names."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import unrelu

SOURCE = Path(unrelu.__file__).parent

LEVELS = [
    ["errors"],
    ["progress", "parallel", "devices", "untrusted", "frozen_arrays"],
    ["exact", "rigor"],
    ["operators"],
    ["network"],
    ["bounding"],
    ["frontier"],
    ["intake"],
    ["solvers"],
    ["cones"],
    ["polyhedra"],
    ["stability"],
    ["bounds"],
    ["preimages"],
    ["inverse"],
    ["across"],
    ["metamerism"],
    ["study", "checking"],
    ["questions", "executors"],
    ["report"],
    ["datasets"],
    ["demo"],
    ["cli", "__main__"],
]
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}

CONVENIENCES = {
    ("study/study.py", "unrelu.report.write"),
    ("inverse/inversion.py", "unrelu.report.write"),
    ("inverse/inversion.py", "unrelu.report.write_answers"),
    ("inverse/consistent_set.py", "unrelu.report.write"),
    ("inverse/consistent_set.py", "unrelu.report.write_answers"),
    ("metamerism/metamer_path.py", "unrelu.report.png"),
    ("network/graph.py", "unrelu.intake.torch"),
    ("network/graph.py", "unrelu.intake.onnx"),
    ("network/graph.py", "unrelu.intake.keras"),
    ("network/graph.py", "unrelu.intake.sklearn"),
}
"""What is built upon them, to which `report(path)` and `Network.from_torch` lead on when they are called."""

HEAVY = {
    "highspy": "solvers/linear_program.py",
    "clarabel": "solvers/quadratic_program.py",
    "onnx": "intake/onnx/library.py",
    "keras": "intake/keras/library.py",
    "sklearn": "intake/sklearn/library.py",
    "jinja2": "report/template.py",
    "typer": "cli/",
    "loky": "study/executors/worker_process.py",
    "distributed": "study/executors/dask.py",
    "fsspec": "study/stores/folder.py",
}
"""The one file, or folder, that imports a package."""


def modules() -> list[Path]:
    """All modules but the package's own table of contents."""
    return [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


@functools.cache
def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def part(path: Path) -> str:
    """The top-level part of the package that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path) -> None:
    mine = LEVEL[part(path)]
    for name in imported(path):
        parts = name.split(".")
        if (path.relative_to(SOURCE).as_posix(), name) in CONVENIENCES:
            continue
        if parts[0] == "unrelu" and len(parts) > 1:
            assert LEVEL[parts[1]] <= mine, f"{path.relative_to(SOURCE)} imports {name}"


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_are_imported_in_one_place(package: str) -> None:
    users = [
        path.relative_to(SOURCE).as_posix()
        for path in modules()
        if any(name.split(".")[0] == package for name in imported(path))
    ]
    assert users
    assert [user for user in users if not user.startswith(HEAVY[package])] == []


def test_the_command_line_answers_before_anything_heavy_is_imported() -> None:
    asked = "import sys, unrelu.cli\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "scipy", "pyarrow", "matplotlib", *HEAVY} - {"typer"}
    assert heavy & set(done.stdout.split()) == set()


CHECKED_WITH = {
    f"unrelu.exact.{name}"
    for name in ("hull", "infeasible", "integers", "member", "modular", "null_space", "solve", "system")
}
"""The parts of the exact kit that multiply, add and eliminate, and search for nothing."""


def test_the_checker_imports_no_solver() -> None:
    checkers = ("cones/proofs", "preimages/certificates", "preimages/certificate_files", "rigor")
    for folder in (SOURCE / name for name in checkers):
        for path in folder.rglob("*.py"):
            names = imported(path)
            assert not any("solvers" in name or "optimize" in name for name in names), path
            assert {name for name in names if name.startswith("unrelu.exact")} <= CHECKED_WITH, path


def test_the_checker_runs_without_any_solver() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, unrelu\n"
            "unrelu.load_certificates, unrelu.CompletenessCertificate\n"
            "print(*(name for name in sys.modules"
            " if name.startswith(('unrelu.solvers', 'unrelu.exact.nonnegative', 'highspy', 'clarabel',"
            " 'scipy.optimize'))))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


def test_public_names() -> None:
    assert sorted(unrelu.__all__) == sorted(
        [
            "Basis",
            "CutCheck",
            "ModelCheck",
            "NodeCheck",
            "NodeDeviation",
            "NodeKind",
            "QuestionCheck",
            "check",
            "CompletenessCertificate",
            "Decision",
            "ConsistentRanges",
            "ConsistentSet",
            "BestFit",
            "Paving",
            "SamplerSeen",
            "Inputs",
            "Inversion",
            "Solution",
            "invert",
            "DimensionInterval",
            "Intersection",
            "SameFeatures",
            "Sample",
            "Vertices",
            "Membership",
            "NearestPoint",
            "FarthestPoint",
            "ChebyshevCenter",
            "AnalyticCenter",
            "Ranges",
            "FunctionalRange",
            "Recession",
            "Volume",
            "Admissibility",
            "AmongValues",
            "ActivationPattern",
            "Boundary",
            "ExcludedSet",
            "Breakpoint",
            "Claim",
            "Count",
            "Density",
            "Domain",
            "Flip",
            "FrameBounds",
            "LocalStability",
            "Node",
            "PreimageCertificate",
            "Progress",
            "Report",
            "SavedVerdict",
            "SingularTriplet",
            "Spread",
            "StabilityRadius",
            "Status",
            "StudyInfo",
            "TradeoffRow",
            "Verification",
            "VolumeMethod",
            "AdmissibleSets",
            "Box",
            "Classification",
            "ConvolutionSpectrum",
            "ExtremeSingularValues",
            "InverseLipschitz",
            "Kind",
            "JacobianOperator",
            "Preimage",
            "LayerPreimage",
            "PrefixPreimage",
            "PrefixCertificate",
            "UnionPreimage",
            "UnionCertificate",
            "GivenFeatures",
            "ExactSet",
            "ExactHull",
            "ExactSystem",
            "ExactInfeasible",
            "Linearization",
            "Metamer",
            "MetamerPath",
            "Metamers",
            "Classes",
            "SeenDifference",
            "Network",
            "Nonnegative",
            "Omnidirectionality",
            "LookAlikePair",
            "Polyhedron",
            "PreimageSample",
            "ReLULayer",
            "RegionPath",
            "SavedCertificates",
            "SpectralDensity",
            "Spectrum",
            "SpectrumCost",
            "SpectrumQuantiles",
            "SpectrumResiduals",
            "Study",
            "Tradeoff",
            "Window",
            "admissibility",
            "admissible_sets",
            "analyze",
            "bounds",
            "executors",
            "questions",
            "Account",
            "Asked",
            "Comparison",
            "Forecast",
            "Foreseen",
            "foresee",
            "classify",
            "convolution_spectrum",
            "errors",
            "jacobian_operator",
            "far_pairs",
            "follow",
            "inverse_lipschitz",
            "extreme_singular_values",
            "linearize",
            "linearize_many",
            "load",
            "load_certificates",
            "load_study",
            "metamer",
            "metamer_path",
            "metamers",
            "omnidirectional",
            "preimage",
            "read_inputs",
            "save_certificates",
            "spectral_density",
            "spectrum",
            "spectra",
            "spectrum_cost",
            "spectrum_quantiles",
            "spectrum_residuals",
            "tradeoff",
        ]
    )
    for name in unrelu.__all__:
        assert getattr(unrelu, name) is not None
        assert name in dir(unrelu)
    with pytest.raises(AttributeError, match="has no attribute 'preimages_of'"):
        _ = getattr(unrelu, "preimages_of")  # noqa: B009


def test_no_package_hides_a_public_name() -> None:
    parts = {part(path) for path in modules()}
    public = {"bounds", "errors", "executors", "questions"}  # modules that are public themselves
    assert parts & set(unrelu.__all__) == public


def test_public_names_stay_what_they_are_once_every_module_is_imported() -> None:
    """Importing a submodule sets its name on the package: none may take the place of something public."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import importlib, pkgutil, types, unrelu\n"
            "for found in pkgutil.walk_packages(unrelu.__path__, 'unrelu.'):\n"
            "    if found.name != 'unrelu.__main__':\n"
            "        importlib.import_module(found.name)\n"
            "for name, home in unrelu._HOMES.items():\n"
            "    found = getattr(unrelu, name)\n"
            "    if home != 'unrelu' and (\n"
            "        isinstance(found, types.ModuleType)\n"
            "        or found is not getattr(importlib.import_module(home), name)\n"
            "    ):\n"
            "        print(name)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


INTERNAL = {
    "AffineOperator",
    "CertificateIndex",
    "Cone",
    "ConeCertificate",
    "DomainAt",
    "ExactWitness",
    "Executor",
    "Failure",
    "FeatureIntervals",
    "FullRegions",
    "Guards",
    "HullRows",
    "Samples",
    "IndexSet",
    "IndexSetCertificate",
    "InverseStatement",
    "Kinked",
    "LayerPattern",
    "LayerSystem",
    "NodeInfo",
    "Operator",
    "Part",
    "PieceProof",
    "PiecewiseLinear",
    "PrefixStatement",
    "PrefixSystem",
    "Question",
    "RowMultipliers",
    "ScaledRows",
    "SelectedMap",
    "SignCertificate",
    "Tree",
    "SignSystem",
    "Shown",
    "Smooth",
    "Store",
    "Units",
    "Source",
    "Witness",
}
"""Parts of results that serve the proofs, the geometry and the reports, and are no answers."""


def annotated_by(thing: object) -> str:
    """The annotations of a function or property, or of a class's fields, methods and properties."""
    if isinstance(thing, property | functools.cached_property):
        thing = thing.fget if isinstance(thing, property) else thing.func
    if isinstance(thing, type):
        members = [member for name, member in vars(thing).items() if not name.startswith("_") or name == "__getitem__"]
        own = [kind for name, kind in vars(thing).get("__annotations__", {}).items() if not name.startswith("_")]
        return " ".join([*map(str, own), *map(annotated_by, members)])
    thing = getattr(thing, "__func__", thing)
    return " ".join(map(str, thing.__annotations__.values())) if inspect.isfunction(thing) else ""


def test_what_public_functions_give_and_take_is_public() -> None:
    trees = [ast.parse(path.read_text()) for path in modules()]
    ours = {node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)} | {"Domain"}
    public = {name: getattr(unrelu, name) for name in unrelu.__all__}
    met = {name for thing in public.values() for name in re.findall(r"\b[A-Z]\w+", annotated_by(thing))} & ours
    assert met - set(public) == INTERNAL


def test_type_checkers_and_python_find_public_names_in_the_same_places() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: node.module for node in imports for alias in node.names}
    assert seen == unrelu._HOMES


def test_operators_are_known_by_name_to_themselves_and_to_intakes_only() -> None:
    """What is asked of a node is a rule of its operator, not a question of which one it is."""
    for path in modules():
        if part(path) in ("operators", "intake"):
            continue
        tree = ast.parse(path.read_text())
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not names & {"is_relu", "is_max_pool"}, path
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "type"):
                asked = ast.unparse(node.args[0])
                kinds = ast.unparse(node.args[1]) if len(node.args) > 1 else ""
                if not (asked == "operator" or asked.endswith(".operator")) or not kinds:
                    continue
                raise AssertionError(f"{path}: {ast.unparse(node)}")
