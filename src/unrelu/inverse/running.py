"""A search that is shown, stopped in time or by hand, and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.errors import InputError
from unrelu.progress import Progress, resolve_progress

if TYPE_CHECKING:
    from unrelu.inverse.inversion import Inversion
    from unrelu.preimages.search.search import Search


MEMORY = 2**32
"""Bytes that a search may take if nothing else is said: 4 GiB."""


def run(search: Search, *, time_limit: float, memory_limit: float, progress: Progress | bool | None) -> Inversion:
    """Go on with a search until it ends, time or memory is up, or it is interrupted; the result is what is known then.

    Raises:
        InputError: if the memory limit is not positive.
    """
    from unrelu.inverse.inversion import Inversion

    if not memory_limit > 0:
        raise InputError(f"memory_limit is a number of bytes above 0, not {memory_limit}.")
    shown, steps = resolve_progress(progress), 1000
    with (
        shown.stage("share of the domain settled, ‰", steps) as advance,
        shown.stage("places that hold a solution", None) as count,
    ):
        told, found = 0, 0

        def tell(search: Search) -> None:
            nonlocal told, found
            now = min(steps, int(search.settled * steps)) if search.open else steps
            if now > told:
                advance(now - told)
                told = now
            if search.n_found > found:
                count(search.n_found - found)
                found = search.n_found

        stopped = ""
        try:
            search.run(time_limit=time_limit, memory_limit=memory_limit, tell=tell)
        except KeyboardInterrupt:
            stopped = "interrupted"
    if search.open and not stopped:
        stopped = "time limit" if search.memory <= memory_limit else "memory limit"
    return Inversion(search.statement, search.tree.frozen(), search.settled, search.seconds, stopped, search)
