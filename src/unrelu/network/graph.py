"""A network: a directed acyclic graph of affine maps, ReLUs and max poolings."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.errors import InputError, NonFiniteWeights, ShapeError, UnknownNode
from unrelu.network.ancestry import affine_sources, ancestors, bypasses, cuts, single_source
from unrelu.network.arrays import Array, ArrayT, as_tensor, like
from unrelu.network.folding import fold
from unrelu.network.interpreter import interpret
from unrelu.network.layer import ReLULayer
from unrelu.network.node import Node
from unrelu.operators import Dense, Input, ReLU, Shape

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.nn import Module

    from unrelu.network.source import Source

INPUT = "input"
OUTPUT = "output"


@dataclass(frozen=True, eq=False)
class Network:
    """A ReLU network without a batch axis, computed in float64.

    Calling it computes the output for a batch: (n, *input_shape) -> (n, *output_shape).

    Attributes:
        nodes: all nodes, each after those it takes; the first is the input.
        outputs: names of the nodes whose values are the result; several are flattened and joined.
        source: the model it was read from, able to compute the same nodes in its own dtype, or None.
        bypassed_by: of a prefix (`upto`), names of the nodes of the network it is taken from by which that network's
            output can depend on the input past this prefix: of each such path, the first node that is not in the
            prefix. Empty where there is none, so that the prefix alone decides what the network says.
        head: name of the softmax or sigmoid that the model ends in and that was cut off; empty if there is none.
        whole: of a prefix, the network it is taken from; None of others.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    source: Source | None = None
    bypassed_by: tuple[str, ...] = ()
    head: str = ""
    whole: Network | None = field(default=None, repr=False)
    _index: dict[str, Node] = field(init=False, repr=False)

    def __repr__(self) -> str:
        """A line with the shapes and the names of the ReLU layers."""
        layers = ", ".join(self.layers) or "none"
        head = f"; its head {self.head} cut off" if self.head else ""
        return f"Network({self.input_shape} to {', '.join(self.outputs)}; ReLU layers: {layers}{head})"

    def __post_init__(self) -> None:
        if not self.nodes or not self.nodes[0].operator.is_input or self.nodes[0].name != INPUT:
            raise InputError("the first node of a network must be its input, called 'input'.")
        if not self.outputs:
            raise InputError("a network needs the name of at least one output node.")
        index: dict[str, Node] = {}
        for node in self.nodes:
            if node.name == OUTPUT:
                raise InputError("a node is called 'output', which means the last node; give it another name.")
            if node.name in index:
                raise InputError(f"two nodes are called {node.name!r}; give each node a name of its own.")
            missing = [name for name in node.inputs if name not in index]
            if missing:
                raise InputError(f"node {node.name!r} takes {missing[0]!r}, which does not come before it.")
            try:
                shape = node.operator.output_shape(*(index[name].shape for name in node.inputs))
            except ShapeError as error:
                raise ShapeError(f"node {node.name!r}: {error}") from error
            if shape != node.shape:
                raise ShapeError(f"node {node.name!r} gives samples of shape {shape}, not {node.shape}.")
            for tensor in node.operator.tensors():
                if not bool(torch.isfinite(tensor).all()):
                    raise NonFiniteWeights(
                        f"node {node.name!r} has NaN or infinite weights; train or load the model again."
                    )
            index[node.name] = node
        for name in self.outputs:
            if name not in index:
                raise UnknownNode(f"there is no node {name!r}; the network has {', '.join(index)}.")
        object.__setattr__(self, "_index", index)

    # -- making one ---------------------------------------------------------------------------------

    @classmethod
    def from_torch(cls, module: Module | ExportedProgram, example_input: Array, *, upto: str | None = None) -> Network:
        """Read a `torch.nn.Module` through `torch.export`; the module is not changed.

        The network is a copy, laid on the CPU (`to` moves it). Its nodes are called by the module's path
        ("features.0"), functional calls by their owner's path and the operator ("block.add"), with "#2", "#3"
        for later calls; modules called "input" or "output" get a trailing underscore.

        Args:
            module: in evaluation mode, with one input and one output; or a program that `torch.export` made of one.
                Of an average of weights, of copies on several devices or of a compiled module, the module itself is
                read.
            example_input: a batch (n, *shape) of inputs, as the module takes them.
            upto: name of the node that the network ends in; what lies behind it is not read. If left out, it ends in
                the output, of which a last softmax or sigmoid is cut off with a `HeadWarning`.

        Raises:
            ModelError: if the module cannot be read; the message names the node and what to do.
            UnknownNode: if no node is called `upto`.
        """
        from unrelu.intake.torch import network_from_torch

        return network_from_torch(module, example_input, upto)

    @classmethod
    def from_onnx(cls, path: str | os.PathLike[str], *, upto: str | None = None, trust: bool = False) -> Network:
        """Read an ONNX file, whose weights must be in it; nothing from it is executed.

        Nodes keep their names; unnamed ones are called as their first result.

        Args:
            path: of the file.
            upto: as for `from_torch`.
            trust: whether reading may take more memory than a file of its size explains.

        Raises:
            ModelError: if the file cannot be read; the message names the node and what to do.
            TooLarge: if reading would take more memory than it may.
            UnknownNode: if no node is called `upto`.
        """
        from unrelu.intake.onnx import network_from_onnx

        return network_from_onnx(path, upto, trust)

    @classmethod
    def from_keras(cls, model: object, *, upto: str | None = None, example_input: Array | None = None) -> Network:
        """Read a Keras 3 model, on Keras' PyTorch back end, through `torch.export`; it is not changed.

        Inputs have the shape that the model takes, channels last where it has them so. The node with a layer's value is
        called by the layer ("conv1", in a nested model "backbone/conv1"), its steps before "conv1.conv2d".

        Args:
            model: built, with one input and one output; computed in evaluation mode.
            upto: as for `from_torch`.
            example_input: a batch (n, *shape), where the model does not tell the shape of its inputs.

        Raises:
            ModelError: if the model cannot be read; the message names the layer and what to do.
            UnknownNode: if no node is called `upto`.
        """
        from unrelu.intake.keras import network_from_keras

        return network_from_keras(model, upto, example_input)

    @classmethod
    def from_sklearn(cls, estimator: object, *, upto: str | None = None) -> Network:
        """Read a neural network of scikit-learn, with the scalers before it and behind it; it is not changed.

        The nodes of the network itself are called dense1, relu1, dense2, ..., those of a pipeline as its steps, and
        that which undoes a TransformedTargetRegressor's scaler "target".

        Args:
            estimator: fitted: MLPClassifier or MLPRegressor, alone, behind scalers in a Pipeline, or in a
                TransformedTargetRegressor.
            upto: as for `from_torch`.

        Raises:
            ModelError: if it cannot be read; the message names the step and what to do.
            UnknownNode: if no node is called `upto`.
        """
        from unrelu.intake.sklearn import network_from_sklearn

        return network_from_sklearn(estimator, upto)

    @classmethod
    def from_layers(cls, layers: Sequence[tuple[Array, Array]]) -> Network:
        """A dense network from weights (m, d) and biases (m,), with a ReLU between each two.

        The nodes are called dense1, relu1, dense2, ...; the last dense map is the output.

        >>> import numpy as np
        >>> Network.from_layers([(np.eye(2), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))]).layers
        ('relu1',)
        """
        if not layers:
            raise InputError("a network needs at least one layer.")
        nodes: list[Node] = []
        for k, (weight, bias) in enumerate(layers, start=1):
            W = as_tensor(weight, f"the weight of layer {k}").clone()
            b = as_tensor(bias, f"the bias of layer {k}").clone()
            if W.ndim != 2 or b.shape != W.shape[:1]:
                raise ShapeError(
                    f"layer {k} needs a weight (m, d) and a bias (m,), not {tuple(W.shape)} and {tuple(b.shape)}."
                )
            if not nodes:
                nodes.append(Node(INPUT, Input((W.shape[1],)), (), (W.shape[1],)))
            else:
                nodes.append(Node(f"relu{k - 1}", ReLU(), (nodes[-1].name,), nodes[-1].shape))
            nodes.append(Node(f"dense{k}", Dense(W, b), (nodes[-1].name,), (W.shape[0],)))
        return cls(tuple(nodes), (nodes[-1].name,))

    @classmethod
    def joined(cls, *networks: Network, names: Sequence[str] | None = None) -> Network:
        """Networks of one input as one network, whose output is theirs one after another, flattened.

        One emulator for each quantity is one forward model. Node "relu1" of the second network is "2.relu1", or with a
        name for each network "NAME.relu1"; they share the input and nothing else.

        >>> import numpy as np
        >>> one = Network.from_layers([(np.eye(2), np.zeros(2))] * 2)
        >>> Network.joined(one, Network.from_layers([(np.ones((3, 2)), np.ones(3))]))
        Network((2,) to 1.dense2, 2.dense1; ReLU layers: 1.relu1)

        Args:
            networks: at least one, all with the same input shape; they are laid on the first one's device.
            names: a different one for each network.

        Raises:
            ShapeError: if the shapes of their inputs differ.
            InputError: if there is no network, or the names do not fit.
        """
        from unrelu.network.joining import joined_network

        return joined_network(networks, names)

    # -- looking at it ------------------------------------------------------------------------------

    def node(self, name: str) -> Node:
        """The node of that name ("output" is the last one).

        Raises:
            UnknownNode: if there is none.
        """
        if name == OUTPUT and len(self.outputs) == 1:
            return self._index[self.outputs[0]]
        try:
            return self._index[name]
        except KeyError:
            raise UnknownNode(f"there is no node {name!r}; the network has {', '.join(self._index)}.") from None

    @property
    def input_shape(self) -> Shape:
        """Sample shape of the input."""
        return self.nodes[0].shape

    @property
    def input_size(self) -> int:
        """Number of input coordinates, d."""
        return math.prod(self.input_shape)

    @property
    def output_shape(self) -> Shape:
        """Sample shape of the output; several outputs are flattened and joined."""
        if len(self.outputs) == 1:
            return self._index[self.outputs[0]].shape
        return (sum(math.prod(self._index[name].shape) for name in self.outputs),)

    @property
    def output_size(self) -> int:
        """Number of output coordinates."""
        return math.prod(self.output_shape)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the ReLU layers, and of those that are like them (leaky, bounded), in order."""
        return tuple(node.name for node in self.nodes if node.is_layer)

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the nodes that choose among several numbers, max poolings and maxima, in order."""
        return tuple(node.name for node in self.nodes if node.is_piecewise_linear and not node.is_layer)

    @property
    def bent(self) -> tuple[str, ...]:
        """Names of the nodes that are not affine, in order, without the input."""
        return tuple(node.name for node in self.nodes[1:] if not node.is_affine)

    @property
    def cuts(self) -> tuple[str, ...]:
        """Names of the nodes that separate the input from the output, in order.

        Every path from the input to an output runs through each of them, so that the output depends on
        the input through that node alone: where its values are equal, so are the outputs. Nodes that reach
        no output do not count. Only the graph is asked: a branch whose weights are all zero is a path.
        """
        return cuts(self.nodes, self.outputs)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for node in self.nodes:
            for tensor in node.operator.tensors():
                return tensor.device
        return torch.device("cpu")

    # -- parts of it --------------------------------------------------------------------------------

    def upto(self, *names: str) -> Network:
        """The prefix from the input through one node or several.

        Its `bypassed_by` says what of this network can still see what the prefix does not.

        Raises:
            UnknownNode: if there is no node of a name.
        """
        if not names:
            raise UnknownNode("upto needs the name of at least one node.")
        outputs = tuple(
            node for name in names for node in (self.outputs if name == OUTPUT else (self.node(name).name,))
        )
        needed = self.ancestors(outputs)
        return replace(
            self,
            nodes=tuple(node for node in self.nodes if node.name in needed),
            outputs=outputs,
            bypassed_by=bypasses(self.nodes, outputs, self.outputs),
            head=self.head if outputs == self.outputs else "",
            whole=self,
        )

    def between(self, start: str, *names: str) -> Network:
        """A part of the network by itself: from a node's values, which are its input, through one node or several.

        Which other values of a cut give the same values at the end of a block is `ur.preimage(net.between(cut, end),
        at=h)`, with `h = net.upto(cut)(x)[0]`. Nodes keep their names, but for the start, which becomes "input".

        >>> import numpy as np
        >>> net = Network.from_layers([(np.eye(2), np.zeros(2))] * 3)
        >>> net.between("relu1", "relu2")
        Network((2,) to relu2; ReLU layers: relu2)

        Args:
            start: a node that all paths from the input to the end run through.
            names: where the part ends.

        Raises:
            UnknownNode: if there is no node of a name, or a path leads past the start; the message names those that do.
        """
        prefix, first = self.upto(*names), self.node(start).name
        allowed = [name for name in prefix.cuts if name not in prefix.outputs]
        if first not in allowed:
            raise UnknownNode(
                f"not all that {', '.join(prefix.outputs)} depends on runs through {first!r}; a part can begin at "
                f"{', '.join(allowed) or 'no node'}."
            )
        at = [node.name for node in prefix.nodes].index(first)
        needed = set(prefix.outputs)
        for node in reversed(prefix.nodes[at + 1 :]):
            if node.name in needed:
                needed.update(node.inputs)
        shape = self.node(first).shape
        behind = [
            replace(node, inputs=tuple(INPUT if name == first else name for name in node.inputs))
            for node in prefix.nodes[at + 1 :]
            if node.name in needed
        ]
        return replace(prefix, nodes=(Node(INPUT, Input(shape), (), shape), *behind), source=None, whole=None)

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """Names of all nodes that these depend on, themselves and the input included."""
        return ancestors(self.nodes, names)

    def layer(self, name: str) -> ReLULayer:
        """The layer of that name on its own input h: `ReLU(A h + b)`, or with another activation.

        The affine nodes between the ReLU and the nodes it depends on are composed; see
        `ReLULayer.folding_error` for what rounding that brings.

        Raises:
            UnknownNode: if there is no layer of that name (`layers`).
            InputError: if its activation is not continuous.
            JoinedLayer: if it depends affinely on several non-affine nodes.
        """
        relu = self._layer(name)
        origin = single_source(self._index, relu)
        folded = fold(self, origin, relu.inputs[0])
        return ReLULayer(
            folded.weight,
            folded.bias,
            name=relu.name,
            input_shape=self.node(origin).shape,
            output_shape=relu.shape,
            folding_error=folded.error,
            activation=relu.kinked.to("cpu"),
        )

    def layer_input(self, name: str, x: ArrayT) -> ArrayT:
        """What the layer of that name is fed, for a batch of inputs: (n, *input_shape) -> (n, *shape).

        Raises:
            UnknownNode: if there is no layer of that name (`layers`).
            JoinedLayer: if it depends affinely on several non-affine nodes.
        """
        return self.upto(single_source(self._index, self._layer(name)))(x)

    def affine_sources(self, name: str) -> tuple[str, ...]:
        """The non-affine nodes (or the input) on which a node depends through affine nodes only, in order.

        Raises:
            UnknownNode: if there is no node of that name.
        """
        return affine_sources(self._index, self.node(name).name)

    def _layer(self, name: str) -> Node:
        node = self.node(name)
        if not node.is_layer:
            raise UnknownNode(f"{name!r} is not a ReLU layer; the network's layers are {', '.join(self.layers)}.")
        return node

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the network to a folder `NAME.unrelu` without code, which `ur.load` reads.

        Raises:
            ModelFileError: if the name ends otherwise, or nothing can be written there.
        """
        from unrelu.network.network_folder import save_network

        save_network(self, folder)

    def to(self, device: str | torch.device) -> Network:
        """The same network with its weights on another device."""
        whole = None if self.whole is None else self.whole.to(device)
        nodes = tuple(replace(node, operator=node.operator.to(device)) for node in self.nodes)
        return replace(self, nodes=nodes, whole=whole)

    def normalized(self, mean: Array | Sequence[float] | float, std: Array | Sequence[float] | float) -> Network:
        """The same network behind `(x - mean) / std`, so that it takes pictures as they are before normalisation.

        Domains, preimages and metamers of it are then about pictures: `Box(0, 1)` means black and white. Two affine
        nodes come first, "normalized.center" and "normalized", and round as affine nodes do
        (`ReLULayer.folding_error`); the model that it was read from normalises in its own dtype before it runs.

        >>> import numpy as np
        >>> net = Network.from_layers([(np.eye(2), np.zeros(2))]).normalized(0.5, [0.25, 0.125])
        >>> net, net(np.array([[0.5, 0.75]]))
        (Network((2,) to dense1; ReLU layers: none), array([[0., 2.]]))

        Args:
            mean: one number, one for each channel (axis 0 of a sample, or the last of three), or one for each input;
                the numbers are taken as they are given, a Python float in float64.
            std: the same, positive.

        Raises:
            ShapeError: if there are neither one number nor one for each channel or input.
            InputError: if a number is not finite, or of std not positive.
        """
        from unrelu.network.normalizing import normalized_network

        return normalized_network(self, mean, std)

    # -- computing ----------------------------------------------------------------------------------

    def __call__(self, x: ArrayT) -> ArrayT:
        """The output for a batch (n, *input_shape), as the kind of array that `x` is."""
        batch = as_tensor(x, "the input", self.device)
        values = self.values(batch, self.outputs)
        parts = [values[name] for name in self.outputs]
        joined = parts[0] if len(parts) == 1 else torch.cat([part.flatten(1) for part in parts], dim=1)
        return like(joined, x)

    def values(self, batch: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Values of the named nodes for a float64 batch; what is no longer needed is freed on the way."""
        wanted = set(names)
        needed = self.ancestors(wanted)
        entry = self.nodes[0]
        rest = [node for node in self.nodes[1:] if node.name in needed]
        known = {entry.name: entry.operator.apply(batch)}
        found = interpret(rest, lambda node, operands: node.operator.apply(*operands), known, keep=wanted)
        return {name: found[name] for name in wanted}
