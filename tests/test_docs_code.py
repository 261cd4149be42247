"""The Python of the README and of docs/ runs as it is written, page by page, and prints what the page says it does.

What a line prints stands behind it (`print(x)  # value`), or below it in lines of comments. "..." stands for anything.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from emulators_at_hand import needs_emulators

ROOT = Path(__file__).parent.parent


def blocks(page: str) -> list[str]:
    """The Python of a page, in order."""
    return re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def promised(code: str) -> list[str]:
    """The lines that code says it prints."""
    found: list[str] = []
    below = False
    for line in code.splitlines():
        said = re.fullmatch(r"\s*print\(.*?\)(?:  # (.*))?", line)
        if said:
            below = said[1] is None
            found += [] if below else [said[1]]
        elif below and line.strip().startswith("# "):
            found.append(line.strip()[2:])
        else:
            below = False
    return found


PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if blocks(page.read_text())]


def test_every_print_says_what_it_prints() -> None:
    assert promised("print(1)  # 1\nfor k in range(2):\n    print(k)\n    # 0\n    # 1\nprint(3)") == ["1", "0", "1"]
    for page in PAGES:
        code = "\n".join(blocks(page.read_text()))
        assert re.findall(r"^ *print\([^#\n]*\n(?! *# ).*", code, flags=re.MULTILINE) == [], page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_runs_as_written(page: Path, tmp_path: Path) -> None:
    code = "\n".join(blocks(page.read_text()))
    needs_emulators(code)
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pattern = "\n".join(re.escape(line).replace(re.escape("..."), ".*") for line in promised(code))
    assert re.fullmatch(pattern, done.stdout.rstrip("\n")), f"{done.stdout}\nis not what the page says:\n{pattern}"
