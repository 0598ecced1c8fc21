"""How long does an import of CityGML take, beside the library that reads the file?

Houses with gabled roofs: boundary surfaces of LoD 2, a solid that points at their faces, attributes. No
Python library reads CityGML into features; the library is lxml, asked for what any reader needs of it: each
building, its attributes, its faces' ids and their coordinates as arrays.

    python benchmarks/import_citygml.py [COUNT]
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lxml import etree

from import_phases import cpu_s, made, models, ours, phases
from machine import publish

GML = "{http://www.opengis.net/gml}"


def parsed(path: Path) -> None:
    """Each member as it ends, looked at by nobody."""
    for _, element in etree.iterparse(str(path), events=("end",), tag="{*}cityObjectMember"):
        free(element)


def library(path: Path) -> list[Any]:
    """Buildings with their attributes, and the faces' ids and rings as arrays."""
    found = []
    for _, element in etree.iterparse(str(path), events=("end",), tag="{*}cityObjectMember"):
        building = element[0]
        faces = [
            (face.get(f"{GML}id"), [ring(one.text) for one in face.iter(f"{GML}posList")])
            for face in building.iter(f"{GML}Polygon")
        ]
        said = {child.tag: child.text for child in building if len(child) == 0}
        found.append((building.get(f"{GML}id"), said, faces))
        free(element)
    return found


def ring(text: str) -> npt.NDArray[np.float64]:
    return np.array(text.split(), dtype=np.float64).reshape(-1, 3)


def free(element: Any) -> None:  # noqa: ANN401 - lxml is untyped
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def main(count: int) -> None:
    path = made(f"houses-{count}.gml", lambda where: models.write_gml(where, count))
    ours("citygml", path)  # loads what is loaded once
    import_s = cpu_s(lambda: ours("citygml", path))
    parse_s, library_s = cpu_s(lambda: parsed(path)), cpu_s(lambda: library(path))
    parts = phases("citygml", path)
    checks_s = sum(seconds for name, seconds in parts.items() if name.startswith("checks"))
    ratio = (import_s - checks_s) / library_s
    rows = [
        ("houses, MB", f"{count:,}, {path.stat().st_size / 1e6:.1f}"),
        ("lxml parses the file", f"{parse_s:.2f} s"),
        ("lxml, and coordinates as arrays", f"{library_s:.2f} s"),
        ("ours, from the file to layers", f"{import_s:.2f} s"),
        *((f"  {name}", f"{seconds:.2f} s") for name, seconds in parts.items()),
        ("ours without the checks, of the library", f"{ratio:.2f}"),
        ("ours as a whole, of the library", f"{import_s / library_s:.2f}"),
    ]
    values = {
        "count": count,
        "import_s": import_s,
        "library_s": library_s,
        "parse_s": parse_s,
        "checks_s": checks_s,
        "phases_s": parts,
        "ratio": ratio,
    }
    publish("import_citygml", "How long does an import of CityGML take, of the library's time?", rows, values)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
