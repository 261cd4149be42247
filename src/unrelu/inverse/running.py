"""A search that is shown, stopped in time or by hand, and told of."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from unrelu.progress import Progress, resolve_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from unrelu.inverse.inversion import Inversion
    from unrelu.preimages.search.search import Search

STEPS = 1000


@contextmanager
def telling(progress: Progress | bool | None, what: str) -> Iterator[Callable[[float], None]]:
    """Gives a function to be called with the share that is done, from 0 to 1; it may fall, and only its rise is shown.

    Args:
        progress: where to show it.
        what: is done, in thousandths.
    """
    with resolve_progress(progress).stage(what, STEPS) as advance:
        told = 0

        def tell(share: float) -> None:
            nonlocal told
            now = min(STEPS, int(share * STEPS))
            if now > told:
                advance(now - told)
                told = now

        yield tell


def run(search: Search, *, time_limit: float, progress: Progress | bool | None) -> Inversion:
    """Go on with a search until it ends, the time is up, or it is interrupted; what is known then is the result."""
    from unrelu.inverse.inversion import Inversion

    stopped = ""
    with telling(progress, "share of the domain settled, ‰") as tell:
        try:
            search.run(time_limit=time_limit, tell=lambda search: tell(search.settled if search.open else 1.0))
        except KeyboardInterrupt:
            stopped = "interrupted"
    if search.open and not stopped:
        stopped = "time limit"
    return Inversion(search.statement, search.tree.frozen(), search.settled, search.seconds, stopped, search)
