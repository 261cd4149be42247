"""A layer as arrays in a folder, and back without trusting them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unrelu.network.layer import ReLULayer
from unrelu.network.stored_arrays import StoredArray, read_named_array, write_array
from unrelu.preimages.certificate_files.activations import activation_arrays, activation_of, array_names
from unrelu.preimages.certificate_files.sparse_arrays import is_sparse, read_sparse, write_sparse


@dataclass(frozen=True)
class StoredLayer:
    """What an index says about a layer, beside its arrays.

    Attributes:
        name: the layer's name, or "".
        input_shape: sample shape of what the layer is fed.
        output_shape: sample shape of what it gives.
        folding_error: see `ReLULayer`.
        activation: which operator the layer's activation is, by its name.
    """

    name: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    folding_error: float
    activation: str


def write_layer(folder: Path, layer: ReLULayer) -> tuple[StoredLayer, dict[str, StoredArray]]:
    """Write weight, bias and activation.

    Returns:
        What the index says: weight, bias, and `activation_FIELD` for each field of the activation. A sparse weight has
        three files, one each for `sparse_arrays.PARTS`, and besides them the SHA-256 it would have if stored whole.

    Raises:
        InputError: if the activation is no operator of unrelu.
        TooLarge: if the weight is sparse and has too many numbers, zeros included, to be named.
        OSError: if nothing can be written there.
    """
    arrays = {"bias": layer.bias, **activation_arrays(layer.activation)}
    names = {name: write_array(folder / f"{name}.npy", values) for name, values in arrays.items()}
    if isinstance(layer.weight, np.ndarray):
        names["weight"] = write_array(folder / "weight.npy", layer.weight)
    else:
        names |= write_sparse(folder, "weight", layer.weight)
    kind = type(layer.activation).__name__
    stored = StoredLayer(layer.name, layer.input_shape, layer.output_shape, layer.folding_error, kind)
    return stored, names


def read_layer(folder: Path, stored: StoredLayer, names: dict[str, StoredArray]) -> ReLULayer:
    """The layer that was written.

    Raises:
        ValueError: if there is no such activation.
        StoreError: if an array is not the one that was written.
        UnreluError: if they do not fit together.
    """
    of_activation = array_names(stored.activation)
    arrays = {name: read_named_array(folder, names, name) for name in ("bias", *of_activation)}
    if is_sparse(names, "weight") and "weight" in names:
        weight = read_sparse(folder, "weight", names, math.prod(stored.input_shape))
    else:
        weight = read_named_array(folder, names, "weight")
    return ReLULayer(
        weight,
        arrays["bias"],
        name=stored.name,
        input_shape=stored.input_shape,
        output_shape=stored.output_shape,
        folding_error=stored.folding_error,
        activation=activation_of(stored.activation, arrays),
    )
