"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# No test asserts on time, so none may fail for being slow.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
