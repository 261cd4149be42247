"""The index of a study in a store: what was asked of what, and where its parts lie.

It holds nothing that a task computed: the same command writes the same index again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from unrelu.errors import StoreError
from unrelu.network.fingerprints import json_sha256
from unrelu.network.graph import Network
from unrelu.network.network_folder import can_be_saved
from unrelu.study.asked import Asked
from unrelu.study.info import StudyInfo, n_parameters
from unrelu.study.json_text import json_text
from unrelu.study.keys import FORMAT_VERSION
from unrelu.study.stores.store import Store
from unrelu.untrusted.printable import printable
from unrelu.untrusted.strict_json import parse_json
from unrelu.untrusted.typed import typed

FORMAT = "unrelu-study"

FOLDER = "studies"

LARGEST_NETWORK = 2**24
"""Numbers that a network may have to be written with its study: up to 128 MiB."""


@dataclass(frozen=True)
class StudyIndex:
    """What a store knows of one study.

    Attributes:
        key: the study's name.
        info: the network, the data and the versions.
        asked: the questions.
    """

    key: str
    info: StudyInfo
    asked: tuple[Asked, ...]


def write_index(store: Store, index: StudyIndex) -> None:
    """Put an index into a store.

    Raises:
        StoreError: if it cannot be written.
    """
    record: dict[str, object] = {"format": FORMAT, "version": FORMAT_VERSION, **asdict(index)}
    record = json.loads(json.dumps(record))
    record["sha256"] = json_sha256(record)
    store.put(f"{FOLDER}/{index.key}.json", json_text(record))


def read_indices(store: Store) -> dict[str, str]:
    """Names of the index files of all studies in a store, by key."""
    names = [name for name in store.names(FOLDER) if name.endswith(".json")]
    return {name.rpartition("/")[2].removesuffix(".json"): name for name in names}


def read_index(store: Store, name: str) -> StudyIndex:
    """Read an index.

    Raises:
        StoreError: if it is none, was changed, or is from another version.
    """
    where = f"{name} in {store.place}"
    try:
        record = parse_json(store.get(name))
    except ValueError as error:
        raise StoreError(f"{where} cannot be read ({error}); run the analysis again, which writes it anew.") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise StoreError(f"{where} is not the index of a study; name the folder or address given to analyze or save.")
    if record.get("version") != FORMAT_VERSION:
        raise StoreError(
            f"{where} has format version {printable(repr(record.get('version')), 40)}, this unrelu reads version "
            f"{FORMAT_VERSION}; read it with the unrelu that wrote it, or run the analysis again."
        )
    claimed = record.pop("sha256", None)
    try:
        if claimed != json_sha256(record):
            raise StoreError(f"{where} was changed after it was written; run the analysis again, which writes it anew.")
        index = typed(StudyIndex, {each: record.get(each) for each in ("key", "info", "asked")})
        known = {node.name for node in index.info.nodes}
        if not all(known.issuperset(node.sources) for node in index.info.nodes):
            raise ValueError("a layer depends on a node that there is not")
        return index
    except ValueError as error:
        raise StoreError(f"{where} does not describe a study ({error}); run the analysis again.") from error


def network_folder(sha256: str) -> str:
    """Where the network of that name lies in a store."""
    return f"networks/{sha256[:24]}.unrelu"


def goes_with_study(network: Network) -> bool:
    """Whether a network is written beside its studies."""
    return n_parameters(network) <= LARGEST_NETWORK and can_be_saved(network)
