"""Reading certificates from a folder, and verifying them without a solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
import pyarrow as pa

from unrelu.errors import InputError, StoreError, UnreluError, UnsupportedOperator
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.named_network import read_named_network
from unrelu.network.stored_arrays import read_named_array
from unrelu.parallel import in_threads
from unrelu.polyhedra.domains import resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificate_files.digest import claim_sha256
from unrelu.preimages.certificate_files.index import INDEX, SUBJECTS, TABLE, CertificateIndex, read_index
from unrelu.preimages.certificate_files.layer_files import read_layer
from unrelu.preimages.certificate_files.layer_table import BLOCK, layer_certificates
from unrelu.preimages.certificate_files.prefix_table import FEW, prefix_certificates
from unrelu.preimages.certificate_files.save import DOMAIN
from unrelu.preimages.certificate_files.schema import FACTS, PREFIX_SCHEMA, SCHEMA
from unrelu.preimages.certificate_files.set_rows import set_of
from unrelu.preimages.certificate_files.solution_statement import solution_statement
from unrelu.preimages.certificate_files.tree_files import read_tree, tree_sha256
from unrelu.preimages.certificate_files.verdict import SavedVerdict, Verification
from unrelu.preimages.index_set import IndexSet, make_up_all
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.prefix_statement import PrefixStatement
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.preimages.same_features import SameFeatures
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
from unrelu.progress import Progress, resolve_progress
from unrelu.untrusted.parquet import ROOM, open_table
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import file_sha256, open_regular


@dataclass(frozen=True, eq=False)
class SavedCertificates:
    """Certificates in a folder, with all that they are about; they stay on disk until they are asked for.

    Attributes:
        folder: where they are.
        index: the folder's index, with the SHA-256 of the layer's weight and bias, of the inputs and of the domain:
            compare them with `array_sha256` of your own; of a prefix with `weights_sha256` of your network's.
        system: the layer or the prefix, the domain and the tolerance.
        inputs: (n, d) float64, the points; or (n, m), the features, or the sets as `set_rows` writes them, whichever
            `index.statement` says.
    """

    folder: Path
    index: CertificateIndex
    system: LayerSystem | PrefixSystem
    inputs: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def layer(self) -> ReLULayer:
        """The layer.

        Raises:
            InputError: if the certificates are about a prefix of a network.
        """
        if isinstance(self.system, PrefixSystem):
            raise InputError("these certificates are about a prefix of a network, not about a layer: `prefix` is it.")
        return self.system.layer

    @property
    def prefix(self) -> Network:
        """The prefix of a network.

        Raises:
            InputError: if the certificates are about a layer.
        """
        if isinstance(self.system, LayerSystem):
            raise InputError("these certificates are about a layer, not about a prefix of a network: `layer` is it.")
        return self.system.prefix

    def verdicts(self) -> Iterator[list[SavedVerdict]]:
        """What is claimed about each input, with its certificate, a block at a time.

        Raises:
            StoreError: if the table is damaged.
        """
        if self.index.statement == "solutions":
            yield [SavedVerdict(self.completeness.kind, self.completeness)]
            return
        done = 0
        path = self.folder / TABLE
        of_layer = isinstance(self.system, LayerSystem)
        schema, most = (SCHEMA, BLOCK) if of_layer else (PREFIX_SCHEMA, FEW)
        try:
            with open_regular(path) as stream, open_table(stream, schema, ROOM + self._expected) as table:
                if table.metadata.num_rows != len(self):
                    raise ValueError(f"it has {table.metadata.num_rows} rows for {len(self)} inputs")
                for group in range(table.num_row_groups):
                    if table.metadata.row_group(group).num_rows > most:
                        raise ValueError(f"it has more than {most} rows in a group")
                    block = self._block(table.read_row_group(group), done)
                    done += len(block)
                    yield block
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StoreError(f"{path} is damaged ({error}); copy or save the certificates again.") from error

    @cached_property
    def completeness(self) -> CompletenessCertificate:
        """The proof that all solutions are listed.

        Raises:
            InputError: if the certificates are about something else.
            StoreError: if the table is damaged.
            UnreluError: if no search answers such a question.
        """
        if self.index.statement != "solutions" or not isinstance(self.system, PrefixSystem):
            raise InputError("these certificates are about single inputs or sets, not about all solutions.")
        try:
            statement = solution_statement(self.system, self.inputs[0])
        except UnsupportedOperator as error:
            raise StoreError(
                f"{self.folder} asks for all solutions of a network that is not piecewise linear: {error}"
            ) from error
        tree = read_tree(self.folder / TABLE, self.system.n_inputs, self.system.n_features, statement.n_multipliers)
        return CompletenessCertificate(statement, tree)

    @property
    def _expected(self) -> int:
        """Bytes of `BLOCK` rows whose proofs have a number and an index for each row that the layer and domain have.

        None of a prefix: its rows are many, and nothing in the folder bounds how many.
        """
        if isinstance(self.system, PrefixSystem):
            return 0
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
        if self.index.statement == "solutions":
            return self._verify_solutions(resolve_progress(progress))
        claimed: list[bool] = []
        kinds: list[str] = []
        proved: list[bool] = []
        moved: list[int] = []
        shift = 0.0
        with resolve_progress(progress).stage(f"proofs of {self.system.title}", len(self)) as advance:
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

    def _verify_solutions(self, progress: Progress) -> Verification:
        certificate = self.completeness
        with progress.stage(f"nodes of the search of {self.system.title}", len(certificate.tree)) as advance:
            try:
                proved = certificate.verify(advance)
            except (RuntimeError, ArithmeticError) as error:  # of numbers that no search meets
                raise StoreError(
                    f"what {self.folder} says cannot be checked ({printable(str(error), 200)}); save it again."
                ) from error
        return Verification(
            claimed=np.ones(1, dtype=bool),
            proved=np.array([proved]),
            kinds=(certificate.kind,),
            exhaustive=None,
            rows_moved=np.zeros(1, dtype=np.int64),
            largest_shift=0.0,
            digest=claim_sha256(self.index, (certificate.kind,), tree_sha256(certificate.tree)),
        )

    def _block(self, rows: pa.Table, start: int) -> list[SavedVerdict]:
        if rows["kind"].null_count:
            raise ValueError("a verdict has no kind")
        if rows["input"].to_pylist() != list(range(start, min(start + len(rows), len(self)))):
            raise ValueError("its rows are not those of the inputs, in order")
        places = range(start, start + len(rows))
        if isinstance(self.system, PrefixSystem):
            system = self.system
            found = prefix_certificates(rows, [PrefixStatement(system, self.inputs[place]) for place in places])
        else:
            system = self.system
            found = layer_certificates(rows, [self._statement(system, place) for place in places])
        return [
            SavedVerdict(kind, certificate) for kind, certificate in zip(rows["kind"].to_pylist(), found, strict=True)
        ]

    def _statement(self, system: LayerSystem, index: int) -> SameFeatures | IndexSet:
        subject, about = self.inputs[index], self.index.statement
        if about == "sets":
            return IndexSet(system.layer, self._domain, set_of(subject))
        return SameFeatures(system, features=subject) if about == "features" else SameFeatures(system, subject)

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
    subject = SUBJECTS[index.statement]
    of_domain = [f"domain_{name}" for name in DOMAIN] if "domain_origin" in index.arrays else []
    arrays = {name: read_named_array(where, index.arrays, name) for name in ("tolerance", *of_domain, subject)}
    try:
        table = file_sha256(where / TABLE)
    except OSError as error:
        raise StoreError(f"{where / TABLE} cannot be read ({error}); copy the whole folder.") from error
    if table != index.table:
        raise StoreError(f"{where / TABLE} is not the file that was saved; copy or save the certificates again.")
    if not 0 < index.unit < 0.5:
        raise StoreError(f"{where / INDEX} names a unit roundoff of {index.unit}; save the certificates again.")
    try:
        system = _system(where, index, arrays)
    except StoreError:
        raise
    except UnreluError as error:
        raise StoreError(f"the arrays in {where} do not fit together: {error}") from error
    except ValueError as error:
        raise StoreError(f"{where / INDEX} is of no use here ({error}); save the certificates again.") from error
    inputs, width = arrays[subject], system.n_inputs if subject == "inputs" else system.n_features
    if inputs.shape != (index.n_inputs, width) or not np.isfinite(inputs).all():
        raise StoreError(
            f"{where} should have {index.n_inputs} {subject} of {width} finite numbers, but its array has shape "
            f"{inputs.shape} or other numbers; save the certificates again."
        )
    of_sets = index.statement == "sets"
    if (index.exhaustive and not of_sets) or (of_sets and system.tolerance.any()):
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


def _system(where: Path, index: CertificateIndex, arrays: dict[str, np.ndarray]) -> LayerSystem | PrefixSystem:
    """What the certificates are about.

    Raises:
        ValueError: if the index names what this version does not know.
        UnreluError: if a file is not the one that was written, or they do not fit together.
    """
    domain = None
    if "domain_origin" in arrays:
        domain = Polyhedron(**{name: arrays[f"domain_{name}"] for name in DOMAIN})
    if index.layer is not None:
        layer = read_layer(where, index.layer, index.arrays)
        return LayerSystem.ask(layer, domain, arrays["tolerance"], unit=index.unit, exact=index.exact)
    assert index.prefix is not None
    prefix = read_named_network(where, index.prefix)
    return PrefixSystem.ask(prefix, domain, arrays["tolerance"], unit=index.unit, exact=index.exact)
