"""The folder that results are written to."""

from __future__ import annotations

import os
from pathlib import Path

from unrelu.errors import StoreError


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder, so that a wrong path is known before hours of work and not after.

    Raises:
        StoreError: if that is not possible, or nothing may be written there.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made ({error.strerror}); name another one.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"nothing may be written to the folder {folder}; name another one.")
    return folder
