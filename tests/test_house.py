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
    ["progress", "parallel", "devices"],
    ["exact", "rigor"],
    ["network"],
    ["solvers"],
    ["polyhedra"],
    ["stability"],
    ["bounds"],
    ["preimages"],
    ["across"],
    ["metamers"],
    ["study"],
    ["report"],
    ["datasets"],
    ["demo"],
    ["cli", "__main__"],
]
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}

CONVENIENCES = {("study/study.py", "unrelu.report.write")}
"""`study.report(path)` hands the stored records on; the import waits until it is called."""

HEAVY = {
    "highspy": ["solvers/linear_program.py"],
    "clarabel": ["solvers/quadratic_program.py"],
    "onnx": ["network/onnx_intake/library.py"],
    "jinja2": ["report/template.py"],
    "typer": ["cli.py"],
}


def modules() -> list[Path]:
    """All modules but the package's own table of contents."""
    return [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


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
def test_heavy_packages_are_imported_in_one_file(package: str) -> None:
    users = [
        path.relative_to(SOURCE).as_posix()
        for path in modules()
        if any(name.split(".")[0] == package for name in imported(path))
    ]
    assert users == HEAVY[package]


CHECKED_WITH = {
    f"unrelu.exact.{name}"
    for name in ("hull", "infeasible", "integers", "member", "modular", "null_space", "solve", "system")
}
"""The parts of the exact kit that multiply, add and eliminate, and search for nothing."""


def test_the_checker_imports_no_solver() -> None:
    checkers = ("preimages/certificates", "preimages/certificate_files", "rigor")
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
            "unrelu.load_certificates\n"
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
            "DimensionInterval",
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
            "ActivationPattern",
            "Boundary",
            "Branch",
            "Breakpoint",
            "Claim",
            "Count",
            "Density",
            "Domain",
            "FeatureCertificate",
            "FeaturePreimage",
            "Flip",
            "FrameBounds",
            "GeometryStatus",
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
            "LayerPreimage",
            "Linearization",
            "Metamer",
            "Network",
            "Nonnegative",
            "Omnidirectionality",
            "Pair",
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
            "metamer",
            "omnidirectional",
            "preimage",
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


INTERNAL = {
    "CertificateIndex",
    "ConeCertificate",
    "Fact",
    "FullRegions",
    "HullRows",
    "LayerPattern",
    "LayerSystem",
    "NodeInfo",
    "Operator",
    "RowMultipliers",
    "SignCertificate",
    "Source",
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


def readme_example() -> str:
    """The README's Python example."""
    text = (Path(__file__).parent.parent / "README.md").read_text()
    return text.split("```python\n", 1)[1].split("```", 1)[0]


def test_the_readme_example_runs_as_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", readme_example()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    promised = [line.split("  # ", 1)[1] for line in readme_example().splitlines() if line.startswith("print(")]
    assert said == promised
