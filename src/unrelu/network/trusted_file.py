"""Files of PyTorch that can run code when they are read."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from unrelu.errors import ModelFileError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

PROGRAM = ".pt2"
"""Suffix of a file that `torch.export.save` wrote."""


def read_trusted(path: Path) -> torch.nn.Module | ExportedProgram:
    """The module or program in a file, which may run any code that its writer put there.

    Args:
        path: of a file that `torch.export.save` wrote (.pt2), or `torch.save` of a whole module.

    Raises:
        ModelFileError: if it is missing, damaged, or holds weights without their module; it says what to do.
    """
    if not path.is_file():
        raise ModelFileError(f"there is no file {str(path)!r}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own deprecations
            if path.suffix.lower() == PROGRAM:
                return torch.export.load(path)
            held = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:  # a pickle may raise anything
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelFileError(
            f"{str(path)!r} cannot be read ({first}); classes of your own must be importable, and the versions of "
            "PyTorch fit."
        ) from error
    if isinstance(held, torch.nn.Module):
        return held
    if isinstance(held, Mapping):
        raise ModelFileError(
            f"{str(path)!r} holds weights without their module (a state dict, or a checkpoint with one); make the "
            "module, load them into it (load_state_dict), and use Network.from_torch(module, example_input)."
        )
    raise ModelFileError(f"{str(path)!r} holds a {type(held).__name__}, which is no module.")
