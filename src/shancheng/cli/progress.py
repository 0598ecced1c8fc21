"""Progress on stderr: a bar on a terminal, plain lines anywhere else."""

import sys
import threading
import time
from typing import Final, TextIO

__all__ = ["TerminalProgress"]

BAR_WIDTH: Final = 24
REDRAW_S: Final = 0.1
# Before each plain line, so that an error or a result stands out among them.
MARK: Final = "· "
CLEAR_LINE: Final = "\r\x1b[K"


class TerminalProgress:
    """Shows steps of work; safe to call from any thread.

    On a terminal one line is redrawn at most ten times a second. Elsewhere each new step is one line, and
    fractions are left out.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._lock = threading.Lock()
        self._text = ""
        self._drawn_at = 0.0

    def step(self, text: str, fraction: float | None = None) -> None:
        """Show what is being done and, where it is known, how much of it is."""
        with self._lock:
            if self._is_terminal:
                self._draw(text, fraction)
            elif text != self._text:
                self._write(f"{MARK}{text}\n")
            self._text = text

    def done(self) -> None:
        """Take the bar away; what comes next starts on a clean line."""
        with self._lock:
            if self._is_terminal and self._text:
                self._write(CLEAR_LINE)
            self._text = ""

    def say(self, text: str) -> None:
        """Write one line of words."""
        self.done()
        with self._lock:
            self._write(f"{text}\n")

    def _draw(self, text: str, fraction: float | None) -> None:
        now = time.monotonic()
        if now - self._drawn_at < REDRAW_S and self._text.split(" ")[:2] == text.split(" ")[:2]:
            return
        self._drawn_at = now
        bar = ""
        if fraction is not None:
            filled = round(min(max(fraction, 0.0), 1.0) * BAR_WIDTH)
            bar = f"[{'█' * filled}{'·' * (BAR_WIDTH - filled)}] "
        self._write(f"{CLEAR_LINE}{bar}{text}")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
