"""What a study is about: the network, the data, the settings and the versions that made it."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.errors import StoreError
from unrelu.network.fingerprints import weights_sha256 as weights_sha256
from unrelu.untrusted.typed import typed

if TYPE_CHECKING:
    from unrelu.network.graph import Network

_PACKAGES = ("unrelu", "torch", "numpy", "scipy", "highspy", "clarabel", "pyarrow")


@dataclass(frozen=True)
class NodeInfo:
    """A node of the network.

    Attributes:
        name: its name.
        operator: the kind of operator.
        inputs: names of the nodes it takes.
        shape: sample shape of its result.
        layer: whether it is a ReLU layer.
        sources: of a ReLU layer, the nodes that are not affine on which it depends through affine ones.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    layer: bool
    sources: tuple[str, ...]


@dataclass(frozen=True)
class StudyInfo:
    """Everything about a study that is not a table.

    Attributes:
        name: what the network is called.
        data_name: what the data are called.
        created: when the study was begun, ISO 8601, UTC.
        input_shape: sample shape of the network's input.
        output_size: number of outputs.
        head: name of the softmax or sigmoid that was cut off the model's end, so that the network gives the logits;
            empty if there was none.
        n_parameters: numbers in the network's affine operators.
        nodes: the network's nodes, in order.
        weights_sha256: of the network's graph and every field of its operators; see `fingerprints.weights_sha256`.
        data_sha256: of the data, as float64 in C order.
        n_inputs: number of inputs in the data.
        picture_shape: how one input is shown as a picture, (h, w) grey, (1, h, w) grey or (3, h, w) colour; None if
            it is not one.
        picture_range: values of black and of full brightness.
        classes: names of the classes; empty where they have none.
        notes: what a person should know of how the inputs were read.
        versions: version of each package that took part.
    """

    name: str
    data_name: str
    created: str
    input_shape: tuple[int, ...]
    output_size: int
    head: str
    n_parameters: int
    nodes: tuple[NodeInfo, ...]
    weights_sha256: str
    data_sha256: str
    n_inputs: int
    picture_shape: tuple[int, ...] | None
    picture_range: tuple[float, float] | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    versions: dict[str, str]

    @property
    def layers(self) -> tuple[NodeInfo, ...]:
        """The ReLU layers, in order."""
        return tuple(node for node in self.nodes if node.layer)

    def node(self, name: str) -> NodeInfo:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    @property
    def input_size(self) -> int:
        """d, number of coordinates of the network's input."""
        return int(np.prod(self.input_shape))

    def class_name(self, index: int | None) -> str:
        """What a class is called; its index where it has no name, "–" where there is none."""
        if index is None:
            return "–"
        return self.classes[index] if 0 <= index < len(self.classes) else str(index)

    def to_json(self) -> dict[str, Any]:
        """As an object that `json` can write."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: object) -> StudyInfo:
        """Read back what `to_json` wrote.

        Raises:
            StoreError: if a field is missing, unknown or of another kind.
        """
        try:
            return typed(cls, json.loads(json.dumps(record)))
        except ValueError as error:
            raise StoreError(
                f"study.json does not describe a study ({error}); run the analysis again to write a new one."
            ) from error


def network_nodes(net: Network) -> tuple[NodeInfo, ...]:
    """The nodes of a network, as records."""
    return tuple(
        NodeInfo(
            node.name,
            type(node.operator).__name__,
            node.inputs,
            node.shape,
            node.is_layer,
            net.affine_sources(node.inputs[0]) if node.is_layer else (),
        )
        for node in net.nodes
    )


def n_parameters(net: Network) -> int:
    """How many numbers the network's affine operators hold."""
    return sum(tensor.numel() for node in net.nodes for tensor in node.operator.tensors())


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
