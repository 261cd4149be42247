"""Files are read whole, and no more is allocated for them than they have."""

from pathlib import Path

import pytest

from unrelu.untrusted.regular_file import read_regular


def test_what_a_file_may_have_is_not_allocated(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"content")
    assert read_regular(path, 2**60) == b"content"
    assert read_regular(path, 7) == b"content"
    with pytest.raises(OSError, match="longer than the 6 bytes"):
        read_regular(path, 6)


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="a file system whose files have no sizes is of Linux"
)
def test_a_file_that_holds_more_than_it_says_is_refused() -> None:
    with pytest.raises(OSError, match="holds more than it says"):
        read_regular("/proc/self/status", 2**20)
