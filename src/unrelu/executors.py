"""Where a study's tasks are answered (`unrelu.analyze(executor=)`): all give the same rows."""

from unrelu.study.executors.dask import Dask as Dask
from unrelu.study.executors.executor import Executor as Executor
from unrelu.study.executors.processes import Processes as Processes
from unrelu.study.executors.threads import Threads as Threads

__all__ = ["Dask", "Executor", "Processes", "Threads"]
