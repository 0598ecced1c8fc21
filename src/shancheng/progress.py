"""How long work tells whoever waits for it where it stands."""

from typing import Protocol


class Progress(Protocol):
    """Something that shows steps of work: a bar in a terminal, a stream to a browser, nothing."""

    def step(self, text: str, fraction: float | None = None) -> None:
        """Say what is being done now.

        Args:
            text: A short phrase, such as ``reading buildings``.
            fraction: Share of the whole work that is done, 0 to 1; None where it is not known.
        """


class NullProgress:
    """Shows nothing."""

    def step(self, text: str, fraction: float | None = None) -> None:
        """Do nothing."""
