"""A search for all solutions that is shown, stopped in time or by hand, and told of."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from unrelu.preimages.search.watched import STEPS, watched
from unrelu.progress import Progress, resolve_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from unrelu.inverse.inversion import Inversion
    from unrelu.preimages.search.search import Search


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


def run(search: Search, *, time_limit: float, memory_limit: float, progress: Progress | bool | None) -> Inversion:
    """Go on with a search until it ends, time or memory is up, or it is interrupted; the result is what is known then.

    Raises:
        InputError: if the memory limit is not positive.
    """
    from unrelu.inverse.inversion import Inversion

    stopped = watched(search, time_limit=time_limit, memory_limit=memory_limit, progress=progress)
    return Inversion(search.statement, search.tree.frozen(), search.settled, search.seconds, stopped, search)
