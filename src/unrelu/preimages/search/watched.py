"""A search that is shown, and stopped in time or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.progress import Progress, resolve_progress

if TYPE_CHECKING:
    from unrelu.preimages.search.search import Search

STEPS = 1000


def watched(search: Search, *, time_limit: float, progress: Progress | bool | None) -> str:
    """Go on with a search until it ends, the time is up, or it is interrupted.

    Args:
        search: the search, which is changed.
        time_limit: seconds from now.
        progress: where to show the share that is settled.

    Returns:
        Why it stopped before the end, "time limit" or "interrupted"; or "".
    """
    with resolve_progress(progress).stage("share of the domain settled, ‰", STEPS) as advance:
        told = 0

        def tell(search: Search) -> None:
            nonlocal told
            now = min(STEPS, int(search.settled * STEPS)) if search.open else STEPS
            if now > told:
                advance(now - told)
                told = now

        try:
            search.run(time_limit=time_limit, tell=tell)
        except KeyboardInterrupt:
            return "interrupted"
    return "time limit" if search.open else ""
