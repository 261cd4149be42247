"""What holds for every test."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

import once_a_run

# No test asserts on time, so none may fail for being slow.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores, and each library would start a thread a core in each of them. This file is read before
    # any of them is loaded, and the processes that tests start inherit it.
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[threads] = "1"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell in the background ignores Ctrl-C, and so would the tests that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where processes of one run leave for one another what is made once a run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"
    once_a_run.share(folder)
    return folder
