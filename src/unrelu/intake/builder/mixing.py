"""The error for what an intake may read another way."""

from __future__ import annotations

from unrelu.errors import UnsupportedOperator


class MixesSamples(UnsupportedOperator):
    """A node mixes the samples of a batch: in a batch that is always one sample, it mixes nothing."""
