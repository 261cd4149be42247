"""Folders with proofs that all solutions are listed, changed as a forger would."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

import unrelu as ur
from inverse_cases import InverseCase
from known_preimages import Known
from preimages.certificate_folders import reindexed
from unrelu.frontier.tree import Tree
from unrelu.preimages.certificate_files.tree_files import write_tree


def save(case: InverseCase | Known, folder: Path, **more: Any) -> ur.Inversion:
    """Search, and save what was found."""
    domain = ur.Box(case.lower, case.upper)
    found = ur.invert(case.network, case.measured, domain=domain, progress=False, **more)
    found.certificate.save(folder)
    return found


def retold(folder: Path, change: Callable[[dict[str, Any]], object], *, renew: bool = True) -> None:
    """Change the tree in a folder, given by its fields, and name it anew."""
    tree = ur.load_certificates(folder).completeness.tree
    columns = {field.name: copy.deepcopy(getattr(tree, field.name)) for field in fields(Tree)}
    change(columns)
    write_tree(folder / "certificates.parquet", Tree(**columns))
    if renew:
        reindexed(folder)


def with_array(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray], *, renew: bool = True) -> None:
    """Change an array in a folder, and name it anew."""
    values = np.load(folder / f"{name}.npy").astype(float)
    np.save(folder / f"{name}.npy", change(values))
    if renew:
        reindexed(folder)


def same_bits(one: Tree, other: Tree) -> bool:
    """Whether two trees are the same to the last bit."""
    for field in fields(Tree):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if not isinstance(a, np.ndarray):
            if list(a) != list(b) or any(a[k].tobytes() != b[k].tobytes() for k in a):
                return False
        elif (a.dtype, a.shape, a.tobytes()) != (b.dtype, b.shape, b.tobytes()):
            return False
    return True
