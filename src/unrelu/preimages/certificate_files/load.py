"""Reading certificates from a folder, and verifying them without a solver."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from unrelu.cones.proofs import ConeCertificate
from unrelu.errors import StoreError, UnreluError
from unrelu.network.layer import ReLULayer
from unrelu.network.stored_arrays import read_array
from unrelu.parallel import in_threads
from unrelu.polyhedra.domains import resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificate_files.activations import activation_of, array_names
from unrelu.preimages.certificate_files.digest import claim_sha256
from unrelu.preimages.certificate_files.index import INDEX, SUBJECTS, TABLE, CertificateIndex, read_index
from unrelu.preimages.certificate_files.records import CertificateRecord, certificate_of
from unrelu.preimages.certificate_files.save import BLOCK, DOMAIN, file_sha256
from unrelu.preimages.certificate_files.schema import FACTS, SAME, SCHEMA
from unrelu.preimages.certificate_files.set_rows import set_of
from unrelu.preimages.certificate_files.sparse_arrays import is_sparse, read_sparse
from unrelu.preimages.certificate_files.verdict import SavedVerdict, Verification
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.index_set import IndexSet, make_up_all
from unrelu.preimages.index_set_certificate import IndexSetCertificate
from unrelu.preimages.layer_system import LayerSystem, resolve_tolerance
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.same_features import SameFeatures
from unrelu.progress import Progress, resolve_progress
from unrelu.untrusted.parquet import ROOM, open_table
from unrelu.untrusted.regular_file import open_regular


@dataclass(frozen=True, eq=False)
class SavedCertificates:
    """Certificates in a folder, with all that they are about; they stay on disk until they are asked for.

    Attributes:
        folder: where they are.
        index: the folder's index, with the SHA-256 of the layer's weight and bias, of the inputs and of the domain:
            compare them with `array_sha256` of your own.
        system: the layer, the domain and the tolerance.
        inputs: (n, d) float64, the points; or (n, m), the features, or the sets as `set_rows` writes them, whichever
            `index.statement` says.
    """

    folder: Path
    index: CertificateIndex
    system: LayerSystem
    inputs: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def layer(self) -> ReLULayer:
        """The layer."""
        return self.system.layer

    def verdicts(self) -> Iterator[list[SavedVerdict]]:
        """What is claimed about each input, with its certificate, a block at a time.

        Raises:
            StoreError: if the table is damaged.
        """
        done = 0
        path = self.folder / TABLE
        try:
            with open_regular(path) as stream, open_table(stream, SCHEMA, ROOM + self._expected) as table:
                if table.metadata.num_rows != len(self):
                    raise ValueError(f"it has {table.metadata.num_rows} rows for {len(self)} inputs")
                for group in range(table.num_row_groups):
                    if table.metadata.row_group(group).num_rows > BLOCK:
                        raise ValueError(f"it has more than {BLOCK} rows in a group")
                    block = self._block(table.read_row_group(group), done)
                    done += len(block)
                    yield block
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StoreError(f"{path} is damaged ({error}); copy or save the certificates again.") from error

    @property
    def _expected(self) -> int:
        """Bytes of `BLOCK` rows whose proofs have a number and an index for each row that the layer and domain have."""
        m, d = self.layer.weight.shape
        D = self.system.domain
        rows = m + 3 * d + (0 if D is None else len(D.b_ub) + len(D.b_eq))
        return BLOCK * len(FACTS) * 16 * rows

    def verify(self, *, progress: Progress | bool | None = None, workers: int | None = None) -> Verification:
        """Check every verdict for exactly the stored floats; calls no solver.

        Args:
            progress: where to show progress.
            workers: threads; by default one a core.

        Raises:
            StoreError: if the table is damaged.
        """
        claimed: list[bool] = []
        kinds: list[str] = []
        proved: list[bool] = []
        moved: list[int] = []
        shift = 0.0
        title = f"proofs of {self.layer.name or 'the layer'}"
        with resolve_progress(progress).stage(title, len(self)) as advance:
            for block in self.verdicts():
                claimed += [verdict.claimed for verdict in block]
                kinds += [verdict.kind for verdict in block]
                for verified in in_threads(lambda verdict: verdict.verify(), block, workers=workers):
                    proved.append(verified)
                    advance(1)
                for domain in (verdict.domain_at for verdict in block):
                    moved.append(0 if domain is None else domain.n_moved)
                    shift = max(shift, domain.shift) if domain is not None and moved[-1] else shift
        exhaustive = None
        if self.index.exhaustive:
            exhaustive = make_up_all([set_of(row) for row in self.inputs], self.layer.n_outputs)
        return Verification(
            claimed=np.array(claimed, dtype=bool),
            proved=np.array(proved, dtype=bool),
            kinds=tuple(kinds),
            exhaustive=exhaustive,
            rows_moved=np.array(moved, dtype=np.int64),
            largest_shift=shift,
            digest=claim_sha256(self.index, kinds),
        )

    def _block(self, rows: pa.Table, start: int) -> list[SavedVerdict]:
        if rows["kind"].null_count:
            raise ValueError("a verdict has no kind")
        if rows["input"].to_pylist() != list(range(start, min(start + len(rows), len(self)))):
            raise ValueError("its rows are not those of the inputs, in order")
        verdicts = []
        for offset, kind in enumerate(rows["kind"].to_pylist()):
            proofs = {fact: _proof(rows, fact, offset) for fact in FACTS}
            if proofs["singleton"] == SAME:
                proofs["singleton"] = proofs["bounded"]
            if any(proof == SAME for proof in proofs.values()):
                raise ValueError("a proof stands for one that is not there")
            verdicts.append(SavedVerdict(kind, _certificate(self._statement(start + offset), proofs)))
        return verdicts

    def _statement(self, index: int) -> SameFeatures | IndexSet:
        subject, about = self.inputs[index], self.index.statement
        if about == "sets":
            return IndexSet(self.layer, self._domain, set_of(subject))
        return (
            SameFeatures(self.system, features=subject) if about == "features" else SameFeatures(self.system, subject)
        )

    @cached_property
    def _domain(self) -> Polyhedron:
        return resolve(self.system.domain, self.layer.n_inputs)


def load_certificates(folder: str | PathLike[str]) -> SavedCertificates:
    """Read what `save_certificates` wrote; certificates stay on disk until they are asked for.

    Raises:
        StoreError: if the folder holds none, or its files are missing, changed or from another version.
    """
    where = Path(folder)
    index = read_index(where)
    try:
        names = _array_names(index)
    except ValueError as error:
        raise StoreError(f"{where / INDEX} is of no use here ({error}); save the certificates again.") from error
    subject = names[-1]
    sparse = is_sparse(index.arrays, "weight")
    missing = [name for name in names if name not in index.arrays]
    if missing:
        raise StoreError(f"{where / INDEX} names no array {missing[0]}; save the certificates again.")
    whole = [name for name in names if not (sparse and name == "weight")]
    arrays = {name: read_array(where / f"{name}.npy", index.arrays[name]) for name in whole}
    try:
        table = file_sha256(where / TABLE)
    except OSError as error:
        raise StoreError(f"{where / TABLE} cannot be read ({error}); copy the whole folder.") from error
    if table != index.table:
        raise StoreError(f"{where / TABLE} is not the file that was saved; copy or save the certificates again.")
    inputs = arrays[subject]
    weight = read_sparse(where, "weight", index.arrays, _n_columns(index)) if sparse else arrays["weight"]
    try:
        layer = ReLULayer(
            weight,
            arrays["bias"],
            name=index.layer,
            input_shape=index.input_shape,
            output_shape=index.output_shape,
            folding_error=index.folding_error,
            activation=activation_of(index.activation, arrays),
        )
        domain = None
        if "domain_origin" in arrays:
            domain = Polyhedron(**{name: arrays[f"domain_{name}"] for name in DOMAIN}).in_space(layer.n_inputs)
        tolerance = resolve_tolerance(arrays["tolerance"], layer.n_outputs)
        if not 0 < index.unit < 0.5:
            raise StoreError(f"{where / INDEX} names a unit roundoff of {index.unit}; save the certificates again.")
        system = LayerSystem(layer, domain, tolerance, index.unit, index.exact)
    except UnreluError as error:
        raise StoreError(f"the arrays in {where} do not fit together: {error}") from error
    width = layer.n_inputs if subject == "inputs" else layer.n_outputs
    if inputs.shape != (index.n_inputs, width) or not np.isfinite(inputs).all():
        raise StoreError(
            f"{where} should have {index.n_inputs} {subject} of {width} finite numbers, but its array has shape "
            f"{inputs.shape} or other numbers; save the certificates again."
        )
    of_sets = index.statement == "sets"
    if (index.exhaustive and not of_sets) or (of_sets and tolerance.any()):
        raise StoreError(
            f"{where / INDEX} claims what has no meaning: only sets of features make up all sets, and they know no "
            "tolerance; save the certificates again."
        )
    return SavedCertificates(where, index, system, inputs)


def find_certificates(folder: str | PathLike[str]) -> list[Path]:
    """All folders with certificates in a folder, itself included, by name.

    Raises:
        StoreError: if there are none.
    """
    found = sorted(path.parent for path in Path(folder).rglob(INDEX))
    if not found:
        raise StoreError(f"there are no certificates in {folder}: no {INDEX} anywhere in it; name another folder.")
    return found


def _array_names(index: CertificateIndex) -> list[str]:
    of_domain = [f"domain_{name}" for name in DOMAIN] if "domain_origin" in index.arrays else []
    subject = SUBJECTS[index.statement]
    return ["weight", "bias", "tolerance", *array_names(index.activation), *of_domain, subject]


def _n_columns(index: CertificateIndex) -> int:
    return math.prod(index.input_shape)


def _certificate(
    statement: SameFeatures | IndexSet, proofs: Mapping[str, object]
) -> PreimageCertificate | IndexSetCertificate:
    """The certificate of proofs about cones and about members, each in its place."""
    of_cones, of_members = ([proofs[fact] for fact in facts] for facts in (FACTS[:2], FACTS[2:]))
    if any(proof is not None and not hasattr(proof, "trivial") for proof in of_cones):
        raise ValueError("a proof stands where one about a cone belongs")
    if any(proof is not None and not hasattr(proof, "admissible") for proof in of_members):
        raise ValueError("a proof stands where one about a member belongs")
    existence = cast("SignCertificate | None", proofs["existence"])
    if isinstance(statement, IndexSet):
        if any(proof is not None for fact, proof in proofs.items() if fact != "existence"):
            raise ValueError("a set of features has a proof that only a preimage has")
        return IndexSetCertificate(statement, existence)
    return PreimageCertificate(
        statement,
        bounded=cast("ConeCertificate | None", proofs["bounded"]),
        singleton=cast("ConeCertificate | None", proofs["singleton"]),
        existence=existence,
        interior=cast("SignCertificate | None", proofs["interior"]),
    )


def _proof(rows: pa.Table, fact: str, offset: int) -> ConeCertificate | SignCertificate | str | None:
    """A certificate; `SAME` where it is another's; None where there is none."""
    form = rows[f"{fact}_form"][offset].as_py()
    if form is None:
        return None
    if form == SAME:
        return SAME
    numbers, indices, integers = (rows[f"{fact}_{part}"][offset] for part in ("numbers", "indices", "integers"))
    return certificate_of(
        CertificateRecord(
            form=form,
            numbers=numbers.values.to_numpy(zero_copy_only=False) if numbers.is_valid else None,
            indices=indices.values.to_numpy(zero_copy_only=False) if indices.is_valid else None,
            integers=tuple(str(text) for text in integers.as_py()) if integers.is_valid else None,
        )
    )
