"""What is saved together: the certificates of one call, and all that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError
from unrelu.polyhedra.domains import Box
from unrelu.preimages.certificate_files.set_rows import set_rows
from unrelu.preimages.index_set import IndexSet
from unrelu.preimages.index_set_certificate import IndexSetCertificate
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.prefix_certificate import PrefixCertificate
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
from unrelu.preimages.union.union_certificate import UnionCertificate

if TYPE_CHECKING:
    from typing import Protocol

    from unrelu.preimages.admissibility import Admissibility
    from unrelu.preimages.admissible_sets import AdmissibleSets
    from unrelu.preimages.classification import Classification
    from unrelu.preimages.preimage import Preimage

    class Listing(Protocol):
        """What `unrelu.invert` returns: all solutions, with a `CompletenessCertificate`."""

        @property
        def certificate(self) -> object:
            """The proof."""
            ...

    Savable = Classification | Preimage | Admissibility | AdmissibleSets | CompletenessCertificate | Listing


@dataclass(frozen=True, eq=False)
class Content:
    """Certificates about many subjects of one layer, or of a prefix of a network.

    Attributes:
        system: the layer or the prefix, the domain and the tolerance, which is 0 for sets of features.
        statement: one of `index.STATEMENTS`, which says what the subjects are.
        subjects: (n, d) float64 points, (n, m) features, or (n, m) sets as `set_rows` writes them.
        kinds: what is claimed about each.
        certificates: the proofs.
        exhaustive: whether they are sets that make up all sets of the layer's features.
    """

    system: LayerSystem | PrefixSystem
    statement: str
    subjects: np.ndarray
    kinds: tuple[str, ...]
    certificates: tuple[PreimageCertificate | PrefixCertificate | IndexSetCertificate | CompletenessCertificate, ...]
    exhaustive: bool = False


def content_of(found: Savable) -> Content:
    """What there is to save of an answer.

    Raises:
        InputError: if it is no answer whose certificates can be saved.
    """
    # Imported here, since whoever only verifies what was saved shall load no solver.
    from unrelu.preimages.admissibility import Admissibility
    from unrelu.preimages.admissible_sets import AdmissibleSets
    from unrelu.preimages.classification import Classification
    from unrelu.preimages.preimage import Preimage
    from unrelu.preimages.union.union_preimage import UnionPreimage

    if isinstance(found, Classification):
        if not len(found):
            raise InputError("all inputs were skipped, so there are no certificates to save.")
        return _of_preimages(found.system, found.preimages)
    if isinstance(found, UnionPreimage):
        raise InputError(
            "of a preimage whose pieces were searched for, the proof is not saved; save that of the point's piece, "
            "pre.piece, or the list of all solutions that an exact inversion gives."
        )
    if isinstance(found, Preimage):
        return _of_preimages(found.system, (found,))
    if isinstance(found, Admissibility):
        return _of_sets(found, [IndexSetCertificate(found.statement, found.certificate)], exhaustive=False)
    if isinstance(found, AdmissibleSets):
        answers = (*found.found, *found.excluded, *found.undecided)
        return _of_sets(
            found,
            [
                IndexSetCertificate(IndexSet(found.layer, found.domain, each.inactive), each.certificate)
                for each in answers
            ],
            exhaustive=True,
        )
    proof = getattr(found, "certificate", found)
    if isinstance(proof, CompletenessCertificate):
        return _of_solutions(proof)
    raise InputError(
        "certificates are saved of what ur.classify(layer, inputs), ur.preimage(layer, ...), ur.admissibility(layer, "
        f"inactive), ur.admissible_sets(layer) or ur.invert(net, ...) returned, not of a {type(found).__name__}."
    )


def _of_preimages(system: LayerSystem | PrefixSystem, preimages: Sequence[Preimage]) -> Content:
    features = [getattr(each.statement, "features", None) for each in preimages]  # of prefixes only points are given
    given = [y for y in features if y is not None]
    return Content(
        system=system,
        statement="features" if given else "points",
        subjects=np.array(given or [each.at for each in preimages]),
        kinds=tuple(each.kind.value for each in preimages),
        certificates=tuple(
            each.certificate for each in preimages if not isinstance(each.certificate, UnionCertificate)
        ),
    )


def _of_sets(
    found: Admissibility | AdmissibleSets, certificates: Sequence[IndexSetCertificate], *, exhaustive: bool
) -> Content:
    return Content(
        system=LayerSystem.ask(found.layer, found.domain, 0.0),
        statement="sets",
        subjects=set_rows([each.statement.inactive for each in certificates], found.layer.n_outputs),
        kinds=tuple(each.kind.value for each in certificates),
        certificates=tuple(certificates),
        exhaustive=exhaustive,
    )


def _of_solutions(proof: CompletenessCertificate) -> Content:
    asked = proof.statement
    lower, upper, y, rho = (
        each.detach().cpu().numpy().copy() for each in (asked.lower, asked.upper, asked.features, asked.resolution)
    )
    return Content(
        system=PrefixSystem.ask(asked.network, Box(lower, upper), rho),
        statement="solutions",
        subjects=y[None],
        kinds=(proof.kind,),
        certificates=(proof,),
    )
