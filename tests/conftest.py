"""What holds for every test."""

from __future__ import annotations

import os

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


@pytest.fixture(scope="session", autouse=True)
def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where workers leave for one another what is made once a run."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        once_a_run.share(tmp_path_factory.getbasetemp().parent / "once")
