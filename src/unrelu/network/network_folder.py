"""A network as a folder: JSON and arrays of numbers, no code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import torch
from torch import Tensor

from unrelu import operators
from unrelu.errors import ModelFileError, StoreError, UnreluError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.network.sample_size import add_sample
from unrelu.network.stored_arrays import StoredArray, read_array, write_array
from unrelu.operators import AffineOperator, Operator
from unrelu.untrusted.printable import printable
from unrelu.untrusted.strict_json import read_json
from unrelu.untrusted.typed import typed

FORMAT = "unrelu-network"

VERSION = 1

INDEX = "network.json"

SUFFIX = ".unrelu"
"""Of the folder's name, by which `ur.load` knows it."""

LARGEST_INDEX = 16 * 2**20
"""Bytes that the JSON may have; a node takes some 500."""

MOST_NUMBERS = 2**31
"""Numbers that an array may hold: 16 GiB."""

LARGEST_COUNT = 2**31 - 1
"""Whole number that a field may hold: with strides beyond, kernels of torch end in errors of their own."""

REGISTERED: dict[str, type[Operator]] = {
    name: getattr(operators, name)
    for name in operators.__all__
    if name != "Shape" and getattr(operators, name) not in (AffineOperator, Operator)
}
"""Operators by the names that they are stored under."""


