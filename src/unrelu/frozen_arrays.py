"""Objects whose arrays are read-only, and stay so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse


class FrozenArrays:
    """An object of whose arrays none may be changed: not when it is made, and not when it comes out of a pickle.

    numpy does not keep in a pickle that an array is read-only.
    """

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Take over what was pickled, arrays read-only."""
        self.__dict__.update(state)
        for value in state.values():
            freeze(value)


def freeze(value: object) -> None:
    """Make an array read-only, or the numbers of a sparse one, or all arrays of a dict or tuple.

    >>> freeze(values := np.zeros(2))
    >>> values.flags.writeable
    False
    """
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, sparse.csr_array):
        for part in (value.data, value.indices, value.indptr):
            part.flags.writeable = False
    elif isinstance(value, dict):
        for each in value.values():
            freeze(each)
    elif isinstance(value, tuple):
        for each in value:
            freeze(each)
