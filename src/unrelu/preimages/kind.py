"""The kinds of preimage, and of index sets."""

from __future__ import annotations

import enum


class Kind(enum.StrEnum):
    """What the set of all inputs with the same features is."""

    SINGLETON = "singleton"
    BOUNDED = "bounded"
    UNBOUNDED = "unbounded"
    EMPTY = "empty"
    UNDECIDED = "undecided"


class SetKind(enum.StrEnum):
    """What is known of a set of features: some input has exactly these inactive, none has, or it is open."""

    ADMISSIBLE = "admissible"
    EXCLUDED = "excluded"
    UNDECIDED = "undecided"


def kind_of(bounded: bool | None, singleton: bool | None) -> Kind:
    """The kind of a non-empty preimage, from the two facts about it.

    BOUNDED says that the preimage is *not* a single point, so "bounded, uniqueness open" is UNDECIDED.

    >>> kind_of(True, None)
    <Kind.UNDECIDED: 'undecided'>
    """
    if singleton is True and bounded is not False:
        return Kind.SINGLETON
    if bounded is False:
        return Kind.UNBOUNDED
    if bounded is True and singleton is False:
        return Kind.BOUNDED
    return Kind.UNDECIDED
