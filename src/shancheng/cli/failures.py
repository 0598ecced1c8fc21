"""How a command ends: the exit code, and the one line on stderr when something is wrong.

Codes: 0 done; 1 an error of ours or of the system; 2 wrong usage; 130 interrupted.
"""

import errno
import os
import sys
from collections.abc import Callable
from typing import Final

import click

from shancheng.errors import ShanchengError

__all__ = ["DEBUG_VARIABLE", "ended"]

DEBUG_VARIABLE: Final = "SHANCHENG_DEBUG"
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
INTERRUPTED: Final = 130


def ended(run: Callable[[], object]) -> int:
    """Run a command to its end.

    Returns:
        The exit code. With ``SHANCHENG_DEBUG=1`` an error is raised instead, for its traceback.
    """
    code: object = 0
    try:
        # click gives the code of an Exit back as the command's result.
        code = run()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted; what was finished before stands")
        return INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except (ShanchengError, OSError) as error:
        if os.environ.get(DEBUG_VARIABLE) == "1":
            raise
        _say(f"error: {_one_line(error)}")
        return 1
    return code if isinstance(code, int) else 0


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        if error.errno in FULL:
            return f"{where}the disk is full; free some space and run it again"
        return f"{where}{error.strerror or error}"
    return " ".join(str(error).split())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 -- words go to stderr


def _closed_pipe() -> int:
    """Whoever read our output has left, as ``head`` does: no error, and nothing more to flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
