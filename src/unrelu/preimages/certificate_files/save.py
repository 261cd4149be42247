"""Writing certificates to a folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow.parquet as pq

from unrelu.errors import StoreError
from unrelu.network.named_network import write_named_network
from unrelu.network.stored_arrays import write_array
from unrelu.preimages.certificate_files.activations import activation_arrays
from unrelu.preimages.certificate_files.content import content_of
from unrelu.preimages.certificate_files.index import INDEX, SUBJECTS, TABLE, CertificateIndex, write_index
from unrelu.preimages.certificate_files.layer_files import write_layer
from unrelu.preimages.certificate_files.layer_table import BLOCK, layer_rows
from unrelu.preimages.certificate_files.prefix_table import FEW, prefix_rows
from unrelu.preimages.certificate_files.schema import PREFIX_SCHEMA, SCHEMA
from unrelu.preimages.certificate_files.tree_files import write_tree
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.progress import Progress, resolve_progress
from unrelu.untrusted.regular_file import file_sha256

if TYPE_CHECKING:
    from unrelu.preimages.certificate_files.content import Savable

DOMAIN = ("A_ub", "b_ub", "A_eq", "b_eq", "lower", "upper", "origin")
"""The arrays of a domain."""


def save_certificates(
    found: Savable,
    folder: str | PathLike[str],
    *,
    progress: Progress | bool | None = None,
) -> None:
    """Write the certificates of an answer about a layer or a prefix, with all that they are about, to a folder.

    They can be verified in another process, which imports no solver: `load_certificates(folder).verify()`, or `unrelu
    verify FOLDER`. The folder holds `certificates.parquet`, a row per input or set, or per node of a search for all
    solutions; the layer, the inputs and the domain as `.npy` files, a network as the folder `network.unrelu`; and
    `certificates.json`, which names all of them by SHA-256.

    Args:
        found: what `classify`, `preimage`, `admissibility`, `admissible_sets` or `invert` returned.
        folder: where to write; it is made if need be, and certificates that are there are replaced.
        progress: where to show progress.

    Raises:
        InputError: if it is something else, or the layer's activation is no operator of unrelu.
        StoreError: if nothing can be written there, or an operator of the prefix is none of unrelu.
    """
    where = Path(folder)
    content = content_of(found)
    system, n = content.system, len(content.certificates)
    arrays = {"tolerance": system.tolerance, SUBJECTS[content.statement]: content.subjects}
    if system.domain is not None:
        arrays |= {f"domain_{name}": getattr(system.domain, name) for name in DOMAIN}
    if isinstance(system, LayerSystem):
        _ = activation_arrays(system.layer.activation)  # refused before anything is written
    layer = prefix = None
    schema, rows_of, size = SCHEMA, layer_rows, BLOCK
    try:
        where.mkdir(parents=True, exist_ok=True)
        (where / INDEX).unlink(missing_ok=True)
        names = {name: write_array(where / f"{name}.npy", values) for name, values in arrays.items()}
        if isinstance(system, PrefixSystem):
            schema, rows_of, size = PREFIX_SCHEMA, prefix_rows, FEW
            prefix = write_named_network(where, system.prefix)
        else:
            layer, of_layer = write_layer(where, system.layer)
            names |= of_layer
        tree = getattr(content.certificates[0], "tree", None)
        if content.statement == "solutions" and tree is not None:
            write_tree(where / TABLE, tree)
        else:
            with (
                resolve_progress(progress).stage(f"saving certificates of {system.title}", n) as advance,
                pq.ParquetWriter(where / TABLE, schema, compression="zstd", use_dictionary=False) as writer,
            ):
                for start in range(0, n, size):
                    rows = rows_of(content, start, min(start + size, n))
                    writer.write_table(rows, row_group_size=size)
                    advance(len(rows))
        index = CertificateIndex(
            layer=layer,
            prefix=prefix,
            statement=content.statement,
            exhaustive=content.exhaustive,
            unit=system.unit,
            exact=system.exact,
            arrays=names,
            table=file_sha256(where / TABLE),
            n_inputs=n,
        )
        write_index(where, index)
    except OSError as error:
        raise StoreError(f"the certificates cannot be written to {where} ({error}); choose another folder.") from error


def file_name(layer: str) -> str:
    """A layer's name as that of a folder: what some file systems do not take is written as % and its bytes.

    >>> file_name("features/0.relu#2")
    'features%2F0.relu%232'
    """
    name = quote(layer, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name or "layer"
