"""Operators that pick, blend, contract, sum up and spread, for samples of any shape (channels, height, width)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unrelu.operators import AffineOperator, Blend, Contraction, Shape, Slice, Sum, Take, TransposedConvolution

ONE = torch.ones(1, dtype=torch.float64)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def listed(*places: int) -> Tensor:
    return torch.tensor(places, dtype=torch.float64)


def instances(shape: Shape) -> dict[str, AffineOperator]:
    """One of each kind and more, by name."""
    c, h, w = shape
    flip, roll = listed(*reversed(range(w))), listed(*((k + 2) % h for k in range(h)))
    lower = torch.ones(w, w, dtype=torch.float64).tril()
    bands = normal(20, h + 1, h).triu(-1).tril(1)
    return {
        "flip": Take(flip, 2),
        "roll": Take(roll, 1),
        "channels": Take(listed(c - 1, 0, c - 1), 0),
        "zeros between": Take(listed(-1, 0, -1, w - 1, 2, 2, -1), 2),
        "only zeros": Take(listed(-1, -1), 1),
        "rows with gaps": Take(listed(1, 4), 1),
        "interpolation": Blend(
            torch.stack([listed(0, 0, 1, 3), listed(-1, 1, 2, 4)], 1), normal(0, 4, 2).abs() + 0.1, 2, 8.0
        ),
        "a place twice": Blend(torch.stack([listed(0, 1, 4), listed(0, 2, 4)], 1), normal(1, 3, 2), 1),
        "channels blended": Blend(torch.stack([listed(0, 1), listed(1, -1)], 1), normal(2, 2, 2), 0),
        "a weight of zero": Blend(torch.stack([listed(0, 1), listed(3, 2)], 1), torch.eye(2).double() * 2.5, 1),
        "rows times a matrix": Contraction(normal(3, 5, h), "chw,gh->cgw"),
        "cumulative": Contraction(lower, "chw,vw->chv"),
        "banded": Contraction(bands, "chw,gh->cgw"),
        "banded, written the other way": Contraction(bands.T.contiguous(), "chw,hg->cgw"),
        "channels times a matrix": Contraction(normal(4, c, 3), "chw,cd->dhw"),
        "a matrix for each column": Contraction(normal(5, w, 2, h), "chw,wgh->cgw"),
        "elementwise": Contraction(normal(6, c, w), "chw,cw->chw"),
        "outer": Contraction(normal(7, 2), "chw,k->kchw"),
        "to one number": Contraction(normal(8, c, h, w), "chw,chw->"),
        "turned": Contraction(normal(9, h), "chw,h->cwh"),
        "places become channels": Contraction(normal(10, c, w), "chw,cw->wh"),
        "spread out": Contraction(normal(11, h, w, 3), "chw,hwk->ckh"),
        "sum": Sum((1,), h),
        "sum of all, kept": Sum((0, 1, 2), c * h * w, keep=True),
        "transposed": TransposedConvolution(normal(12, c, 3, 2, 3), normal(13, 3), (1, 1), ((0, 0), (0, 0)), (1, 1)),
        "strided": TransposedConvolution(normal(14, c, 3, 3, 3), normal(15, 3), (2, 2), ((1, 0), (1, 1)), (1, 1)),
        "gaps": TransposedConvolution(normal(16, c, 1, 1, 2), normal(17, c), (3, 2), ((0, -2), (0, 0)), (1, 1), c),
        "dilated": TransposedConvolution(normal(18, c, 2, 2, 2), normal(19, 2), (2, 1), ((1, 2), (0, 3)), (3, 2)),
        "cut and added": TransposedConvolution(normal(21, c, 1, 3, 3), ONE, (1, 2), ((-1, 2), (4, -3)), (1, 1)),
        "slice of rows": Slice(1, 1, h, 2),
        "slice of columns": Slice(2, 2, w - 1, 1),
        "slice of channels": Slice(0, 1, c),
    }  # fmt: skip
