"""The activation of a layer as a name and arrays, and back without trusting them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from unrelu import operators
from unrelu.errors import InputError
from unrelu.operators.kinked import Kinked

PREFIX = "activation_"
"""Of the names of its arrays."""

REGISTERED: dict[str, type[Kinked]] = {
    name: getattr(operators, name)
    for name in operators.__all__
    if isinstance(getattr(operators, name), type) and issubclass(getattr(operators, name), Kinked)
}
"""Activations by the names that they are stored under."""


def activation_arrays(activation: Kinked) -> dict[str, np.ndarray]:
    """The numbers of an activation, by the names of their files.

    Raises:
        InputError: if it is none of the registered ones.
    """
    name = type(activation).__name__
    if REGISTERED.get(name) is not type(activation):
        raise InputError(f"a layer with a {name} is not saved, since that is no operator of unrelu.operators.")
    values = {field.name: getattr(activation, field.name) for field in fields(activation)}
    return {f"{PREFIX}{key}": value.detach().cpu().numpy().astype(np.float64) for key, value in values.items()}


def array_names(name: str) -> list[str]:
    """The names of the arrays of an activation.

    Raises:
        ValueError: if there is no such activation.
    """
    kind = REGISTERED.get(name)
    if kind is None:
        raise ValueError("it names an activation that this version does not know")
    return [f"{PREFIX}{field.name}" for field in fields(kind)]


def activation_of(name: str, arrays: dict[str, np.ndarray]) -> Kinked:
    """The activation of a name and its arrays."""
    return REGISTERED[name](**{key.removeprefix(PREFIX): torch.from_numpy(arrays[key]) for key in array_names(name)})
