"""Learned forward models of astrophysics, as networks: the emulators of the package `emulchem` (MIT).

    python -m benchmarks.emulators --emulchem DIR|WHEEL

Give the wheel (`pip download --no-deps emulchem==0.1.0`) or a folder that it was unpacked or installed in; the package
is never imported, and of its pickles nothing but numbers is read. An emulator is a ReLU network d-200-100-50-1 between
two scalers: the intensity of a line of a molecular cloud from temperature, density and log10 column density (RADEX),
or the logarithm of the abundance of a molecule from six physical conditions (chemistry). A problem joins several: what
are the conditions, given these measured values? The command prints what the problems are, and compares each network
with the scalers and layers one after another in plain torch: to 1e-12 of the range of its values.
"""

from __future__ import annotations

import argparse
import io
import pickle
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

import unrelu as ur

RADEX_LOWER, RADEX_UPPER = np.array([10.0, 1e4, 13.0]), np.array([210.0, 1e6, 19.0])
"""Temperature in K, density in 1 / cm^3, log10 of column density over line width, of CO."""

CHEMISTRY_LOWER = np.array([1.0, 1.0, 1e4, 1.0, 10.0, 0.0])
CHEMISTRY_UPPER = np.array([1e3, 1e3, 1e6, 100.0, 200.0, 2.0])
"""Radiation field, cosmic ray ionization, density, visual extinction, temperature, metallicity."""

FIXED = {3: 10.0, 5: 1.0}
"""Extinction and metallicity where four conditions are unknown."""

THREE_LINES = ("CO1", "CO3", "CO6")
FIVE_LINES = ("CO0", "CO1", "CO3", "CO6", "CO8")
"""Intensities in K; the emulators of CO10 and above give logarithms."""

SPECIES = (
    "CO", "HCN", "HCO+", "CS", "HNC", "CN", "NH3", "H2CO", "SO", "H2O", "CH3OH", "N2H+", "C2H", "SIO", "OCS", "SO2",
)  # fmt: skip
"""Molecules that are observed."""


class Scaler:
    """What is left of a scikit-learn `MinMaxScaler`: its numbers."""

    scale_: np.ndarray
    min_: np.ndarray


class Numbers(pickle.Unpickler):
    """Reads scalers: NumPy arrays and one class without code, and nothing else."""

    KNOWN: ClassVar[dict[tuple[str, str], Any]] = {
        ("sklearn.preprocessing.data", "MinMaxScaler"): Scaler,
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        """One of the four.

        Raises:
            UnpicklingError: for any other.
        """
        try:
            return self.KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"a scaler names {module}.{name}, which is not read.") from None


class Affine(nn.Module):
    """`x -> x scale + shift`, number by number."""

    def __init__(self, scale: np.ndarray, shift: np.ndarray) -> None:
        super().__init__()
        self.scale, self.shift = nn.Buffer(torch.from_numpy(scale)), nn.Buffer(torch.from_numpy(shift))

    def forward(self, x: Tensor) -> Tensor:
        """(n, d) -> (n, d)."""
        return x * self.scale + self.shift


def emulator(state: dict[str, Tensor], inputs: Scaler, output: Scaler) -> nn.Sequential:
    """Physical conditions in, (n, d), the physical value out, (n, 1), in float64."""
    parts: list[nn.Module] = [Affine(inputs.scale_, inputs.min_)]
    for k in (1, 2, 3, 4):
        weight, bias = state[f"fc{k}.weight"], state[f"fc{k}.bias"]
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.load_state_dict({"weight": weight, "bias": bias})
        parts += [linear, nn.ReLU()] if k < 4 else [linear]
    return nn.Sequential(*parts, Affine(1 / output.scale_, -output.min_ / output.scale_)).eval()


@dataclass(frozen=True)
class Emulchem:
    """The package's files.

    Attributes:
        path: the wheel, or a folder that has `emulchem/data` in it.
    """

    path: Path

    def radex(self, line: str) -> nn.Sequential:
        """The emulator of a line, as "CO3"."""
        return self._emulator("rad", line, line)

    def chemistry(self, species: str) -> nn.Sequential:
        """The emulator of a molecule, as "HCN"."""
        return self._emulator("chem", species, "")

    def _emulator(self, folder: str, name: str, inputs: str) -> nn.Sequential:
        state = torch.load(io.BytesIO(self._read(f"{folder}/network{name}")), weights_only=True, map_location="cpu")
        return emulator(
            state, self._scaler(f"{folder}/minMaxScaler{inputs}.p"), self._scaler(f"{folder}/scaler{name}.p")
        )

    def _scaler(self, name: str) -> Scaler:
        return Numbers(io.BytesIO(self._read(name)), encoding="latin1").load()

    def _read(self, name: str) -> bytes:
        inside = f"emulchem/data/{name}"
        if self.path.is_dir():
            return (self.path / inside).read_bytes()
        with zipfile.ZipFile(self.path) as wheel:
            return wheel.read(inside)


