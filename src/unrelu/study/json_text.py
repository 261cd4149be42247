"""JSON as the store writes it."""

from __future__ import annotations

import json


def json_text(record: object) -> bytes:
    """An object as readable JSON."""
    return (json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
