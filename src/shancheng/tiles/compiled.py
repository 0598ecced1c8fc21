"""Loading what is compiled, before it is needed, so that no layer's time holds it.

The first time on a machine numba compiles for half a minute. ``compiling`` does that in a process of its own
while the caller does something else: what that process leaves in numba's cache is there for the caller.
``python -m shancheng.tiles.compiled`` is that process.
"""

import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Final

from shancheng.progress import NullProgress, Progress
from shancheng.tiles import engines

__all__ = ["compiling", "load_kernels"]

_COMPILED: Final = "parallel"
"""What the names of compiled modules end with."""
_TIMEOUT_S: Final = 300


def load_kernels(progress: Progress) -> None:
    """Load all kernels; numba keeps what it compiled for the next process."""
    progress.step("loading kernels (the first time they are compiled, about 30 s)")
    for module in pkgutil.iter_modules(engines.__path__):
        if module.name.endswith(_COMPILED):
            import_module(f"{engines.__name__}.{module.name}")


@contextmanager
def compiling(progress: Progress) -> Iterator[None]:
    """Have kernels compiled beside what happens within; at the end they are there, or come later as usual."""
    command = [sys.executable, "-m", "shancheng.tiles.compiled"]
    quiet = subprocess.DEVNULL
    try:
        child = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603 - our own
    except OSError:
        yield  # no second process to be had: compiled when needed
        return
    try:
        yield
        progress.step("compiling kernels (only the first time)")
        child.wait(_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    load_kernels(NullProgress())