@dataclass(frozen=True, eq=False)
class Problem:
    """A forward model of several measured values, and where its inputs may lie.

    Attributes:
        name: what it is.
        parts: names of the emulators.
        network: all of them, joined.
        lower: (d,) physical units.
        upper: (d,) the same as the lower bound where an input is known.
    """

    name: str
    parts: tuple[str, ...]
    network: ur.Network
    lower: np.ndarray
    upper: np.ndarray

    @property
    def n_unknowns(self) -> int:
        """How many inputs are not known."""
        return int((self.lower < self.upper).sum())

    @property
    def n_units(self) -> int:
        """How many ReLUs there are."""
        return sum(int(np.prod(self.network.node(name).shape)) for name in self.network.layers)

    def target(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """A uniformly random input (d,), and what the network makes of it, (m,)."""
        x = self.lower + (self.upper - self.lower) * np.random.default_rng(seed).random(self.lower.size)
        return x, np.asarray(self.network(x[None]))[0]


def radex_problem(emulchem: Emulchem, lines: Sequence[str], name: str | None = None) -> Problem:
    """Temperature, density and column density from some lines."""
    network = _joined(3, [(line, emulchem.radex(line)) for line in lines])
    return Problem(name or f"{len(lines)} lines", tuple(lines), network, RADEX_LOWER, RADEX_UPPER)


def chemistry_problem(emulchem: Emulchem, species: Sequence[str], fixed: dict[int, float], name: str) -> Problem:
    """The conditions that are not fixed from some abundances."""
    network = _joined(6, [(each, emulchem.chemistry(each)) for each in species])
    lower, upper = CHEMISTRY_LOWER.copy(), CHEMISTRY_UPPER.copy()
    for index, value in fixed.items():
        lower[index] = upper[index] = value
    return Problem(name, tuple(species), network, lower, upper)


def chemistry_set(emulchem: Emulchem, n_species: int, fixed: dict[int, float], seed: int) -> Problem:
    """The same from some observed molecules, drawn at random."""
    species = np.random.default_rng([seed, n_species]).permutation(SPECIES)[:n_species]
    unknown = CHEMISTRY_LOWER.size - len(fixed)
    return chemistry_problem(
        emulchem, species.tolist(), fixed, f"{n_species} molecules, {unknown} unknowns, set {seed}"
    )


def problems(emulchem: Emulchem) -> list[Problem]:
    """One of each kind."""
    return [
        radex_problem(emulchem, THREE_LINES),
        radex_problem(emulchem, FIVE_LINES),
        chemistry_set(emulchem, 6, FIXED, 0),
        chemistry_set(emulchem, 8, {}, 0),
    ]


def _joined(d: int, modules: Sequence[tuple[str, nn.Module]]) -> ur.Network:
    networks = [ur.Network.from_torch(module, torch.zeros(2, d, dtype=torch.float64)) for _, module in modules]
    return ur.Network.joined(*networks, names=[name for name, _ in modules])


def _plain(emulchem: Emulchem, folder: str, name: str, inputs: str, x: Tensor) -> Tensor:
    """The value of one emulator, the scalers and layers written out."""
    state = torch.load(io.BytesIO(emulchem._read(f"{folder}/network{name}")), weights_only=True)
    first, last = (emulchem._scaler(f"{folder}/{each}.p") for each in (f"minMaxScaler{inputs}", f"scaler{name}"))
    h = (x * torch.from_numpy(first.scale_) + torch.from_numpy(first.min_)).T
    for k in (1, 2, 3):
        h = torch.relu(state[f"fc{k}.weight"] @ h + state[f"fc{k}.bias"][:, None])
    h = state["fc4.weight"] @ h + state["fc4.bias"][:, None]
    return (h.T - torch.from_numpy(last.min_)) / torch.from_numpy(last.scale_)


def difference(emulchem: Emulchem, problem: Problem, n: int = 1000) -> float:
    """The largest difference from the emulators in plain torch, in units of the range of each one's values."""
    x = np.stack([problem.target(seed)[0] for seed in range(n)])
    ours = np.asarray(problem.network(x))
    chemical = problem.lower.size == CHEMISTRY_LOWER.size
    places = [("chem", name, "") if chemical else ("rad", name, name) for name in problem.parts]
    plain = torch.cat([_plain(emulchem, *place, torch.from_numpy(x)) for place in places], dim=1).numpy()
    return float((np.abs(ours - plain) / (plain.max(axis=0) - plain.min(axis=0))).max())


def main() -> None:
    parser = argparse.ArgumentParser(description="Read the emulators and compare them with plain torch.")
    parser.add_argument("--emulchem", type=Path, required=True)
    options = parser.parse_args()
    emulchem = Emulchem(options.emulchem)
    for problem in problems(emulchem):
        off = difference(emulchem, problem)
        print(
            f"{problem.name}: {', '.join(problem.parts)}; {problem.n_unknowns} unknowns, {problem.n_units} ReLUs, "
            f"{problem.network.output_size} outputs; off by {off:.1e} of their range"
        )
        assert off <= 1e-12


if __name__ == "__main__":
    main()
