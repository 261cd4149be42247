"""Progress displays: what they show, and that they show it where they should."""

from __future__ import annotations

import io
import sys

import pytest

from unrelu.progress import Lines, Silent, Terminal, resolve_progress


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_tells_what_how_many_and_how_long() -> None:
    stream, times = io.StringIO(), iter([10.0, 10.5, 12.0, 12.34])
    with Lines(stream, clock=lambda: next(times)).stage("verdicts of relu1", 500) as advance:
        advance(200)
        advance(300)
        assert stream.getvalue() == ""
    assert stream.getvalue() == "verdicts of relu1: 500 of 500, 2.3 s\n"


def test_lines_tell_now_and_then_how_fast_it_goes_and_what_is_left() -> None:
    stream, now = io.StringIO(), [0.0]
    with Lines(stream, clock=lambda: now[0], every=30.0).stage("spectra", 100) as advance:
        for second in range(1, 101):
            now[0] = float(second)
            advance(1)
    told = stream.getvalue().splitlines()
    assert told[0] == "spectra: 30 of 100, 30.0 s, 1 a second, 70 s left"
    assert told[1:] == [
        "spectra: 60 of 100, 60.0 s, 1 a second, 40 s left",
        "spectra: 90 of 100, 90.0 s, 1 a second, 10 s left",
        "spectra: 100 of 100, 100.0 s",
    ]


def test_a_notebook_shows_one_line_that_goes_on_in_a_real_kernel() -> None:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    code = (
        "import time\nfrom unrelu.progress import resolve_progress\n"
        "with resolve_progress(None).stage('spectra', 3) as tell:"
        "\n    for _ in range(3):\n        time.sleep(0.6)\n        tell(1)"
    )
    said = []
    try:
        client.execute_interactive(code, timeout=120, output_hook=said.append)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    shown = [each["content"]["data"]["text/plain"] for each in said if each["msg_type"].endswith("display_data")]
    assert [each["msg_type"] for each in said].count("display_data") == 1  # the others write over it
    assert shown[0].startswith("spectra: 0 of 3, ")
    assert any("1 of 3" in line and line.endswith(" s left") for line in shown)
    assert shown[-1].startswith("spectra: 3 of 3, ")


def test_lines_tells_of_a_stage_that_was_stopped() -> None:
    stream = io.StringIO()

    def interrupted() -> None:
        with Lines(stream, clock=lambda: 0.0).stage("training", 3) as advance:
            advance(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue() == "training: 1 of 3, 0.0 s, stopped\n"


def test_steps_of_no_known_number_are_counted() -> None:
    stream, screen = io.StringIO(), _Screen()
    for shown in (Lines(stream, clock=lambda: 0.0), Terminal(screen)):
        with shown.stage("places", None) as advance:
            advance(2)
            advance(1)
    assert stream.getvalue() == "places: 3, 0.0 s\n"
    assert "3/?" in screen.getvalue()


def test_lines_write_to_stderr_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(clock=lambda: 0.0).stage("training", 0):
        pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "training: 0 of 0, 0.0 s\n"


def test_terminal_shows_what_done_and_total() -> None:
    screen = _Screen()
    with Terminal(screen).stage("verdicts of [relu1]", 5) as advance:
        advance(2)
        advance(3)
    assert "verdicts of [relu1]" in screen.getvalue()
    assert "5/5" in screen.getvalue()


def test_terminal_nests_stages_and_can_be_used_again_after_an_error() -> None:
    screen = _Screen()
    terminal = Terminal(screen)

    def failing() -> None:
        with terminal.stage("outer", 9) as outer:
            outer(1)
            with terminal.stage("inner", 3) as inner:
                inner(3)
            outer(1)
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        failing()
    with terminal.stage("after", 7) as after:
        after(7)
    for text in ("outer", "2/9", "inner", "3/3", "after", "7/7"):
        assert text in screen.getvalue()
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h")  # the cursor is given back


def test_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    assert resolve_progress(lines) is lines
    assert isinstance(resolve_progress(False), Silent)
    for asked in (None, True):
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        assert isinstance(resolve_progress(asked), Lines if asked else Silent)
        monkeypatch.setattr(sys, "stderr", _Screen())
        assert isinstance(resolve_progress(asked), Terminal)
