"""Verdicts that need proofs of many forms, and folders of their certificates, changed as a forger would."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.cones.proofs import ConeCertificate
from unrelu.network.fingerprints import array_sha256
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Domain, Nonnegative
from unrelu.preimages.certificate_files.schema import SCHEMA
from unrelu.preimages.certificate_files.verdict import SavedVerdict
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.classification import Classification
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.questions import classify, preimage


def of_floats(domain: Domain | None, tolerance: float) -> Classification:
    """A layer with all three kinds among its inputs, beyond what structure decides."""
    rng = np.random.default_rng(5)
    A = rng.standard_normal((70, 20))
    A[:, 0] += 1.0
    x = rng.standard_normal((12, 20))
    x[:, 0] += np.linspace(-4, 2, 12)
    x = np.abs(x) if isinstance(domain, Nonnegative) else x
    layer = ReLULayer(A, rng.standard_normal(70) - 3.0, name="hidden/relu", input_shape=(4, 5), folding_error=1e-9)
    return classify(layer, x, domain=domain, tolerance=tolerance, progress=False)


def of_integers(seed: int = 0) -> Classification:
    """A layer that needs proofs of many forms, some of them by integers."""
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(1, 4)), int(rng.integers(1, 7))
    A = rng.integers(-2, 3, (m, d)).astype(float)
    x = rng.integers(-1, 2, (3, d)).astype(float)
    b = np.where(rng.random(m) < 0.4, -(A @ x[0]), rng.integers(-2, 3, m))
    return classify(ReLULayer(A, b), x, progress=False)


def of_features(seed: int) -> LayerPreimage:
    """Small given features of a layer of integers, in half of the cases over 3, some of which no input has."""
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(1, 4)), int(rng.integers(1, 7))
    A = rng.integers(-2, 3, (m, d)) / (3.0 if seed % 2 else 1.0)
    b = rng.integers(-2, 3, m).astype(float)
    someones = np.maximum(A @ rng.integers(-2, 3, d) + b, 0.0)
    y = someones if rng.random() < 0.6 else rng.integers(0, 3, m).astype(float)
    return preimage(ReLULayer(A, b), features=y)


def of_preimage(verdict: SavedVerdict) -> PreimageCertificate:
    """The certificate of a verdict about a preimage."""
    assert isinstance(verdict.certificate, PreimageCertificate)
    return verdict.certificate


def reindexed(folder: Path, change: Callable[[dict], object] = lambda record: None) -> None:
    """Name all files anew by their SHA-256, as a forger would."""
    path = folder / "certificates.json"
    record = json.loads(path.read_text())
    record["table"] = hashlib.sha256((folder / "certificates.parquet").read_bytes()).hexdigest()
    for name, entry in record["arrays"].items():
        values = np.load(folder / f"{name}.npy")
        entry.update(shape=values.shape, dtype=values.dtype.str, sha256=array_sha256(values.astype(float)))
    change(record)
    record.pop("sha256")
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    record["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(record))


def retabled(folder: Path, change: Callable[[dict[str, list]], object], schema: pa.Schema = SCHEMA) -> None:
    """Change the table of certificates, and name it anew."""
    path = folder / "certificates.parquet"
    columns = pq.read_table(path).to_pydict()
    change(columns)
    pq.write_table(pa.table(columns, schema=schema), path, row_group_size=4, use_dictionary=False)
    reindexed(folder)


def same(first: ConeCertificate | SignCertificate | None, second: ConeCertificate | SignCertificate | None) -> bool:
    """Whether two certificates have the same numbers."""
    if first is None or second is None:
        return first is second
    mine, other = vars(first), vars(second)
    return type(first) is type(second) and all(np.array_equal(mine[name], other[name]) for name in mine)
