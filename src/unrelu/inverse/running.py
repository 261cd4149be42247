"""A search that is shown, stopped in time or by hand, and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.progress import Progress, resolve_progress

if TYPE_CHECKING:
    from unrelu.inverse.inversion import Inversion
    from unrelu.preimages.search.search import Search


def run(search: Search, *, time_limit: float, progress: Progress | bool | None) -> Inversion:
    """Go on with a search until it ends, the time is up, or it is interrupted; what is known then is the result."""
    from unrelu.inverse.inversion import Inversion

    steps = 1000
    stopped = ""
    with resolve_progress(progress).stage("share of the domain settled, ‰", steps) as advance:
        told = 0

        def tell(search: Search) -> None:
            nonlocal told
            now = min(steps, int(search.settled * steps)) if search.open else steps
            if now > told:
                advance(now - told)
                told = now

        try:
            search.run(time_limit=time_limit, tell=tell)
        except KeyboardInterrupt:
            stopped = "interrupted"
    if search.open and not stopped:
        stopped = "time limit"
    return Inversion(search.statement, search.tree.frozen(), search.settled, search.seconds, stopped, search)
