"""Every layer, every input: the whole analysis of a network in one call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

import numpy as np

from unrelu.errors import InputError, JoinedLayer, ShapeError, TooLarge, UnknownNode
from unrelu.metamerism.feature_map import feature_map
from unrelu.metamerism.metamer import PICTURES
from unrelu.metamerism.pairs import Pair, choose_pairs
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.network.expected import expect_network
from unrelu.network.fingerprints import array_sha256
from unrelu.network.graph import Network
from unrelu.parallel import in_threads
from unrelu.polyhedra.describe import describe_domain
from unrelu.polyhedra.domain_at import place
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.nearest import check_norm
from unrelu.preimages.certificate_files.save import file_name, save_certificates
from unrelu.preimages.classification import Classification
from unrelu.preimages.questions import classify
from unrelu.progress import Progress, resolve_progress
from unrelu.stability.jacobian import check_size
from unrelu.stability.spectra import spectra as spectra_of
from unrelu.study.bound_rows import bound_rows
from unrelu.study.freedom_rows import freedom_rows
from unrelu.study.info import StudyInfo, n_parameters, network_nodes, versions, weights_sha256
from unrelu.study.kept_layer import kept_layer
from unrelu.study.kept_rows import kept_rows
from unrelu.study.layer_rows import LeftOut, layer_table
from unrelu.study.metamer_rows import metamer_rows, predicted
from unrelu.study.pictures import picture_range, resolve_picture_shape
from unrelu.study.prior_rows import Prior, prior_rows
from unrelu.study.schemas import BOUNDS, FREEDOM, INPUTS, KEPT, METAMERS, PRIORS, SPECTRA, VERDICTS, table
from unrelu.study.spectrum_rows import spectrum_row
from unrelu.study.study import Study
from unrelu.study.verdict_rows import Proofs, verdict_rows

_BATCH = 256  # inputs pushed through the network at once


def analyze(
    net: Network,
    data: Array,
    *,
    labels: Array | None = None,
    layers: Sequence[str] | None = None,
    spectra: int = 32,
    bounds: int = 2,
    metamers: int = 0,
    metamer_layer: str | None = None,
    metamer_domain: Domain | None = PICTURES,
    metamer_norms: Sequence[float] = (1, 2, math.inf),
    prior: Domain | None = None,
    freedom: int = 0,
    picture_shape: tuple[int, ...] | None = None,
    classes: Sequence[str] = (),
    name: str = "network",
    data_name: str = "data",
    verify: bool = True,
    certificates: str | PathLike[str] | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
    workers: int | None = None,
) -> Study:
    """What the network cannot see: preimages of its layers, stability of the inverse, metamers.

    Verdicts are about each ReLU layer by itself: which inputs *of that layer* give the features it gives. Those of a
    hidden layer range over all of its input space, not only over what the layers before it can reach. Spectra are
    about the prefix of the network from its input through the layer. Both range over all of space.

    A layer that cannot be asked (joined from several nodes, or too large for a dense matrix) is listed in the
    study's layer table with the reason.

    Args:
        net: the network.
        data: (n, *input_shape) inputs.
        labels: (n,) class of each input, as integers.
        layers: names of the ReLU layers that get verdicts; all of them by default.
        spectra: how many inputs, from the first on, get the spectra of all layers; 0 for none.
        bounds: how many inputs, from the first on, get the bounds of Lemmas 8 and 9 for the layers that have verdicts,
            beside the singular values of the layer by itself; 0 for none.
        metamers: how many pairs of original and target get a metamer: those originals with the fewest positive
            features, and targets of another class; 0 for none.
        metamer_layer: name of the node whose features they keep; by default the first cut (`Network.cuts`) at or behind
            a ReLU: in a chain the first ReLU layer, where branches run side by side the node in which they meet. Only
            where it is a cut can nothing behind it tell inputs with the same features apart; otherwise the study names
            what still can (`Study.kept`).
        metamer_domain: where metamers may lie; pictures in [0, 1] by default, None for all of space.
        metamer_norms: distances to the target that are minimised, one metamer for each.
        prior: what inputs are valid, e.g. `Box(0, 1)` for pictures. If given, each input gets a second verdict: whether
            it is the only valid one with its features in the first ReLU layer that is fed by the network's input.
        freedom: how many inputs get the exact range of each coordinate over all inputs in the prior with the same
            features: two linear programs a coordinate, or far fewer where many reach their bounds; 0 for none.
        picture_shape: (h, w), (1, h, w) or (3, h, w), for inputs that are pictures but flat.
        classes: names of the classes, by index.
        name: what to call the network in the report.
        data_name: what to call the data in the report.
        verify: whether to check every certificate and prove dimensions; without, verdicts are "computed, not proved".
        certificates: a folder for the certificates of the verdicts, one in it a layer; see `save_certificates`.
        seed: of the random choice of targets.
        progress: see `unrelu.progress.resolve_progress`.
        workers: threads for verdicts and spectra; all cores by default.

    Returns:
        The study: tables, and what made them. `study.report(path)` shows it, `study.save(folder)` keeps it.

    Raises:
        InputError: if the data, the labels or a count do not fit the network or each other, or there is a prior but
            no ReLU layer that is fed by the network's input alone, or freedom is asked for without a prior.
        UnknownNode: if a name in `layers` is not that of a ReLU layer, or `metamer_layer` is no node's.
        DomainError: if an original does not lie in `metamer_domain`, or an input does not lie in `prior`.
        StoreError: if certificates cannot be written.
        TooLarge: if metamers, a prior or freedom are asked for and the layer they are about does not fit in memory as
            a dense matrix.
    """
    expect_network(net)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    x = _checked_data(net, data)
    y = _checked_labels(labels, len(x))
    names = _checked_layers(net, layers)
    for count, what in ((spectra, "spectra"), (bounds, "bounds"), (freedom, "freedom"), (metamers, "metamers")):
        if count < 0:
            raise InputError(f"{what} must be 0 or more, not {count}.")
    if freedom and prior is None:
        raise InputError("freedom is about all valid inputs with the same features; give a prior, such as Box(0, 1).")
    kept = kept_layer(net, metamer_layer)
    shown_shape = resolve_picture_shape(net.input_shape, picture_shape)
    progress = resolve_progress(progress)
    clock = _Clock()

    with clock.stage("predictions"):
        said = _batched(lambda batch: predicted(net, batch), x) if net.output_size > 1 else None
        # Before the long work, so that what cannot be asked is refused at once.
        pairs = _pairs(net, kept, x, said if y is None else y, metamers, seed)
        unit = unit_roundoff(data)
        if kept is not None:
            _check_metamers(net, kept, x, pairs, metamer_norms, metamer_domain, unit)
        valid = None if prior is None else Prior.of(net, x, prior, unit)
        if valid is not None and freedom:
            _ = valid.layer.dense_weight  # which the ranges need
            if valid.layer.units.falls.any():
                raise InputError(
                    f"freedom is about one polyhedron, and units of {valid.layer.name} have a feature on several "
                    "pieces; leave freedom out."
                )
    verdicts: list[dict[str, object]] = []
    no_verdicts = {layer: "not asked for" for layer in net.layers if layer not in names}
    folding_errors: dict[str, float] = {}
    with clock.stage("verdicts"):
        for layer in names:
            try:
                folded = net.layer(layer)
                fed = _batched(lambda batch, layer=layer: net.layer_input(layer, batch), x)
            except (JoinedLayer, TooLarge) as error:
                no_verdicts[layer] = str(error)
                continue
            folding_errors[layer] = folded.folding_error
            found = classify(folded, fed, progress=progress, workers=workers)
            if certificates is not None:
                save_certificates(found, Path(certificates) / file_name(layer), progress=progress)
            verdicts.extend(verdict_rows(layer, found, _proofs(found, progress, workers) if verify else None))
    prior_records: list[dict[str, object]] = []
    if valid is not None:
        with clock.stage("prior"):
            prior_records = prior_rows(valid, x, verify=verify, progress=progress, workers=workers)
    freedom_records: list[dict[str, object]] = []
    if valid is not None and freedom:
        with clock.stage("freedom"):
            freedom_records = freedom_rows(valid, x, prior_records, freedom, progress=progress, workers=workers)
    spectrum_records: list[dict[str, object]] = []
    no_spectra = {} if spectra and len(x) else dict.fromkeys(net.layers, "not asked for")
    with clock.stage("spectra"):
        if not no_spectra:
            spectrum_records, no_spectra = _spectra(net, x[:spectra], progress, workers)
    with clock.stage("bounds"):
        bound_records, no_bounds = bound_rows(net, x[:bounds], names, progress)
    metamer_records: list[dict[str, object]] = []
    with clock.stage("metamers"):
        if kept is not None and pairs:
            metamer_records = metamer_rows(
                net,
                kept,
                x,
                pairs,
                metamer_norms,
                domain=metamer_domain,
                unit=unit,
                labels=y,
                progress=progress,
            )

    verdict_table, spectrum_table = table(VERDICTS, verdicts), table(SPECTRA, spectrum_records)
    prior_table, metamer_table = table(PRIORS, prior_records), table(METAMERS, metamer_records)
    kept_table = table(KEPT, [] if kept is None else kept_rows(net, kept, metamer_records))
    left_out = LeftOut(no_verdicts, no_spectra, no_bounds, folding_errors)
    return Study(
        info=StudyInfo(
            name=name,
            data_name=data_name,
            created=created,
            input_shape=net.input_shape,
            output_size=net.output_size,
            head=net.head,
            n_parameters=n_parameters(net),
            nodes=network_nodes(net),
            weights_sha256=weights_sha256(net),
            data_sha256=array_sha256(x),
            n_inputs=len(x),
            n_correct=None if y is None or said is None else int((said == y).sum()),
            n_spectra=min(spectra, len(x)),
            picture_shape=shown_shape,
            picture_range=None if shown_shape is None else picture_range(x, metamer_domain),
            classes=tuple(str(label) for label in classes),
            metamer_domain=describe_domain(metamer_domain),
            prior=None if prior is None else describe_domain(prior),
            verified=verify,
            seed=seed,
            versions=versions(),
            seconds=clock.seconds,
        ),
        layers=layer_table(net, verdict_table, prior_table, spectrum_table, left_out),
        inputs=table(
            INPUTS,
            [
                {
                    "input": index,
                    "label": None if y is None else int(y[index]),
                    "predicted": None if said is None else int(said[index]),
                }
                for index in range(len(x))
            ],
        ),
        verdicts=verdict_table,
        priors=prior_table,
        freedom=table(FREEDOM, freedom_records),
        spectra=spectrum_table,
        bounds=table(BOUNDS, bound_records),
        metamers=metamer_table,
        kept=kept_table,
        network=replace(net, source=None),
    )


def _pairs(
    net: Network, layer: str | None, x: np.ndarray, classes: np.ndarray | None, count: int, seed: int
) -> list[Pair]:
    if not count or layer is None:
        return []
    prefix = net.upto(layer)
    return choose_pairs(
        _batched(lambda batch: (np.asarray(prefix(batch)) > 0).reshape(len(batch), -1).sum(axis=1), x),
        classes,
        count,
        seed,
    )


def _check_metamers(
    net: Network,
    layer: str,
    x: np.ndarray,
    pairs: Sequence[Pair],
    norms: Sequence[float],
    domain: Domain | None,
    unit: float,
) -> None:
    if pairs:
        features = feature_map(net.upto(layer))
        where = resolve(domain, net.input_size)
        for pair in pairs:
            place(where, x[pair.original].ravel(), unit=unit, what=f"input {pair.original}, a metamer's original")
        for norm in norms:
            check_norm(norm)
        if features.layer is None:  # whether the rows fit is known when it is known how many there are
            for pair in pairs:
                at = x[pair.original].ravel()
                features.walk_statement(at, at, where, 0.0, unit=unit)


def _proofs(found: Classification, progress: Progress, workers: int | None) -> Proofs:
    verified = found.verify(progress=progress, workers=workers)
    dimensions = []
    with progress.stage(f"dimensions of {found.layer.name}", len(found)) as advance:
        for dimension in in_threads(lambda preimage: preimage.dimension, found.preimages, workers=workers):
            dimensions.append(dimension)
            advance(1)
    return Proofs(verified, tuple(dimensions))


def _spectra(
    net: Network, x: np.ndarray, progress: Progress, workers: int | None
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """Rows of all layers at these inputs, and the reasons of the layers that have none."""
    left_out: dict[str, str] = {}
    for layer in net.layers:
        try:
            check_size(layer, math.prod(net.node(layer).shape), net.input_size)
        except TooLarge as error:
            left_out[layer] = str(error)
    asked = [layer for layer in net.layers if layer not in left_out]
    found = spectra_of(net, x, layers=asked, progress=progress, workers=workers)
    return [spectrum_row(each) for each in found], left_out


def _checked_data(net: Network, data: Array) -> np.ndarray:
    x = as_numpy(data, "the data")
    if x.shape[1:] != net.input_shape or x.ndim == 0:
        raise ShapeError(
            f"the data have shape {x.shape}, the network takes (n, {', '.join(map(str, net.input_shape))}): "
            "dimension 0 is the batch; reshape the data."
        )
    if len(x) == 0:
        raise InputError("the data hold no inputs; give at least one.")
    return x


def _checked_labels(labels: Array | None, n: int) -> np.ndarray | None:
    if labels is None:
        return None
    y = as_numpy(labels, "the labels")
    if y.shape != (n,) or bool((y != np.round(y)).any()):
        raise InputError(f"labels must be {n} integers, one for each input, not an array of shape {y.shape}.")
    return y.astype(np.int64)


def _checked_layers(net: Network, layers: Sequence[str] | None) -> tuple[str, ...]:
    if layers is None:
        return net.layers
    if isinstance(layers, str):
        raise InputError(f"layers must be a list of names, such as [{layers!r}].")
    unknown = [name for name in layers if name not in net.layers]
    if unknown:
        raise UnknownNode(f"there is no ReLU layer {unknown[0]!r}; the network's layers are {', '.join(net.layers)}.")
    return tuple(name for name in net.layers if name in layers)


def _batched(function: Callable[[np.ndarray], Array | None], x: np.ndarray) -> np.ndarray:
    """A function of a batch on all inputs, some at a time."""
    parts = [np.asarray(function(x[start : start + _BATCH])) for start in range(0, len(x), _BATCH)]
    return np.concatenate(parts)


class _Clock:
    """Adds up the wall-clock seconds of named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
