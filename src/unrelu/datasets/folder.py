"""Finding the files of a data set in a folder, and checking that they are the published ones."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from unrelu.errors import DataError

VARIABLE = "UNRELU_DATA"
"""The environment variable that names the folder with data sets."""


def data_folder(folder: str | os.PathLike[str] | None, name: str) -> Path:
    """The folder of one data set.

    Args:
        folder: where all data sets are; None for the environment variable UNRELU_DATA.
        name: the data set's own folder in it.

    Raises:
        DataError: if no folder was given, or it has no such folder in it.
    """
    given = folder if folder is not None else os.environ.get(VARIABLE)
    if not given:
        raise DataError(f"no folder with data sets was given; name one, or set the environment variable {VARIABLE}.")
    path = Path(given) / name
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; put the unpacked files of the data set there.")
    return path


def read_published(path: Path, md5: str | None) -> bytes:
    """The bytes of a file, checked against its published MD5.

    Args:
        path: the file.
        md5: 32 hexadecimal digits, or None to take the file as it is.

    Raises:
        DataError: if it is missing, cannot be read or is not the published file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; put the unpacked file of the data set there.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 is not None and found != md5:
        raise DataError(f"{path} is not the published file: its MD5 is {found}, not {md5}; get it again.")
    return content
