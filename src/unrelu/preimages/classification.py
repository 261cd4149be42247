"""What the preimages of many inputs are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from unrelu.errors import InputError
from unrelu.network.layer import ReLULayer
from unrelu.parallel import in_threads
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.preimages.preimage import Preimage
from unrelu.progress import Progress, resolve_progress

_REASONS_SHOWN = 3

PreimageT_co = TypeVar("PreimageT_co", bound=Preimage, covariant=True)


@dataclass(frozen=True, eq=False)
class Classification(Generic[PreimageT_co]):
    """What the preimages of many inputs of one layer, or of a deeper prefix, are.

    Attributes:
        system: the layer or the prefix, the domain and the tolerance.
        preimages: one an input that was not skipped, in order.
        inputs: (n,) int64, which inputs these are.
        skipped: which inputs were left out, and why.
    """

    system: LayerSystem | PrefixSystem
    preimages: tuple[PreimageT_co, ...]
    inputs: np.ndarray
    skipped: dict[int, str]

    @property
    def layer(self) -> ReLULayer:
        """The layer.

        Raises:
            InputError: if the inputs are those of a prefix.
        """
        if isinstance(self.system, PrefixSystem):
            raise InputError("these are preimages of a prefix of a network, not of a layer; the prefix is in `system`.")
        return self.system.layer

    def __len__(self) -> int:
        return len(self.preimages)

    def __getitem__(self, index: int) -> PreimageT_co:
        return self.preimages[index]

    @property
    def kind(self) -> np.ndarray:
        """(n,) of `Kind`."""
        return self._collect(lambda preimage: preimage.kind, object)

    @property
    def bounded(self) -> np.ndarray:
        """(n,) of True, False, None."""
        return self._collect(lambda preimage: preimage.bounded, object)

    @property
    def singleton(self) -> np.ndarray:
        """(n,) of True, False, None."""
        return self._collect(lambda preimage: preimage.singleton, object)

    @property
    def n_active(self) -> np.ndarray:
        """(n,) int64, numbers of positive features."""
        return self._collect(lambda preimage: preimage.n_active, np.int64)

    @property
    def dimension_lower(self) -> np.ndarray:
        """(n,) int64, proved lower bounds of the dimension."""
        return self._collect(lambda preimage: preimage.dimension.lower, np.int64)

    @property
    def dimension_upper(self) -> np.ndarray:
        """(n,) int64, proved upper bounds of the dimension; each costs a factorisation of the active rows."""
        return self._collect(lambda preimage: preimage.dimension.upper, np.int64)

    @property
    def margin(self) -> np.ndarray:
        """(n,) float64, how clearly boundedness was decided; NaN where counting or rank decided it."""
        return self._collect(lambda preimage: preimage.margin, np.float64)

    def __repr__(self) -> str:
        """A line with the number of inputs of each kind, and what left the undecided ones open, the commonest first."""
        kinds, counts = np.unique([kind.value for kind in self.kind], return_counts=True)
        told = ", ".join(f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True))
        left_out = f"; {len(self.skipped)} skipped" if self.skipped else ""
        reasons = Counter(preimage.reason for preimage in self.preimages if preimage.reason).most_common()
        why = "".join(f"; {count} open: {reason}" for reason, count in reasons[:_REASONS_SHOWN])
        more = f"; {len(reasons) - _REASONS_SHOWN} other reasons" if len(reasons) > _REASONS_SHOWN else ""
        return f"Classification({len(self)} inputs of {self.system.title}: {told}{left_out}{why}{more})"

    def verify(self, progress: Progress | bool | None = None, workers: int | None = None) -> np.ndarray:
        """Check the certificates of all inputs without a solver.

        Returns:
            (n,) bool: whether the kind is proved.
        """
        proved = np.zeros(len(self), dtype=bool)
        with resolve_progress(progress).stage(f"proofs of {self.system.title}", len(self)) as advance:
            checks = in_threads(lambda preimage: preimage.certificate.verify(), self.preimages, workers=workers)
            for index, verified in enumerate(checks):
                proved[index] = verified
                advance(1)
        return proved

    def _collect(self, value: Callable[[PreimageT_co], object], dtype: type) -> np.ndarray:
        collected = np.empty(len(self), dtype=dtype)
        for index, preimage in enumerate(self.preimages):
            collected[index] = value(preimage)
        return collected
