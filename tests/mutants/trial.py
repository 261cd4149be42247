"""Whether tests see a mutation: a child of a process that has loaded the heavy packages runs them."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

from mutants.mutation import Mutation

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "unrelu"


@dataclass(frozen=True)
class Trial:
    """What became of a mutation.

    Attributes:
        outcome: "killed" by a test that failed, "timeout", which also tells it from the original, or "survived".
        seconds: that it took.
    """

    outcome: str
    seconds: float


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module with a change, and leaves all others to the usual finders."""

    def __init__(self, mutation: Mutation) -> None:
        self._path = PACKAGE / mutation.module
        self._name = module_name(mutation.module)
        self._code = compile(mutation.apply(ast.parse(self._path.read_text())), str(self._path), "exec")

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=str(self._path))
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


class _Quickly:
    """A plugin: hypothesis without chance, memory or shrinking, since one failure is enough."""

    def pytest_configure(self) -> None:
        hypothesis.settings.register_profile(
            "mutants",
            deadline=None,
            derandomize=True,
            database=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutants")


def trial(mutation: Mutation | None, tests: tuple[str, ...], limit: float, *, output: Path | None = None) -> Trial:
    """Run tests in a child process, up to the first failure.

    Args:
        mutation: None for the package as it is.
        tests: files below `tests/`.
        limit: seconds, after which the child is ended.
        output: a file for what the child prints.
    """
    assert not any(name.split(".")[0] == "unrelu" for name in sys.modules), "a child would inherit it unchanged"
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        _run(mutation, tests, output)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        passed = time.monotonic() - started
        if done:
            survived = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
            return Trial("survived" if survived else "killed", passed)
        if passed > limit:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Trial("timeout", passed)
        time.sleep(0.02)


def _run(mutation: Mutation | None, tests: tuple[str, ...], output: Path | None) -> None:
    """In the child: never returns."""
    if mutation is not None:
        sys.meta_path.insert(0, _Mutated(mutation))
    collected(tests, output)


def collected(tests: tuple[str, ...], output: Path | None, *plugins: object) -> None:
    """In a child process: let pytest collect tests, and run them unless a plugin does otherwise; never returns.

    Args:
        tests: files below `tests/`.
        output: a file for what is printed.
        plugins: for pytest.
    """
    code = 1
    try:
        printed = os.open(output or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.chdir(ROOT)
        sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT)]
        sys.dont_write_bytecode = True
        options = ["-x", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is loaded already
        files = [f"tests/{name}" for name in tests]
        code = int(pytest.main([*options, *files], plugins=[_Quickly(), *plugins]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def module_name(module: str) -> str:
    """What a module below the package is imported as."""
    parts = Path("unrelu", module).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
