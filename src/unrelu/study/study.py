"""A study: the records of many inputs through all layers."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unrelu.errors import InputError, MissingExtra
from unrelu.study.info import StudyInfo
from unrelu.study.schemas import TABLES
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.report.write import Report


@dataclass(frozen=True, eq=False)
class Study:
    """What `unrelu.analyze` found, as tables; nothing in it is computed when it is read.

    Attributes:
        info: the network, the data, the settings and the versions.
        layers: a row per ReLU layer: counts, medians, and why something was left out (`schemas.LAYERS`).
        inputs: a row per input: label and predicted class (`schemas.INPUTS`).
        verdicts: a row per layer and input: the preimage (`schemas.VERDICTS`).
        priors: a row per input: whether it is the only valid one with its features (`schemas.PRIORS`).
        freedom: a row per chosen input: how far each coordinate may move (`schemas.FREEDOM`).
        spectra: a row per layer, input, with and without ReLU: the singular values (`schemas.SPECTRA`).
        bounds: a row per layer and input, for a few inputs: what Lemmas 8 and 9 say (`schemas.BOUNDS`).
        metamers: a row per pair and norm (`schemas.METAMERS`).
        kept: a row for the node whose features the metamers keep: whether it is a cut of the network, and if not, what
            still sees the difference (`schemas.KEPT`).
        network: the network, where it is known: a study that was read from a folder has it unless it was too large to
            be saved with it (more than 2^24 numbers), or has operators that are not those of unrelu.
    """

    info: StudyInfo
    layers: pa.Table
    inputs: pa.Table
    verdicts: pa.Table
    priors: pa.Table
    freedom: pa.Table
    spectra: pa.Table
    bounds: pa.Table
    metamers: pa.Table
    kept: pa.Table
    network: Network | None = None

    def __getitem__(self, name: str) -> pa.Table:
        """A table by the name of its question: "verdicts", "uniqueness", "ranges", "spectra", "row_removal", ...

        Raises:
            InputError: if the study has no such table.
        """
        own = {"uniqueness": "priors", "ranges": "freedom", "row_removal": "bounds"}.get(name, name)
        if own not in TABLES:
            raise InputError(f"a study has no table {name!r}; its tables are {', '.join(TABLES)}.")
        return getattr(self, own)

    @property
    def table(self) -> pa.Table:
        """The layer table: a row per ReLU layer."""
        return self.layers

    def to_pandas(self, name: str = "layers") -> Any:
        """One of the tables as a `pandas.DataFrame`.

        Args:
            name: "layers", "inputs", "verdicts", "priors", "freedom", "spectra", "bounds", "metamers" or "kept".

        Raises:
            InputError: if there is no such table.
            MissingExtra: if pandas is not installed.
        """
        if name not in TABLES:
            raise InputError(f"a study has no table {name!r}; its tables are {', '.join(TABLES)}.")
        try:
            import pandas as pd  # noqa: F401
        except ImportError as error:
            raise MissingExtra('to_pandas needs pandas; install it with: pip install "unrelu[report]"') from error
        return getattr(self, name).to_pandas()

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the tables as Parquet files and the rest as study.json into a folder, made if need be.

        The network is written too, as `network.unrelu`, unless it has more than 2^24 numbers.

        A study that the folder already holds is replaced. `unrelu.load_study(folder)` reads it back.

        Raises:
            StoreError: if the folder cannot be written.
        """
        from unrelu.study.store import save_study

        save_study(self, folder)

    def report(self, path: str | PathLike[str] = "report.html", *, title: str | None = None) -> Report:
        """Write the report: one self-contained HTML file, and its figures as PNG files in a folder beside it.

        Args:
            path: the HTML file to write.
            title: heading of the page; by default it names the network.

        Raises:
            MissingExtra: if matplotlib or jinja2 are not installed.
            StoreError: if the file cannot be written.
        """
        from unrelu.report.write import write_report

        return write_report([self], path, title=title)

    def __str__(self) -> str:
        """One line per layer, as the report's table has it."""
        lines = [
            f"Study of {printable(self.info.name)}: {self.info.n_inputs} inputs, {self.layers.num_rows} ReLU layers"
            + (f", without its head {printable(self.info.head)}" if self.info.head else "")
        ]
        for row in self.layers.to_pylist():
            parts = [f"  {printable(row['layer'])}: {row['output_size']} features"]
            if row["n_verdicts"]:
                parts.append(f"{row['finite']} of {row['n_verdicts']} preimages bounded")
                parts.append(f"{row['active_min']} to {row['active_max']} active")
            if row["n_spectra"]:
                parts.append(f"forgets {row['invariant_with_relu']:g} of {self.info.input_size} directions (median)")
            lines.append(", ".join(parts))
        return "\n".join(lines)
