"""Whether a network computes what the model computes that it was read from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.errors import IntakeMismatch, ModelError
from unrelu.network.graph import INPUT, OUTPUT, Network
from unrelu.network.interpreter import interpret
from unrelu.network.node import Node
from unrelu.network.source import Source

EXAMPLES = 2
"""Samples of the example that are compared, at most."""

RANDOM = 2
"""Random samples of either kind: uniform in the range of the example, and standard normal."""

GROUP = 2**20
"""Numbers that all nodes give for the samples that are compared at once: VGG-16 gives 3e7 for one picture."""

_DOUBLE = 2.0**-53


@dataclass(frozen=True, eq=False)
class _Estimate:
    """Values with a bound on their distance from the model's."""

    value: Tensor
    error: Tensor


def check_agreement(
    network: Network, example: Tensor, expected: Tensor | None = None, alone: Tensor | None = None
) -> None:
    """Compare the network's operators with those of its source, node by node.

    Each node is computed in float64 *from the values that the model itself gave to the node's inputs*, so that
    rounding errors do not add up along the network, and compared with what the model made of them. The two may
    differ by the a-priori bound `gamma_k (|L| |x| + |c|)` of either side (Higham, Accuracy and Stability of
    Numerical Algorithms, chapter 3), with `gamma_k = (1 - u)^-k - 1`, k the roundings that go into one number and
    u the unit roundoff of the model's dtype. It is done for the example and for random samples (fixed seed).

    Args:
        network: with its source.
        example: (n, *input_shape), in the model's dtype.
        expected: the model's own output for the example, called directly, not through the source.
        alone: the same for the first sample of the example alone; axes of size 1 may be dropped.

    Raises:
        IntakeMismatch: if the two disagree; the message names the first node that does.
        ModelError: if the model's values are NaN or infinite.
    """
    source = network.source
    if source is None:
        raise ModelError("the network was not read from a model, so there is nothing to compare it with.")
    samples = samples_like(example)
    groups = samples.split(group_size(network))
    coarsest = max((_check_group(network, source, group) for group in groups), key=_unit_roundoff)
    if expected is not None:
        _compare_output(network, example, expected, coarsest)
    if alone is not None:
        differs = IntakeMismatch(
            "the module gives something else for a sample alone than in a batch of several; make what it computes "
            "independent of the size of the batch (x.shape[0])."
        )
        if alone.numel() != network.output_size:
            raise differs
        try:
            _compare_output(network, example[:1], alone.reshape(1, *network.output_shape), coarsest)
        except IntakeMismatch as error:
            raise differs from error


def _check_group(network: Network, source: Source, samples: Tensor) -> Tensor:
    """Compare all nodes at some samples; the result is the coarsest of the model's values by dtype."""
    values = source.values(samples, source.nodes)
    coarsest = max(values.values(), key=_unit_roundoff)  # what a node rounds by that the model computes on its way
    coarsest = coarsest.new_empty(0)

    def step(node: Node, operands: list[_Estimate]) -> _Estimate:
        theirs = values.pop(node.name, None)
        if theirs is None:
            return _step(node, operands, coarsest)
        exact = theirs.detach().to(device=network.device, dtype=torch.float64)
        if not bool(torch.isfinite(exact).all()):
            raise ModelError(
                f"the model itself gives NaN or infinite values at node {node.name!r} in {theirs.dtype}; "
                "convert it to a wider dtype (module.double()) or scale its input."
            )
        if node.name != INPUT:
            _compare(node, _step(node, operands, theirs), exact)
        return _Estimate(exact, torch.zeros_like(exact))

    interpret(network.nodes, step, {}, keep=())
    return coarsest


def group_size(network: Network) -> int:
    """Samples that are compared at once."""
    return max(1, GROUP // sum(math.prod(node.shape) for node in network.nodes))


def samples_like(example: Tensor) -> Tensor:
    """What is compared, float64: samples of an example (n, *input_shape), then random ones, always the same."""
    shape = (RANDOM, *example.shape[1:])
    generator = torch.Generator().manual_seed(0)
    low, high = float(example.min()), float(example.max())
    uniform = low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    return torch.cat([example[:EXAMPLES].to(device="cpu", dtype=torch.float64), uniform, normal])


def _step(node: Node, operands: list[_Estimate], like: Tensor) -> _Estimate:
    """The node's value from its operands, with a bound on the rounding of both sides, theirs in the dtype of `like`."""
    value = node.operator.apply(*(operand.value for operand in operands))
    # Theirs may be computed from any values within the errors of ours.
    values = [operand.value.abs() + operand.error if node.is_affine else operand.value for operand in operands]
    error = node.operator.error(values, [operand.error for operand in operands], _unit_roundoff(like) + 2 * _DOUBLE)
    # Underflow: each operation loses the smallest normal number at most, if flushed to zero; float16 never is.
    info = torch.finfo(like.dtype)
    floor = node.operator.roundings * info.tiny * (info.eps if like.dtype == torch.float16 else 1.0)
    return _Estimate(value, error + floor)


def _compare(node: Node, ours: _Estimate, theirs: Tensor) -> None:
    if ours.value.shape != theirs.shape:
        raise IntakeMismatch(
            f"node {node.name!r} gives samples of shape {node.shape}, but the model's are {tuple(theirs.shape[1:])}; "
            "please report this model."
        )
    excess = (ours.value - theirs).abs() - ours.error
    if bool((excess > 0).any()):
        worst = int(excess.argmax())
        raise IntakeMismatch(
            f"node {node.name!r} computes {float(ours.value.reshape(-1)[worst]):.9g} where the model computes "
            f"{float(theirs.reshape(-1)[worst]):.9g} from the same values, more than rounding explains "
            f"({float(ours.error.reshape(-1)[worst]):.1g}); please report this model."
        )


def forward_passes(network: Network, batch: Tensor) -> tuple[Tensor, Tensor]:
    """The value of the network's output for a float64 batch, and how far that of another float64 pass may lie from it.

    Another pass may sum in another order, as other machines, libraries and sizes of a batch do.
    """
    found = _forward(network, batch.to(device=network.device, dtype=torch.float64), batch.double())
    return found.value, found.error


def _forward(network: Network, batch: Tensor, like: Tensor) -> _Estimate:
    """The whole forward pass, with all rounding errors carried through, the other's in the dtype of `like`."""
    known = {INPUT: _Estimate(batch, torch.zeros_like(batch))}
    return interpret(network.nodes[1:], lambda node, operands: _step(node, operands, like), known)[
        network.node(OUTPUT).name
    ]


def _compare_output(network: Network, example: Tensor, expected: Tensor, coarsest: Tensor) -> None:
    """The whole forward pass against the model called directly."""
    few = example[:EXAMPLES]
    ours = _forward(network, few.to(device=network.device, dtype=torch.float64), coarsest)
    theirs = expected[: len(few)].to(device=network.device, dtype=torch.float64)
    _compare(network.node(OUTPUT), ours, theirs)


def _unit_roundoff(values: Tensor) -> float:
    """Unit roundoff of a result, looser where the user allows PyTorch to multiply float32 in fewer bits."""
    unit = torch.finfo(values.dtype).eps / 2
    if values.dtype != torch.float32:
        return unit
    if torch.get_float32_matmul_precision() == "medium":
        return 2.0**-8  # bfloat16
    if torch.get_float32_matmul_precision() == "high":
        return 2.0**-10  # TensorFloat-32
    return 2.0**-10 if values.device.type == "cuda" and torch.backends.cudnn.allow_tf32 else unit
