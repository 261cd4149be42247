"""Spectra of many layers at many inputs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import Array, as_tensor
from unrelu.network.expected import expect_network
from unrelu.network.folding import DENSE_LIMIT
from unrelu.parallel import Workers, share_workers
from unrelu.progress import resolve_progress
from unrelu.stability.cost import spectrum_cost
from unrelu.stability.jacobian import Pushed, Start, push, shared_start, window_start
from unrelu.stability.pattern import ActivationPattern, forward_pass
from unrelu.stability.spectrum import ACCURACY, Spectrum, check_accuracy, check_rtol, factored_spectrum
from unrelu.stability.structural import structural_rank

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.progress import Progress
    from unrelu.stability.window import Window

_SHORT = 20.0
"""Seconds below which nobody need be told how long it will take."""

MEMORY_OF_SPECTRA = 64 * 2**20
"""Bytes of singular values kept for inputs with equal activation patterns."""


def spectra(
    network: Network,
    inputs: Array,
    layers: Sequence[str] | None = None,
    relu: Iterable[bool] = (False, True),
    rtol: float | None = None,
    progress: Progress | bool | None = None,
    workers: int | None = None,
    *,
    window: Window | None = None,
    accuracy: float = ACCURACY,
) -> list[Spectrum]:
    """The spectra of several layers at several inputs: `spectrum(net.upto(layer), at=x, relu=...)` for all.

    Each input is pushed through the network once for all layers. What does not depend on the input (all
    before the first ReLU) is computed once, and equal activation patterns of the layers before give equal
    Jacobians, so their spectra are taken over. Inputs are spread over threads; BLAS uses those
    that too few inputs leave over.

    Args:
        network: the network.
        inputs: (n, *input_shape).
        layers: names of ReLU layers, by default all; other nodes give one spectrum each, with `relu=False`.
        relu: which to compute: without the layer's own ReLU (False), with it (True), or both.
        rtol: as for `spectrum`.
        progress: see `unrelu.progress.resolve_progress`; one step an input. A long run is told at its start how much
            processor time it will take at most (`spectrum_cost`), and how much memory each input.
        workers: number of threads in all, those of BLAS included; None for one a core.
        window: as for `spectrum`.
        accuracy: as for `spectrum`.

    Returns:
        Spectra by input (`Spectrum.input`), then by layer in the order given, then without before with ReLU.

    Raises:
        InputError: if the inputs have another shape or are not finite, or an argument is out of range.
        UnknownNode: if there is no node of a name.
        TooLarge: if a Jacobian would take more memory than allowed.
        ModelError: if a number overflows, or a node is neither affine, piecewise linear nor smooth.
    """
    expect_network(network)
    check_rtol(rtol)
    check_accuracy(accuracy)
    batch = as_tensor(inputs, "the inputs", network.device)
    if tuple(batch.shape[1:]) != network.input_shape or batch.ndim == 0:
        raise ShapeError(
            f"the inputs must have shape (n, {', '.join(map(str, network.input_shape))}), not {tuple(batch.shape)}."
        )
    prefixes = _prefixes(network, network.layers if layers is None else layers, relu)
    if not prefixes or not len(batch):
        return []
    largest = 8 * window_start(network, window).n_directions * max(prefix.network.output_size for prefix in prefixes)
    fitting = max(1, DENSE_LIMIT // largest)
    shared = share_workers(workers, min(len(batch), fitting))
    found: list[Spectrum] = []
    what = "spectra" + _forecast(prefixes, batch, window, accuracy)
    with resolve_progress(progress).stage(what, len(batch)) as advance, shared.limited():
        task = SharedSpectra.prepare(network, prefixes, rtol, shared, window, accuracy)
        with ThreadPoolExecutor(shared.tasks) as pool:
            for part in pool.map(task.at, range(len(batch)), batch):
                found.extend(part)
                advance(1)
    return found


def _forecast(prefixes: Sequence[_Prefix], batch: Tensor, window: Window | None, accuracy: float) -> str:
    """How long it will take at most, in processor time, and the memory of one input at a time; "" where it is short."""
    costs = [spectrum_cost(prefix.network, batch[0], window=window, accuracy=accuracy) for prefix in prefixes]
    seconds = len(batch) * sum(cost.seconds for cost in costs)
    if seconds < _SHORT:
        return ""
    time = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f" (to {time}, {max(cost.memory for cost in costs) / 2**30:.1f} GiB)"


_Key = tuple[str, bytes]


@dataclass(frozen=True, eq=False)
class _Prefix:
    """One of the spectra wanted at each input.

    Attributes:
        layer: the name to report.
        relu: whether the layer's ReLU is included.
        network: up to the node whose Jacobian it is.
        before: names of the nodes that are not affine, on which the Jacobian depends.
    """

    layer: str
    relu: bool
    network: Network
    before: tuple[str, ...]

    @property
    def node(self) -> str:
        """Name of the node whose Jacobian it is."""
        return self.network.outputs[0]

    def key(self, pattern: ActivationPattern) -> _Key:
        """What its spectrum depends on; with its own ReLU there is one layer more in the digest."""
        return (self.layer, pattern.digest(self.before))


def _prefixes(network: Network, layers: Sequence[str], relu: Iterable[bool]) -> list[_Prefix]:
    if isinstance(layers, str):
        raise InputError(f"layers must be a sequence of names; write layers=({layers!r},).")
    kinds = sorted({bool(kind) for kind in relu})
    if not kinds:
        raise InputError("relu is empty; give False, True or both.")
    prefixes = []
    for layer in layers:
        node = network.node(layer)
        for kind in kinds if node.is_layer else [False]:
            end = node.inputs[0] if node.is_layer and not kind else node.name
            upto = network.upto(end)
            prefixes.append(_Prefix(node.name, kind, upto, upto.bent))
    return prefixes


class _Memory:
    """The spectra of the patterns met last, in bounded memory; threads may share it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._known: OrderedDict[_Key, Spectrum] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key) -> Spectrum | None:
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
            return found

    def put(self, key: _Key, found: Spectrum) -> None:
        with self._lock:
            if key in self._known:
                return
            self._known[key] = found
            self._used += found.values.nbytes
            while self._used > self._limit:
                _, oldest = self._known.popitem(last=False)
                self._used -= oldest.values.nbytes


