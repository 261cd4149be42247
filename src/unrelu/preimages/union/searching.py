"""Searching for all pieces of a preimage, where that can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.errors import DomainError, TooLarge
from unrelu.preimages.search.search import Search
from unrelu.preimages.search.watched import watched
from unrelu.preimages.union.search_statement import search_statement
from unrelu.preimages.union.union_preimage import UnionPreimage

if TYPE_CHECKING:
    from unrelu.preimages.prefix_preimage import PrefixPreimage
    from unrelu.preimages.preimage import Preimage
    from unrelu.preimages.union.given_features import GivenFeatures
    from unrelu.progress import Progress

TIME_LIMIT = 10.0
"""Seconds that are searched if nothing is said."""


def search_others(piece: PrefixPreimage, *, time_limit: float, progress: Progress | bool | None) -> Preimage:
    """The whole preimage of a point, from its piece; the piece alone where it is all, or others cannot be searched for.

    Args:
        piece: what is known of the piece.
        time_limit: seconds.
        progress: where to show how far the search is.
    """
    if piece.complete or not time_limit > 0:
        return piece
    try:
        search = Search(search_statement(piece.statement), keeps_leaves=True)
    except (DomainError, TooLarge) as error:
        return piece.without_others(str(error))
    stopped = watched(search, time_limit=time_limit, progress=progress)
    return UnionPreimage(piece.statement, piece, stopped, search)


def search_features(given: GivenFeatures, *, time_limit: float, progress: Progress | bool | None) -> UnionPreimage:
    """The whole preimage of given features.

    Args:
        given: the statement.
        time_limit: seconds.
        progress: where to show how far the search is.

    Raises:
        DomainError: if the domain is no box with finite ends.
        TooLarge: if the network is too large to be searched.
    """
    search = Search(search_statement(given), keeps_leaves=True)
    stopped = watched(search, time_limit=time_limit, progress=progress)
    return UnionPreimage(given, None, stopped, search)
