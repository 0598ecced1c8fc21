"""How long does an import of CityJSON take, beside the library that reads the file?

Houses with gabled roofs, solids of LoD 2.2 with semantics and attributes, one document and one sequence. The
libraries: cjio, with which the makers of CityJSON read it (in an environment of its own below .bench/), and
orjson, which makes lists of the same file and knows nothing of cities.

    python benchmarks/import_cityjson.py [COUNT]
"""

import sys
import venv
from pathlib import Path

import orjson

from import_phases import cpu_s, made, models, ours, phases
from machine import WORK, cost_of, publish

PEER = "cjio==0.10.1"
CHILD = """
import sys, time
from cjio import cityjson

taken = []
for _ in range(3):
    start = time.process_time()
    with open(sys.argv[1]) as file:
        cityjson.reader(file=file)
    taken.append(time.process_time() - start)
print(sorted(taken)[1])
"""


def peer_s(path: Path) -> float:
    """Processor time of the peer's reader, without its start."""
    folder = WORK / "cjio"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        cost_of([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER])
        (folder / "ready").touch()
    return float(cost_of([python, "-c", CHILD, path]).output)


def main(count: int) -> None:
    whole = made(f"houses-{count}.city.json", lambda path: models.write_json(path, models.document(count)))
    lines = made(f"houses-{count}.city.jsonl", lambda path: models.write_sequence(path, count))
    ours("cityjson", whole)  # loads what is loaded once
    import_s, sequence_s = (cpu_s(lambda path=path: ours("cityjson", path)) for path in (whole, lines))
    parse_s = cpu_s(lambda: orjson.loads(whole.read_bytes()))
    library_s = peer_s(whole)
    parts = phases("cityjson", whole)
    checks_s = sum(seconds for name, seconds in parts.items() if name.startswith("checks"))
    ratio = (import_s - checks_s) / library_s
    rows = [
        ("houses, MB", f"{count:,}, {whole.stat().st_size / 1e6:.1f}"),
        ("cjio reads the document", f"{library_s:.2f} s"),
        ("orjson makes lists of it", f"{parse_s:.2f} s"),
        ("ours, from the document to layers", f"{import_s:.2f} s"),
        ("ours, from the sequence", f"{sequence_s:.2f} s"),
        *((f"  {name}", f"{seconds:.2f} s") for name, seconds in parts.items()),
        ("ours without the checks, of cjio", f"{ratio:.2f}"),
        ("ours as a whole, of cjio", f"{import_s / library_s:.2f}"),
    ]
    values = {
        "count": count,
        "import_s": import_s,
        "sequence_s": sequence_s,
        "library_s": library_s,
        "orjson_s": parse_s,
        "checks_s": checks_s,
        "phases_s": parts,
        "ratio": ratio,
    }
    publish(
        "import_cityjson", "How long does an import of CityJSON take, of the library's time?", rows, values
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
