"""Names for numbers: SHA-256 of what they are, whatever file or dtype they came in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.rigor.matrices import SparseRows

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.operators import Operator

_CHUNK = 2**21  # numbers of a sparse array written out at once


def array_sha256(values: np.ndarray | SparseRows) -> str:
    """A name for the numbers of an array, as float64 in C order, with its shape.

    A sparse array has the name of the same numbers stored whole.

    >>> array_sha256(np.ones(2, np.float32)) == array_sha256(np.ones(2))
    True
    >>> from scipy import sparse
    >>> array_sha256(sparse.csr_array(np.eye(2))) == array_sha256(np.eye(2))
    True
    """
    if isinstance(values, np.ndarray):
        return blocks_sha256(values.shape, [values])
    m, d = values.shape
    step = max(1, _CHUNK // d)
    return blocks_sha256((m, d), (values[start : start + step].toarray() for start in range(0, m, step)))


def blocks_sha256(shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> str:
    """The name that `array_sha256` gives to an array of that shape, of which some rows come after the others.

    >>> blocks_sha256((3, 2), [np.ones((2, 2)), np.ones((1, 2))]) == array_sha256(np.ones((3, 2)))
    True
    """
    digest = hashlib.sha256(f"{shape}\n".encode())
    for block in blocks:
        digest.update(np.ascontiguousarray(block.astype("<f8", copy=False)).data)
    return digest.hexdigest()


def weights_sha256(net: Network) -> str:
    """A name for a network: for its graph and every field of every operator, numbers as float64.

    Two networks that compute different things have different names. What changes nothing that is computed is left out:
    the device and the dtype in which the numbers lie, the model that the network was read from (`source`, which
    agreed with it then), and of a prefix the nodes that pass it by (`bypassed_by`). Names of nodes count, since
    results speak of them.
    """
    record = {
        "nodes": [
            [node.name, list(node.inputs), list(node.shape), _kind(node.operator), _plain(node.operator)]
            for node in net.nodes
        ],
        "outputs": list(net.outputs),
    }
    return json_sha256(record)


def operator_sha256(operator: Operator) -> str:
    """A name for every field of an operator, and for which one it is."""
    return json_sha256([_kind(operator), _plain(operator)])


def json_sha256(record: object) -> str:
    """A name for an object of which `json` can write every part, whatever the order of its keys."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def settings_of(value: Any, n_coordinates: int) -> object:
    """A setting as `json` writes it, such that settings of different meaning are written differently.

    A domain is what it is in that many coordinates; of other dataclasses the kind counts beside the fields.

    Raises:
        TypeError: for a kind of value that has no rule here, so that none is left out unseen.
    """
    if hasattr(value, "in_space"):
        found = value.in_space(n_coordinates)
        return {
            "polyhedron": {
                each.name: settings_of(getattr(found, each.name), n_coordinates) for each in fields(found) if each.init
            }
        }
    if isinstance(value, np.ndarray | SparseRows):
        return {"numbers": array_sha256(value)}
    if isinstance(value, np.generic):
        return settings_of(value.item(), n_coordinates)
    if isinstance(value, tuple | list):
        return [settings_of(each, n_coordinates) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        return [kind, {each.name: settings_of(getattr(value, each.name), n_coordinates) for each in fields(value)}]
    return _plain(value)


def _kind(operator: Operator) -> str:
    """Which operator it is: one of somebody else's may be called as one of unrelu's."""
    kind = type(operator)
    return kind.__qualname__ if kind.__module__.startswith("unrelu.") else f"{kind.__module__}.{kind.__qualname__}"


def _plain(value: Any) -> object:
    """A field of an operator as `json` writes it, such that different values are written differently.

    Raises:
        TypeError: for a kind of value that has no rule here, so that none is left out unseen.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if hasattr(value, "detach"):  # a tensor; those that only check a folder of certificates shall not import torch here
        return {"numbers": array_sha256(value.detach().cpu().numpy())}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"there is no rule for how a {type(value).__name__} counts in the name of a network")
