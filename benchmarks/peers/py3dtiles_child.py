"""Runs inside py3dtiles' own environment: solids in, tileset out, processor time on stdout."""

import contextlib
import io
import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
from py3dtiles.export import wkbs_to_tileset


def solids(path: Path) -> list[bytes]:
    """The WKB of each solid, each after its length."""
    data, start, found = path.read_bytes(), 0, []
    while start < len(data):
        (length,) = struct.unpack_from("<I", data, start)
        found.append(data[start + 4 : start + 4 + length])
        start += 4 + length
    return found


def main(source: Path, ids: Path, target: Path) -> None:
    """Time the conversion alone: reading and the imports above are not counted."""
    wkbs, names = solids(source), ids.read_text(encoding="utf-8").split()
    target.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        wkbs_to_tileset(wkbs, names, np.eye(4, dtype=np.float32).flatten("F"), target)
    print(json.dumps({"cpu_s": time.process_time() - start}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
