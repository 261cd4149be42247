"""One name for what a folder with certificates claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from unrelu.network.fingerprints import json_sha256
from unrelu.preimages.certificate_files.index import CertificateIndex
from unrelu.preimages.certificate_files.sparse_arrays import PARTS

NO_CLAIM = {"table", "arrays"}
"""Fields of the index that do not count themselves: the table holds proofs, and a claim stays the same whichever proves
it; of the arrays the numbers count, not the way in which they are written."""


def claim_sha256(index: CertificateIndex, kinds: Sequence[str], tree: str | None = None) -> str:
    """A name for all that is claimed.

    That is: the layer's weight, bias and activation, its name, shapes and folding error, or the name of the network;
    the inputs (features, sets), the domain, the tolerance, what may be moved, and the kinds. Two folders with the same
    name claim the same, to the last bit; whether it is proved is for `verify` to say.

    Args:
        index: of the folder; that its arrays are those of the files is checked where they are read.
        kinds: as they were saved, in order.
        tree: of a proof that all solutions are listed, the name of the tree, which lists them.
    """
    record: dict[str, object] = {name: value for name, value in asdict(index).items() if name not in NO_CLAIM}
    record["prefix"] = None if index.prefix is None else index.prefix.sha256
    parts = {f"{name}_{part}" for name in index.arrays for part in PARTS}
    record["arrays"] = {name: stored.sha256 for name, stored in index.arrays.items() if name not in parts}
    record["kinds"] = list(kinds)
    if tree is not None:
        record["tree"] = tree
    return json_sha256(record)
