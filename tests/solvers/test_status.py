"""Every way to stop says what to do next."""

from __future__ import annotations

import enum
import inspect
import pkgutil
from importlib import import_module

import unrelu
from unrelu.solvers.status import Status


def test_every_status_says_what_to_do() -> None:
    told = [status.advice for status in Status]
    assert len(set(told)) == len(told)
    assert all(len(each) > 40 and each.endswith(".") for each in told)


def test_there_is_one_status() -> None:
    """What a mathematical search found (`Kind`, a cone's evidence) is no status; how it stopped is one."""
    names = [found.name for found in pkgutil.walk_packages(unrelu.__path__, "unrelu.") if "__main__" not in found.name]
    ours = {
        thing
        for name in names
        for thing in vars(import_module(name)).values()
        if inspect.isclass(thing) and issubclass(thing, enum.Enum) and thing.__module__.startswith("unrelu.")
    }
    assert [each for each in ours if "status" in each.__name__.lower() or "OPTIMAL" in each.__members__] == [Status]