@dataclass(frozen=True, eq=False)
class SharedSpectra:
    """What the spectra of several layers share at all inputs, and the spectra at one input after the other."""

    network: Network
    prefixes: list[_Prefix]
    rtol: float | None
    memory_each: int
    start: Start
    memory: _Memory
    window: Window | None
    accuracy: float

    @classmethod
    def of(cls, network: Network, layers: Sequence[str], workers: int | None = None) -> SharedSpectra:
        """For several layers, with and without their ReLU; see `spectra`."""
        shared = share_workers(workers, 1)
        return cls.prepare(network, _prefixes(network, layers, (False, True)), None, shared, None, ACCURACY)

    @classmethod
    def prepare(
        cls,
        network: Network,
        prefixes: list[_Prefix],
        rtol: float | None,
        shared: Workers,
        window: Window | None,
        accuracy: float,
    ) -> SharedSpectra:
        """Compute what does not depend on the input."""
        nodes = list(dict.fromkeys(prefix.node for prefix in prefixes))
        task = cls(
            network=network.upto(*nodes),
            prefixes=prefixes,
            rtol=rtol,
            memory_each=DENSE_LIMIT // shared.tasks,
            start=shared_start(network.upto(*nodes), nodes, window),
            memory=_Memory(MEMORY_OF_SPECTRA),
            window=window,
            accuracy=accuracy,
        )
        task.compute([prefix for prefix in prefixes if not prefix.before], ActivationPattern({}))
        return task

    def at(self, index: int, x: Tensor) -> list[Spectrum]:
        """The spectra at one input."""
        pattern = forward_pass(self.network, x).pattern
        found = {prefix: self.memory.get(prefix.key(pattern)) for prefix in self.prefixes}
        missing = [prefix for prefix, known in found.items() if known is None]
        computed = self.compute(missing, pattern)
        return [replace(found[prefix] or computed[prefix], input=index) for prefix in self.prefixes]

    def compute(self, prefixes: Sequence[_Prefix], pattern: ActivationPattern) -> dict[_Prefix, Spectrum]:
        """The spectra of these prefixes for one activation pattern, in one push."""
        nodes = list(dict.fromkeys(prefix.node for prefix in prefixes))
        found: dict[_Prefix, Spectrum] = {}
        for pushed in push(self.network, pattern, nodes, start=self.start, compress=True, memory=self.memory_each):
            for prefix in prefixes:
                if prefix.node == pushed.node:
                    found[prefix] = self._spectrum(prefix, pushed, pattern)
                    self.memory.put(prefix.key(pattern), found[prefix])
        return found

    def _spectrum(self, prefix: _Prefix, pushed: Pushed, pattern: ActivationPattern) -> Spectrum:
        return factored_spectrum(
            [pushed],
            layer=prefix.layer,
            relu=prefix.relu,
            shape=(prefix.network.output_size, window_start(prefix.network, self.window).n_directions),
            rank=structural_rank(prefix.network, pattern),
            rtol=self.rtol,
            accuracy=self.accuracy,
            window=self.window,
        )
