"""Whether tests see mutations: forks of a process that has collected the tests run those that touch the change."""

from __future__ import annotations

import ast
import gc
import importlib
import json
import os
import pickle
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mutants.exchange import exchange, is_within_function, loaded_functions
from mutants.mutation import Mutation
from mutants.reach import Reach, lines_of, reach
from mutants.trial import PACKAGE, Trial, collected, module_name


@dataclass(frozen=True)
class _Job:
    """What a warm process does: the mutations of one module, and the descriptor to which it writes outcomes."""

    module: str
    mutations: list[Mutation]
    pipe: int


def warm_trials(mutations: list[Mutation], tests: tuple[str, ...], output: Path | None) -> Iterator[tuple[int, Trial]]:
    """Run the tests that touch each mutation, in the order of how soon they end, up to the first failure.

    Args:
        mutations: of one module.
        tests: files below `tests/`.
        output: a file for what is printed.

    Yields:
        The index of a mutation and what became of it: as `trial` has it, "unreached" if no test comes to its lines,
        or "cold" for one that changes what happens while the module is loaded, which `trial` has to run.

    Raises:
        SystemExit: if the tests fail, or cannot be collected, without any mutation.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        collected(tests, output, _Trials(_Job(mutations[0].module, mutations, write)))
    os.close(write)
    count = 0
    with os.fdopen(read) as lines:
        for line in lines:
            index, outcome, seconds = json.loads(line)
            count += 1
            yield index, Trial(outcome, seconds)
    os.waitpid(child, 0)
    if count < len(mutations):
        raise SystemExit(f"without any mutation, the tests {' '.join(tests)} fail, or a process ended early")


class _Trials:
    """A plugin that takes the place of running the collected tests once."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._kills: Counter[tuple[str, str]] = Counter()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge every mutation."""
        job = self._job
        if session.testsfailed:
            return True
        importlib.import_module(module_name(job.module))
        path = PACKAGE / job.module
        tree = ast.parse(path.read_text())
        reached = _reached(session, str(path))
        loaded = loaded_functions(path)
        gc.freeze()  # what is here now is not looked at again in each fork
        for index, mutation in enumerate(job.mutations if reached else []):
            started = time.monotonic()
            lines = lines_of(mutation, tree)
            items = [item for item in session.items if reached[item.nodeid].touches(lines)]
            items.sort(key=lambda item: (-self._kills[mutation.function, item.nodeid], reached[item.nodeid].seconds))
            outcome = "unreached" if is_within_function(mutation, tree) else "cold"
            if items and outcome != "cold":
                limit = 3 * sum(reached[item.nodeid].seconds for item in items) + 10
                child = os.fork()
                if child == 0:
                    os.setsid()
                    _judged(session, items, exchange(mutation, tree, path, loaded))
                outcome, failed = _waited(child, limit)
                if outcome == "killed" and failed < len(items):
                    self._kills[mutation.function, items[failed].nodeid] += 1
            os.write(job.pipe, (json.dumps([index, outcome, time.monotonic() - started]) + "\n").encode())
        return True


_SURVIVED, _COLD, _MOST = 250, 251, 249
"""Codes with which forks end; below these, the place of the test that failed."""


def _judged(session: pytest.Session, items: list[pytest.Item], exchanged: bool) -> None:
    """In a fork: never returns."""
    code = _MOST
    try:
        if not exchanged:
            os._exit(_COLD)
        for index, item in enumerate(items):
            _run(item, items[index + 1] if index + 1 < len(items) else None)
            if session.testsfailed:
                os._exit(min(index, _MOST))
        code = _SURVIVED
    finally:
        os._exit(code)


def _run(item: pytest.Item, following: pytest.Item | None) -> None:
    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)


def _waited(child: int, limit: float) -> tuple[str, int]:
    """What became of a fork, and the place of the test that failed."""
    started = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else _MOST
            return {_SURVIVED: "survived", _COLD: "cold"}.get(code, "killed"), code
        if time.monotonic() - started > limit:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout", 0
        time.sleep(0.002)


def _reached(session: pytest.Session, filename: str) -> dict[str, Reach]:
    """What each test runs of a file; nothing if one fails. A fork finds it, so that nothing is kept from these runs."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        found = {}
        for item in session.items:
            found[item.nodeid] = reach(lambda item=item: _run(item, None), filename)
        with os.fdopen(write, "wb") as file:
            pickle.dump({} if session.testsfailed else found, file)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        found = pickle.load(file)
    os.waitpid(child, 0)
    return found
