"""A network as a folder within another folder, whose index names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unrelu.errors import ModelFileError, StoreError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.network_folder import INDEX, SUFFIX, load_network, save_network
from unrelu.untrusted.regular_file import file_sha256

NETWORK = f"network{SUFFIX}"
"""Name of the folder with the network."""


@dataclass(frozen=True)
class NamedNetwork:
    """What an index says about a network in its folder.

    Attributes:
        sha256: the network's name (`weights_sha256`), over its graph and every field of every operator.
        file: SHA-256 of the file that describes it, which also says what does not count in its name.
    """

    sha256: str
    file: str


def write_named_network(folder: Path, network: Network) -> NamedNetwork:
    """Write a network.

    Raises:
        StoreError: if nothing can be written there, or an operator is not one of unrelu.
    """
    try:
        save_network(network, folder / NETWORK)
    except ModelFileError as error:
        raise StoreError(str(error)) from error
    return NamedNetwork(weights_sha256(network), file_sha256(folder / NETWORK / INDEX))


def read_named_network(folder: Path, named: NamedNetwork) -> Network:
    """The network that was written.

    Raises:
        StoreError: if it is not the one that was written.
    """
    path = folder / NETWORK / INDEX
    try:
        if file_sha256(path) != named.file:
            raise StoreError(f"{path} is not the file that was saved; copy or save the whole folder again.")
        network = load_network(folder / NETWORK)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error}); copy the whole folder.") from error
    except ModelFileError as error:
        raise StoreError(str(error)) from error
    if weights_sha256(network) != named.sha256:
        raise StoreError(f"{folder / NETWORK} is not the network that was saved; copy or save the whole folder again.")
    return network
