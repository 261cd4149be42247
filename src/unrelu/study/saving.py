"""Studies in stores: putting one there, and reading it back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path

from unrelu.errors import InputError, ModelFileError, StoreError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.network_folder import INDEX, load_network, save_network
from unrelu.study.asked import Asked
from unrelu.study.keys import study_key
from unrelu.study.parts.part import Part
from unrelu.study.parts.part_file import DamagedPart, encode
from unrelu.study.question import Question
from unrelu.study.questions import QUESTIONS
from unrelu.study.running import describe_columns, files_of, kept_parts, put_part
from unrelu.study.stores.folder import FolderStore
from unrelu.study.stores.puts import Puts
from unrelu.study.stores.store import Store
from unrelu.study.study import Study
from unrelu.study.study_index import (
    StudyIndex,
    goes_with_study,
    network_folder,
    read_index,
    read_indices,
    write_index,
)


def save_study(study: Study, where: str | PathLike[str]) -> None:
    """Put a study into a store; see `Study.save`.

    Raises:
        StoreError: if nothing can be written there.
    """
    with closing(FolderStore(where)) as store:
        _put_study(store, study)


def _put_study(store: Store, study: Study) -> None:
    for asked in study.asked:
        kind = study.kinds.get(asked.name)
        parts = study.parts.get(asked.name, ())
        if kind is None:
            raise StoreError(f"the question {asked.name!r} is not known here; give its class to load_study.")
        describe_columns(store, asked, kind.schema)
        with Puts(store) as puts:
            for part in parts:
                files = _files_of(study, asked, part)
                puts.add(partial(put_part, store, asked, part.name, encode(part), files), lambda: None)
    if study.network is not None:
        put_network(store, study.network)
    write_index(store, StudyIndex(study_key(study.info, study.asked), study.info, study.asked))


def _files_of(study: Study, asked: Asked, part: Part) -> dict[str, bytes]:
    if not part.files:
        return {}
    assert study.store is not None
    try:
        return files_of(study.store, asked, part)
    except DamagedPart as error:
        raise StoreError(f"{part.name} in {study.store.place} is damaged ({error}); run the analysis again.") from error


def load_study(
    where: str | PathLike[str], *, study: str | None = None, questions: Iterable[type[Question]] = ()
) -> Study:
    """Read a study that `analyze` or `Study.save` put into a store, finished or not.

    Parts that are damaged are left out, and left where they are (`Study.complete` is False then): the same `analyze`
    sets them aside, and computes them again.

    Args:
        where: the folder or address.
        study: name of the study, or the first characters of it, where there are several; the last one begun if None.
        questions: classes of questions that are not unrelu's own.

    Raises:
        StoreError: if there is none, or its index is damaged or from another version.
        InputError: if there is no study of that name, or several begin so.
    """
    store = FolderStore(where)
    names = read_indices(store)
    if not names:
        raise StoreError(f"there is no study in {store.place}; name the folder or address given to analyze or save.")
    if study is not None:
        chosen = [name for key, name in names.items() if key.startswith(study)]
        if len(chosen) != 1:
            raise InputError(
                f"{'no study' if not chosen else 'more than one study'} in {store.place} has a name that begins with "
                f"{study!r}; there are {', '.join(names)}."
            )
        index = read_index(store, chosen[0])
    else:
        index = max((read_index(store, name) for name in names.values()), key=lambda each: each.info.created)
    kinds = {kind.name: kind for kind in (*QUESTIONS, *questions)}
    return study_of(store, index, kinds, get_network(store, index.info.weights_sha256))


def study_of(
    store: Store,
    index: StudyIndex,
    kinds: dict[str, type[Question]],
    network: Network | None,
    known: Mapping[str, Mapping[str, Part]] | None = None,
) -> Study:
    """The study that an index describes, from the parts that are there; those of questions that are known by name."""
    parts, known = {}, known or {}
    for asked in index.asked:
        if asked.name in kinds:
            kept = known.get(asked.name)
            if kept is None:
                kept = kept_parts(store, asked, kinds[asked.name].schema).parts
            parts[asked.name] = tuple(sorted(kept.values(), key=lambda part: part.number))
    return Study(index.info, index.asked, parts, kinds, network, store=store)


def put_network(store: Store, network: Network) -> None:
    """Write a network beside its studies, if it is not too large and has no operators of the user's own."""
    if not goes_with_study(network):
        return
    bare = replace(network, source=None)
    name = network_folder(weights_sha256(bare))
    if f"{name}/{INDEX}" in store.names(name):
        return
    with tempfile.TemporaryDirectory(prefix="unrelu-") as folder:
        place = Path(folder) / "network.unrelu"
        save_network(bare, place)
        files = sorted(place.rglob("*"), key=lambda path: path.name == INDEX)  # the index last
        for path in files:
            if path.is_file():
                store.put(f"{name}/{path.relative_to(place).as_posix()}", path.read_bytes())


def get_network(store: Store, sha256: str) -> Network | None:
    """The network of that name; None if it is not there.

    Raises:
        StoreError: if it is damaged.
    """
    name = network_folder(sha256)
    files = store.names(name)
    if f"{name}/{INDEX}" not in files:
        return None
    with tempfile.TemporaryDirectory(prefix="unrelu-") as folder:
        place = Path(folder) / "network.unrelu"
        for each in files:
            path = place / each.removeprefix(f"{name}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(store.get(each))
        try:
            found = load_network(place)
        except ModelFileError as error:
            raise StoreError(f"the network {name} in {store.place} is damaged ({error}); remove its folder.") from error
    if weights_sha256(found) != sha256:
        raise StoreError(f"the network {name} in {store.place} is not the one that was studied; remove its folder.")
    return found
