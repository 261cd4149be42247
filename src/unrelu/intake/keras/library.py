"""The one place that imports Keras, when it is asked about a model: the import takes seconds, and needs a back end."""

from __future__ import annotations

from typing import Any


def is_model(given: Any) -> bool:
    """Whether that is a model of Keras 3."""
    from keras import Model

    return isinstance(given, Model)


def back_end() -> str:
    """Name of the library that Keras computes with, "torch" or another."""
    from keras.config import backend

    return backend()
