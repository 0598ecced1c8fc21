"""City models of gabled houses, as CityJSON, as a sequence and as CityGML, of any size."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RD = "https://www.opengis.net/def/crs/EPSG/0/7415"
# Corners 0-3 on the ground, 4-7 at the eaves, 8 and 9 at the ends of the ridge.
FACES = (
    ("GroundSurface", (0, 3, 2, 1)),
    ("WallSurface", (0, 1, 5, 4)),
    ("WallSurface", (1, 2, 6, 9, 5)),
    ("WallSurface", (2, 3, 7, 6)),
    ("WallSurface", (3, 0, 4, 8, 7)),
    ("RoofSurface", (4, 5, 9, 8)),
    ("RoofSurface", (6, 7, 8, 9)),
)
PITCH_M = 25.0


def houses(count: int, seed: int = 1) -> npt.NDArray[np.float64]:
    """Corners of houses in rows near Delft, in metres and whole millimetres, shape (count, 10, 3)."""
    rng = np.random.default_rng(seed)
    width, depth = rng.uniform(6, 12, count), rng.uniform(8, 15, count)
    eaves, ridge = rng.uniform(3, 9, count), rng.uniform(2, 5, count)
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    flat = np.concatenate([unit, unit, [[0, 0.5], [1, 0.5]]])
    xy = flat[None] * np.stack([width, depth], axis=1)[:, None]
    angle = rng.uniform(0, 2 * np.pi, count)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    side = int(np.ceil(np.sqrt(count)))
    row, col = np.divmod(np.arange(count), side)
    xy = (
        np.einsum("nij,nkj->nki", turn, xy)
        + np.stack([85_000 + col * PITCH_M, 447_000 + row * PITCH_M], 1)[:, None]
    )
    height = np.zeros((count, 10))
    height[:, 4:] = eaves[:, None]
    height[:, 8:] += ridge[:, None]
    z = rng.uniform(0, 2, count)[:, None] + height
    return np.round(np.dstack([xy, z]), 3)


def attributes(number: int) -> dict[str, Any]:
    return {
        "measuredHeight": 9.5,
        "storeysAboveGround": 1 + number % 4,
        "roofType": "1030",
        "owner": f"o{number}",
    }


def solid(first: int, lod: str = "2.2") -> dict[str, Any]:
    """The geometry of a house whose corners stand from ``first`` on."""
    kinds = ["GroundSurface", "WallSurface", "RoofSurface"]
    return {
        "type": "Solid",
        "lod": lod,
        "boundaries": [[[[first + corner for corner in face]] for _, face in FACES]],
        "semantics": {
            "surfaces": [{"type": kind} for kind in kinds],
            "values": [[kinds.index(kind) for kind, _ in FACES]],
        },
    }


def header(system: str | None = RD) -> dict[str, Any]:
    return {
        "type": "CityJSON",
        "version": "2.0",
        "CityObjects": {},
        "vertices": [],
        "transform": {"scale": [0.001, 0.001, 0.001], "translate": [85_000.0, 447_000.0, 0.0]},
        **({"metadata": {"referenceSystem": system}} if system else {}),
    }


def whole_numbers(corners: npt.NDArray[np.float64]) -> list[list[int]]:
    """Corners as the transform of `header` asks for them."""
    shifted: list[list[int]] = (
        np.rint((corners.reshape(-1, 3) - [85_000, 447_000, 0]) * 1000).astype(int).tolist()
    )
    return shifted


def building(number: int, first: int) -> dict[str, Any]:
    return {"type": "Building", "attributes": attributes(number), "geometry": [solid(first)]}


def document(count: int, **changes: Any) -> dict[str, Any]:
    """One CityJSON document; changes replace members of it."""
    return {
        **header(),
        "CityObjects": {f"h{n}": building(n, 10 * n) for n in range(count)},
        "vertices": whole_numbers(houses(count)),
        **changes,
    }


def features(count: int) -> Iterator[dict[str, Any]]:
    """The features of a sequence, without its header."""
    for number, corners in enumerate(houses(count)):
        yield {
            "type": "CityJSONFeature",
            "id": f"h{number}",
            "CityObjects": {f"h{number}": building(number, 0)},
            "vertices": whole_numbers(corners),
        }


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
    return path


def write_sequence(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for line in (header(), *features(count)):
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    return path


# CityGML

GML_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0"
 xmlns:gen="http://www.opengis.net/citygml/generics/2.0" xmlns:gml="http://www.opengis.net/gml"
 xmlns:app="http://www.opengis.net/citygml/appearance/2.0" xmlns:dem="http://www.opengis.net/citygml/relief/2.0"
 xmlns:tran="http://www.opengis.net/citygml/transportation/2.0" xmlns:brid="http://www.opengis.net/citygml/bridge/2.0"
 xmlns:luse="http://www.opengis.net/citygml/landuse/2.0" xmlns:xlink="http://www.w3.org/1999/xlink">
"""
GML_TAIL = "</core:CityModel>\n"


