"""Several processes of one run make a thing once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from once_a_run import once_a_run, share
folder = Path(sys.argv[2])
share(folder / "shared")

@once_a_run
def thing(name):
    with (folder / "log").open("a") as log:
        print(name, file=log)
    while len(list(folder.glob("here-*"))) < 3:  # the others ask while this one is still at it
        time.sleep(0.01)
    return [name]

(folder / f"here-{os.getpid()}").touch()
assert thing("a") is thing("a")
print(thing("a"), thing("b"))
"""


def test_what_one_process_made_the_others_read(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0] for process in started] == ["['a'] ['b']\n"] * 3
    assert (tmp_path / "log").read_text().split() == ["a", "b"]
