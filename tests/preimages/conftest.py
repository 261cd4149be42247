"""What several test files about preimages start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from preimages.certificate_folders import of_floats
from unrelu.polyhedra.domains import Box
from unrelu.preimages.certificate_files.save import save_certificates


@pytest.fixture(scope="session")
def saved_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of 12 inputs in a box of 20 coordinates; tests change copies of it."""
    folder = tmp_path_factory.mktemp("saved")
    save_certificates(of_floats(Box(-9.0, 9.0), 0.0), folder, progress=False)
    return folder
