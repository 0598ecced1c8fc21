import errno

import click
import pytest

from shancheng.cli.failures import ended
from shancheng.errors import DiskFullError, SettingError


def raising(error: BaseException) -> int:
    def run() -> None:
        raise error

    return ended(run)


def test_done_is_0() -> None:
    assert ended(lambda: None) == 0


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (SettingError("port=-1: must be\n 0 to 65535"), 1, "error: port=-1: must be 0 to 65535"),
        (DiskFullError("/x: needs 5 MiB free, has 1 MiB"), 1, "error: /x: needs 5 MiB free, has 1 MiB"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/tiles"),
            1,
            "error: /x/tiles: the disk is full; free some space and run it again",
        ),
        (OSError(errno.EDQUOT, "Quota"), 1, "error: the disk is full; free some space and run it again"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "error: /x: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted; what was finished before stands"),
        (click.Abort(), 130, "interrupted; what was finished before stands"),
    ],
)
def test_an_error_is_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    assert raising(error) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == line + "\n"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHANCHENG_DEBUG", "1")
    with pytest.raises(SettingError):
        raising(SettingError("x"))


def test_a_fault_of_ours_is_not_dressed_up() -> None:
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())


def test_click_exits_keep_their_code() -> None:
    assert raising(click.exceptions.Exit(3)) == 3
