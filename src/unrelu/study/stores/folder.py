"""Files in a folder, or at any address that fsspec knows."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import PurePosixPath

import fsspec
from fsspec.implementations.local import LocalFileSystem

from unrelu.errors import MissingExtra, StoreError
from unrelu.study.stores.local_files import LocalFiles, files_below
from unrelu.study.stores.store import NoSuchFile
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import read_regular

LARGEST_FILE = 2**31
"""Bytes that a file may have."""

_AT_ONCE = 8
"""Puts at a time in an object store."""

_ONE_LINE = {"ftp", "sftp", "ssh", "smb", "zip", "tar", "libarchive"}
"""Kinds of addresses whose connection, or file, is for one thread at a time."""


class FolderStore:
    """A folder on this machine, or an address such as `s3://bucket/study`.

    On this machine a file is written under another name and then renamed; in an object store a put is whole by itself.
    Elsewhere (ftp, ssh) a put that is broken off may leave half a file, which its checksum tells.
    """

    def __init__(self, where: str | os.PathLike[str]) -> None:
        """Find the folder; it is made when the first file is put.

        Raises:
            StoreError: if the address is of no kind that is known.
            MissingExtra: if a package for that kind of address is not installed.
        """
        self._where = os.fspath(where)
        try:
            self._fs, root = fsspec.core.url_to_fs(self._where)
        except ImportError as error:
            raise MissingExtra(f"the store {self._where} needs another package: {error}") from error
        except ValueError as error:
            raise StoreError(f"{self._where} is no address of a store ({error}); name a folder or a URL.") from error
        self._root = root.rstrip("/")
        self._made: set[str] = set()
        self._local = LocalFiles(self._root) if isinstance(self._fs, LocalFileSystem) else None

    @property
    def place(self) -> str:
        """Where it is."""
        return self._where

    @property
    def at_once(self) -> int:
        """Several in an object store, where each put is a request; one on this machine, and over a single line."""
        if self._local is not None:
            return 1
        kinds = self._fs.protocol
        return 1 if _ONE_LINE.intersection([kinds] if isinstance(kinds, str) else kinds) else _AT_ONCE

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, sorted; those that are being written are none."""
        where = self._at(folder)
        try:
            if self._local is not None:
                found = list(files_below(where))
            else:
                self._fs.invalidate_cache()
                found = self._fs.find(where)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(f"{self.place} cannot be listed ({error}); check that it can be reached.") from error
        names = (str(path)[len(self._root) + 1 :] for path in found)
        return sorted(name for name in names if not PurePosixPath(name).name.startswith("."))

    def get(self, name: str) -> bytes:
        """The content of a file."""
        where = self._at(name)
        try:
            return read_regular(where, LARGEST_FILE) if self._local is not None else self._fs.cat_file(where)
        except FileNotFoundError:
            raise NoSuchFile(f"there is no {name} in {self.place}; run the analysis again.") from None
        except OSError as error:
            raise StoreError(f"{name} in {self.place} cannot be read ({error}); copy the whole folder.") from error

    def put(self, name: str, content: bytes) -> None:
        """Write a file at once."""
        where = self._at(name)
        try:
            if self._local is not None:
                self._local.put(where, content)
            else:
                self._make(str(PurePosixPath(where).parent))
                self._fs.pipe_file(where, content)
        except OSError as error:
            what = "free some space there" if error.errno in _FULL else "choose a folder that you may write to"
            raise StoreError(
                f"nothing more can be written to {self.place} ({error.strerror or error}); {what}, and the same "
                "command goes on from what is kept."
            ) from error

    def set_aside(self, name: str) -> str:
        """Move a file below `damaged/`."""
        aside = f"damaged/{name}.{uuid.uuid4().hex[:8]}"
        source, target = self._at(name), self._at(aside)
        try:
            self._fs.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
            self._fs.mv(source, target)
        except FileNotFoundError:  # another run has just moved it
            pass
        except OSError as error:
            raise StoreError(f"the damaged {name} in {self.place} cannot be moved ({error}); remove it.") from error
        return aside

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            self._fs.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    def close(self) -> None:
        """Remove what was needed to write; more can be put afterwards."""
        if self._local is not None:
            self._local.close()

    def _at(self, name: str) -> str:
        """Where a file or folder of that name lies: below the store, whatever an index or a part calls it."""
        if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in name.split("/")):
            raise NoSuchFile(f"{printable(name, 80)!r} is no name of a file in {self.place}; remove what names it so.")
        return f"{self._root}/{name}"


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
