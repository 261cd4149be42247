"""Files of a folder on this machine, each written under another name and then renamed."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from threading import Lock

from unrelu.study.scratch import scratch_folder

WRITING = ".writing"
"""Folder below the root for files that are being written; each process has one of its own in there."""

_HAS_DIR_FD = {os.open, os.rename, os.unlink} <= os.supports_dir_fd

_OPEN = 16
"""Folders that are kept open, at most."""


class LocalFiles:
    """Writes files below a root, such that a reader sees all of one or what was there before.

    What a killed process had half written is removed by the next one that writes below the same root; see
    `scratch_folder`. Folders stay open, as finding one by its path takes as long as writing a small file.
    """

    def __init__(self, root: str) -> None:
        """Nothing is made until the first file is put."""
        self._root = Path(root)
        self._open = ExitStack()
        self._lock = Lock()
        self._own: int | None = None
        self._folders: OrderedDict[str, int] = OrderedDict()
        self._numbers = count()

    def __reduce__(self) -> tuple[type[LocalFiles], tuple[str]]:
        """What is open stays here: a copy in another process makes its own."""
        return LocalFiles, (str(self._root),)

    def put(self, path: str, content: bytes) -> None:
        """Write a file.

        Raises:
            OSError: if that is not possible.
        """
        if not _HAS_DIR_FD:  # Windows
            return _put_beside(path, content)
        try:
            self._put(path, content)
        except FileNotFoundError:  # somebody has removed one of the folders meanwhile
            self.close()
            self._put(path, content)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _put_beside(path, content)  # its folder lies on another disk than the root

    def close(self) -> None:
        """Remove this process' own folder; the next put makes another one."""
        with self._lock:
            made, self._own = self._own is not None, None
            while self._folders:
                os.close(self._folders.popitem()[1])
            self._open.close()
            if made:
                with suppress(OSError):  # another process has its own folder there
                    (self._root / WRITING).rmdir()

    def _put(self, path: str, content: bytes) -> None:
        folder, _, name = path.rpartition("/")
        with self._lock:
            own, target = self._writing(), self._folder(folder)
            partial = str(next(self._numbers))
            try:
                _write(partial, content, own)
                os.rename(partial, name, src_dir_fd=own, dst_dir_fd=target)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(partial, dir_fd=own)
                raise

    def _writing(self) -> int:
        if self._own is None:
            place = self._root / WRITING
            place.mkdir(parents=True, exist_ok=True)
            folder = self._open.enter_context(scratch_folder(place, by_age=True))
            self._own = os.open(folder, os.O_RDONLY)
            self._open.callback(os.close, self._own)
        return self._own

    def _folder(self, folder: str) -> int:
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders[folder] = os.open(folder, os.O_RDONLY)
            if len(self._folders) > _OPEN:
                os.close(self._folders.popitem(last=False)[1])
        return self._folders[folder]


def files_below(folder: str) -> Iterator[str]:
    """All files somewhere below a folder of this machine; what has a name that begins with a dot is being written."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from files_below(entry.path)
            else:
                yield entry.path


def _put_beside(path: str, content: bytes) -> None:
    folder, _, name = path.rpartition("/")
    os.makedirs(folder, exist_ok=True)
    partial = f"{folder}/.{name}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        _write(partial, content)
        os.replace(partial, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(partial)
        raise


def _write(path: str, content: bytes, folder: int | None = None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags, 0o666, dir_fd=folder)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)
