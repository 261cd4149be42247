"""A search that is shown, and stopped in time, by its memory or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.errors import InputError
from unrelu.progress import Progress, resolve_progress

if TYPE_CHECKING:
    from unrelu.preimages.search.search import Search

STEPS = 1000

MEMORY = 2**32
"""Bytes that a search may take if nothing else is said: 4 GiB."""


def watched(
    search: Search, *, time_limit: float, memory_limit: float = MEMORY, progress: Progress | bool | None
) -> str:
    """Go on with a search until it ends, the time or the memory is up, or it is interrupted.

    Args:
        search: the search, which is changed.
        time_limit: seconds from now.
        memory_limit: bytes that it may take.
        progress: where to show the share that is settled, and the places found.

    Returns:
        Why it stopped before the end, "time limit", "memory limit" or "interrupted"; or "".

    Raises:
        InputError: if the memory limit is not positive.
    """
    if not memory_limit > 0:
        raise InputError(f"memory_limit is a number of bytes above 0, not {memory_limit}.")
    shown = resolve_progress(progress)
    with (
        shown.stage("share of the domain settled, ‰", STEPS) as advance,
        shown.stage("places that hold a solution", None) as count,
    ):
        told, found = 0, 0

        def tell(search: Search) -> None:
            nonlocal told, found
            now = min(STEPS, int(search.settled * STEPS)) if search.open else STEPS
            if now > told:
                advance(now - told)
                told = now
            if search.n_found > found:
                count(search.n_found - found)
                found = search.n_found

        try:
            search.run(time_limit=time_limit, memory_limit=memory_limit, tell=tell)
        except KeyboardInterrupt:
            return "interrupted"
    if not search.open:
        return ""
    return "time limit" if search.memory <= memory_limit else "memory limit"
