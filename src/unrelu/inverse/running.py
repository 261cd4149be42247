"""A search for all solutions that is shown, stopped in time or by hand, and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.preimages.search.watched import watched

if TYPE_CHECKING:
    from unrelu.inverse.inversion import Inversion
    from unrelu.preimages.search.search import Search
    from unrelu.progress import Progress


def run(search: Search, *, time_limit: float, memory_limit: float, progress: Progress | bool | None) -> Inversion:
    """Go on with a search until it ends, time or memory is up, or it is interrupted; the result is what is known then.

    Raises:
        InputError: if the memory limit is not positive.
    """
    from unrelu.inverse.inversion import Inversion

    stopped = watched(search, time_limit=time_limit, memory_limit=memory_limit, progress=progress)
    return Inversion(search.statement, search.tree.frozen(), search.settled, search.seconds, stopped, search)
