"""Pictures as PNG, inside the page."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np


def picture_uri(values: np.ndarray, shape: tuple[int, ...], limits: tuple[float, float]) -> str:
    """A `data:` address of a picture.

    Args:
        values: the input, flat in C order.
        shape: (h, w) or (1, h, w), grey, or (3, h, w), colour.
        limits: the values of black and of full brightness; what lies beyond is cut off.
    """
    return "data:image/png;base64," + base64.b64encode(encode_png(as_bytes(values, shape, limits))).decode("ascii")


def as_bytes(values: np.ndarray, shape: tuple[int, ...], limits: tuple[float, float]) -> np.ndarray:
    """The picture as (h, w, 1) or (h, w, 3) uint8.

    >>> as_bytes(np.array([0.0, 0.5, 1.0, 2.0]), (2, 2), (0.0, 1.0))[..., 0]
    array([[  0, 128],
           [255, 255]], dtype=uint8)
    """
    low, high = limits
    planes = np.asarray(values, dtype=np.float64).reshape(shape if len(shape) == 3 else (1, *shape))
    scaled = (planes - low) / (high - low) if high > low else np.zeros_like(planes)
    return np.ascontiguousarray(np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8).transpose(1, 2, 0))


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG file (ISO/IEC 15948), 8 bits a channel, no filter.

    Args:
        pixels: (h, w, 1) grey or (h, w, 3) colour, uint8.
    """
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
