"""Puts our own checker and the made-up layers of `tests/fakes` on the path of the conformance tests."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "fakes")]