@dataclass(frozen=True)
class StoredNode:
    """A node in JSON.

    Attributes:
        name: of the node.
        operator: one of `REGISTERED`.
        inputs: names of the nodes it takes.
        shape: sample shape of its result.
        arrays: fields of the operator that are tensors; the numbers of node k are in `k.FIELD.npy`.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    arrays: dict[str, StoredArray]


@dataclass(frozen=True)
class StoredNetwork:
    """A network in JSON, without the fields of its operators that are no tensors.

    Attributes:
        sha256: the network's name (`weights_sha256`), which covers every field.
        outputs: names of the output nodes.
        bypassed_by: see `Network`.
        head: the same.
        nodes: in order.
    """

    sha256: str
    outputs: tuple[str, ...]
    bypassed_by: tuple[str, ...]
    head: str
    nodes: tuple[StoredNode, ...]


def save_network(network: Network, folder: str | os.PathLike[str]) -> None:
    """Write a network to a folder `NAME.unrelu`, which `ur.load` reads: `network.json`, and `.npy` files.

    Nothing in it is code, and nothing is lost but the model that the network was read from (`source`). The JSON is
    written last; a network that is there is replaced.

    Args:
        network: what to write.
        folder: where; its name ends in `.unrelu`.

    Raises:
        ModelFileError: if the name ends otherwise, or nothing can be written there.
    """
    where = Path(folder)
    if where.suffix.lower() != SUFFIX:
        raise ModelFileError(f"a network is saved as a folder {where.name}{SUFFIX}; give that name.")
    try:
        where.mkdir(parents=True, exist_ok=True)
        (where / INDEX).unlink(missing_ok=True)
        nodes = [_stored(where, k, node) for k, node in enumerate(network.nodes)]
        record = {
            "format": FORMAT,
            "version": VERSION,
            "sha256": weights_sha256(network),
            "outputs": network.outputs,
            "bypassed_by": network.bypassed_by,
            "head": network.head,
            "nodes": nodes,
        }
        partial = where / f"{INDEX}.partial"
        partial.write_text(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        partial.replace(where / INDEX)
    except OSError as error:
        raise ModelFileError(f"the network cannot be written to {where} ({error}); choose another folder.") from error


def can_be_saved(network: Network) -> bool:
    """Whether all its operators are among those that are read again."""
    return all(_is_registered(node) for node in network.nodes)


def load_network(folder: str | os.PathLike[str]) -> Network:
    """Read a network that `Network.save` wrote, without trusting the folder.

    Every size is checked before anything of that size is read, every field is of the kind that its operator declares,
    and the whole has the name that was saved.

    Raises:
        ModelFileError: if it is missing, damaged, changed, or from another version.
    """
    where = Path(folder)
    path = where / INDEX
    try:
        record = read_json(path, LARGEST_INDEX)
    except FileNotFoundError:
        raise ModelFileError(f"there is no network in {where}: it has no {INDEX}; name another folder.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} cannot be read ({error}); copy or save the network again.") from error
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise ModelFileError(f"{path} is not the index of a network; name another folder.")
    if (version := record.pop("version", None)) != VERSION:
        raise ModelFileError(
            f"{path} has format version {printable(repr(version), 40)}, this unrelu reads version {VERSION}; read it "
            "with the unrelu that wrote it."
        )
    try:
        settings = _settings_apart(record)
        stored = typed(StoredNetwork, record)
        nodes = tuple(_node(where, k, each, settings[k]) for k, each in enumerate(stored.nodes))
        total = 0
        for node in nodes:
            total = add_sample(total, node.name, node.shape)
        network = Network(nodes, stored.outputs, bypassed_by=stored.bypassed_by, head=stored.head)
    except StoreError as error:
        raise ModelFileError(str(error)) from error
    # What operators and graph say of fields that do not fit, whatever these are.
    except (UnreluError, ValueError, TypeError, KeyError, IndexError, ArithmeticError, RuntimeError) as error:
        said = printable(str(error), 200)
        raise ModelFileError(f"{path} does not describe a network ({said}); copy or save it again.") from error
    if weights_sha256(network) != stored.sha256:
        raise ModelFileError(f"{path} was changed after it was saved; copy or save the network again.")
    return network


def _is_registered(node: Node) -> bool:
    return REGISTERED.get(type(node.operator).__name__) is type(node.operator)


def _stored(where: Path, k: int, node: Node) -> dict[str, object]:
    name = type(node.operator).__name__
    if not _is_registered(node):
        raise ModelFileError(f"node {node.name!r} is a {name}, which is not registered, so it cannot be saved.")
    arrays: dict[str, object] = {}
    settings: dict[str, object] = {}
    for field in fields(node.operator):
        value = getattr(node.operator, field.name)
        if isinstance(value, Tensor):
            arrays[field.name] = asdict(write_array(_file(where, k, field.name), value.detach().cpu().numpy()))
        else:
            settings[field.name] = value
    return {
        "name": node.name,
        "operator": name,
        "inputs": node.inputs,
        "shape": node.shape,
        "settings": settings,
        "arrays": arrays,
    }


def _settings_apart(record: dict[str, Any]) -> list[dict[str, object]]:
    """The fields that are no tensors, taken out of the record: what kinds they have, the operators say."""
    nodes = record.get("nodes")
    if not isinstance(nodes, list):
        raise ValueError("it has no list of nodes")
    found = []
    for node in nodes:
        settings = node.pop("settings", None) if isinstance(node, dict) else None
        if not isinstance(settings, dict):
            raise ValueError("a node has no settings")
        found.append(settings)
    return found


def _node(where: Path, k: int, stored: StoredNode, settings: dict[str, object]) -> Node:
    kind = REGISTERED.get(stored.operator)
    if kind is None:
        raise ValueError(f"{printable(stored.operator, 40)} is no operator of this version")
    hints = get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    tensors = {name for name in names if hints[name] is Tensor}
    if set(stored.arrays) != tensors or set(settings) != names - tensors:
        raise ValueError(f"node {printable(repr(stored.name), 60)} lacks a field of {stored.operator}, or has another")
    if any(abs(number) > LARGEST_COUNT for number in _whole_numbers(list(settings.values()))):
        raise ValueError(f"node {printable(repr(stored.name), 60)} has a whole number beyond {LARGEST_COUNT:,}")
    values: dict[str, Any] = {
        name: typed(hints[name], value, f"{stored.operator}.{name}") for name, value in settings.items()
    }
    for name, array in stored.arrays.items():
        if min(array.shape, default=0) < 0 or int(np.prod([float(n) for n in array.shape])) > MOST_NUMBERS:
            raise ValueError(f"an array has the shape {printable(repr(array.shape), 60)}")
        values[name] = torch.from_numpy(read_array(_file(where, k, name), array))
    return Node(stored.name, kind(**values), stored.inputs, stored.shape)


def _whole_numbers(value: object) -> Iterator[int]:
    """All whole numbers in a value of JSON."""
    if isinstance(value, list):
        for each in value:
            yield from _whole_numbers(each)
    elif isinstance(value, int):
        yield value


def _file(where: Path, k: int, field: str) -> Path:
    return where / f"{k}.{field}.npy"
