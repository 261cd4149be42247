"""Files, and nothing else that has a name in a folder."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from pathlib import Path


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a file for reading, and refuse what is none before a byte of it is read.

    A pipe makes whoever opens it wait for a writer, and a device such as /dev/zero never ends.

    Raises:
        OSError: if it cannot be opened, or is a folder, a pipe, a socket or a device.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a folder, a pipe or a device and no file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | os.PathLike[str], limit: int) -> bytes:
    """The bytes of a file.

    Args:
        path: of the file.
        limit: bytes that it may have.

    Raises:
        OSError: as `open_regular` does, and if the file is longer.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        content = stream.read(min(size, limit) + 1)  # so many bytes are allocated, whether there are as many or not
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is longer than the {limit:,} bytes that such a file may have")
    if len(content) > size:
        raise OSError(errno.EAGAIN, "it holds more than it says, or grew while it was read")
    return content


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file.

    Raises:
        OSError: as `open_regular` does.
    """
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_readable_file(path: Path) -> bool:
    """Whether a path is that of a file, following links, without opening it."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