def envelope(system: str | None = "urn:ogc:def:crs:EPSG::7415") -> str:
    name = f' srsName="{system}"' if system else ""
    return f'<gml:boundedBy><gml:Envelope{name} srsDimension="3"/></gml:boundedBy>\n'


def polygon(ring: Any, identity: str = "") -> str:
    """A polygon of GML 3.1 with its ring closed."""
    named = f' gml:id="{identity}"' if identity else ""
    ring_named = f' gml:id="{identity}_r"' if identity else ""
    text = " ".join(f"{value:.3f}" for corner in (*ring, ring[0]) for value in corner)
    return (
        f"<gml:surfaceMember><gml:Polygon{named}><gml:exterior><gml:LinearRing{ring_named}>"
        f"<gml:posList>{text}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>"
    )


def nest(content: str, *tags: str) -> str:
    """Content in elements, the outermost first; a tag may bring attributes."""
    for tag in reversed(tags):
        content = f"<{tag}>{content}</{tag.split()[0]}>"
    return content


def solid_of(faces: str, lod: int = 2, space: str = "bldg") -> str:
    return nest(faces, f"{space}:lod{lod}Solid", "gml:Solid", "gml:exterior", "gml:CompositeSurface")


def surfaces_of(faces: str, name: str = "bldg:lod2MultiSurface", holder: str = "gml:MultiSurface") -> str:
    return nest(faces, name, holder)


def surface(kind: str, polygons: str, lod: int = 2) -> str:
    return nest(surfaces_of(polygons, f"bldg:lod{lod}MultiSurface"), "bldg:boundedBy", f"bldg:{kind}")


def member(content: str) -> str:
    return f"<core:cityObjectMember>{content}</core:cityObjectMember>\n"


def gml_building(number: int, corners: npt.NDArray[np.float64]) -> str:
    """A house with its solid pointing at the faces of its boundary surfaces."""
    identities = [f"h{number}_f{face}" for face in range(len(FACES))]
    links = "".join(f'<gml:surfaceMember xlink:href="#{one}"/>' for one in identities)
    faces = [
        surface(kind, polygon(corners[list(face)].tolist(), identity))
        for identity, (kind, face) in zip(identities, FACES, strict=True)
    ]
    return (
        f'<bldg:Building gml:id="h{number}">'
        f'<gen:stringAttribute name="owner"><gen:value>o{number}</gen:value></gen:stringAttribute>'
        f'<bldg:roofType>1030</bldg:roofType><bldg:measuredHeight uom="m">9.5'
        f"</bldg:measuredHeight><bldg:storeysAboveGround>{1 + number % 4}</bldg:storeysAboveGround>"
        f"{solid_of(links)}{''.join(faces)}</bldg:Building>"
    )


def gml(*members: str, system: str | None = "urn:ogc:def:crs:EPSG::7415") -> str:
    return GML_HEAD + envelope(system) + "".join(members) + GML_TAIL


def write_gml(path: Path, count: int) -> Path:
    """A file of houses, written one after the other."""
    with path.open("w", encoding="utf-8") as file:
        file.write(GML_HEAD + envelope())
        for number, corners in enumerate(houses(count)):
            file.write(member(gml_building(number, corners)))
        file.write(GML_TAIL)
    return path
