"""Rows of a building model: the building, its storeys as parts that are drawn, its elements."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.schema import SURFACES, SURVEYED, layer_table
from shancheng.geo.arrays import FloatArray
from shancheng.geo.ellipsoid import SEMI_MAJOR_M

__all__ = ["Model", "building_rows", "element_rows"]

IntArray = npt.NDArray[np.int64]

_SNAP_M: Final = 0.001
_LEAST_HEIGHT_M: Final = 0.01
_UNPLACED: Final = "unplaced"
# What an element's triangles are in terms of a city model; a slab may be a roof, which its type says.
_SURFACE_OF: Final = {
    "IfcWall": "WallSurface",
    "IfcWallStandardCase": "WallSurface",
    "IfcCurtainWall": "WallSurface",
    "IfcColumn": "WallSurface",
    "IfcRoof": "RoofSurface",
    "IfcWindow": "Window",
    "IfcDoor": "Door",
}


class Model:
    """A building model on Earth: points in degrees and ellipsoidal metres, triangles element by element."""

    def __init__(
        self, document: dict[str, Any], geometry: dict[str, Any], lonlat: FloatArray, height_m: FloatArray
    ) -> None:
        self.document = document
        self.lonlat = lonlat
        self.height_m = height_m
        self._middle = lonlat.mean(axis=0)
        metres = np.radians(1.0) * SEMI_MAJOR_M
        self._per_degree = np.array([metres * np.cos(np.radians(self._middle[1])), metres])
        self.faces: IntArray = np.asarray(geometry["faces"], dtype=np.int64)
        self.point_start: IntArray = np.asarray(geometry["point_start"], dtype=np.int64)
        self.face_start: IntArray = np.asarray(geometry["face_start"], dtype=np.int64)
        every = document["elements"]
        self.elements = [entry for row, entry in enumerate(every) if self._has_area(row)]
        self.rows = [row for row in range(len(every)) if self._has_area(row)]
        self.empty = [entry for row, entry in enumerate(every) if not self._has_area(row)]

    @cached_property
    def metres(self) -> FloatArray:
        """Points on a plane at the building, for areas and unions; shape (n, 2)."""
        flat: FloatArray = (self.lonlat - self._middle) * self._per_degree
        return flat

    def triangles(self, rows: Sequence[int]) -> IntArray:
        """Corners of all triangles of some elements, shape (t, 3)."""
        return np.concatenate(
            [
                self.faces[self.face_start[row] : self.face_start[row + 1]] + self.point_start[row]
                for row in rows
            ]
        )

    def footprint(self, triangles: IntArray) -> Any:  # noqa: ANN401 - shapely
        """Outline from above, degrees; None where there is none."""
        corners: FloatArray = self.metres[triangles]
        flat: Any = shapely.polygons(np.concatenate([corners, corners[:, :1]], axis=1))
        outline = shapely.union_all(flat[shapely.area(flat) > _SNAP_M**2], grid_size=_SNAP_M)
        parts = shapely.get_parts(outline)
        outline = shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
        if shapely.is_empty(outline):
            return None
        return shapely.transform(outline, lambda xy: xy / self._per_degree + self._middle)

    def _has_area(self, row: int) -> bool:
        return bool(self.face_start[row + 1] > self.face_start[row])


def building_rows(model: Model, source: str, provenance: str) -> pa.Table:
    """Each building, then its storeys as parts; elements of no storey make a part of their own."""
    rows: list[dict[str, Any]] = []
    for building in _buildings(model):
        members = [row for row, entry in zip(model.rows, model.elements, strict=True) if _of(entry, building)]
        if not members:
            continue
        base_m = float(model.height_m[model.triangles(members)].min())
        whole = _solid_row(model, building, members, base_m)
        parts = [
            {**_solid_row(model, storey, own, base_m), "parent_id": building["id"], "kind": "storey"}
            for storey in [*building["storeys"], _rest(building)]
            if (own := [row for row in members if _storey_of(model, row, building) == storey["id"]])
        ]
        # The storeys are drawn; the building itself is what they belong to.
        for column in ("lod", "lod2_geometry", "lod2_semantics"):
            whole[column] = None
        rows += [{**whole, "kind": "building", "levels": len(building["storeys"]) or None}, *parts]
    return _table("buildings", rows, source, provenance, height_provenance=SURVEYED)


def element_rows(model: Model, source: str, provenance: str) -> pa.Table:
    """Each element that can be seen, with its storey and building."""
    rows = []
    for row, entry in zip(model.rows, model.elements, strict=True):
        solid = _solid_row(model, entry, [row], float(model.height_m[model.triangles([row])].min()))
        del solid["min_height_m"], solid["height_m"]
        rows.append(
            {**solid, "kind": entry["kind"], "storey_id": entry["storey"], "building_id": entry["building"]}
        )
    return _table("building_elements", rows, source, provenance)


def _buildings(model: Model) -> list[dict[str, Any]]:
    """The file's buildings; where it has none, all elements are one."""
    found: list[dict[str, Any]] = model.document["buildings"]
    if found:
        return found
    first = model.elements[0]
    return [{**first, "id": f"{first['id']}_building", "storeys": [], "properties": "{}", "any": True}]


def _of(element: dict[str, Any], building: dict[str, Any]) -> bool:
    """Whether an element belongs to a building; what belongs to none is taken into each file's first."""
    return element["building"] in {None, building["id"]}


def _rest(building: dict[str, Any]) -> dict[str, Any]:
    return {**building, "id": f"{building['id']}_{_UNPLACED}", "properties": "{}"}


def _storey_of(model: Model, row: int, building: dict[str, Any]) -> str:
    storey = model.document["elements"][row]["storey"]
    known = {entry["id"] for entry in building["storeys"]}
    return str(storey) if storey in known else f"{building['id']}_{_UNPLACED}"


def _solid_row(model: Model, entry: dict[str, Any], members: Sequence[int], base_m: float) -> dict[str, Any]:
    triangles = model.triangles(members)
    heights = model.height_m[triangles]
    lowest, highest = float(heights.min()) - base_m, float(heights.max()) - base_m
    return {
        "id": entry["id"],
        "name": entry["name"] or entry["long_name"],
        "attributes": entry["properties"] if entry["properties"] != "{}" else None,
        "geometry": model.footprint(triangles),
        "min_height_m": max(lowest, 0.0),
        "height_m": max(highest, lowest + _LEAST_HEIGHT_M),
        "lod": "3",
        "lod2_geometry": _triangles_wkb(np.column_stack([model.lonlat, model.height_m])[triangles]),
        "lod2_semantics": _semantics(model, members),
    }


def _semantics(model: Model, members: Sequence[int]) -> IntArray:
    counts = np.diff(model.face_start)[list(members)]
    codes = [SURFACES.index(_surface(model.document["elements"][row])) for row in members]
    return np.repeat(codes, counts)


def _surface(element: dict[str, Any]) -> str:
    if element["kind"] == "IfcSlab" and element["predefined"] == "ROOF":
        return "RoofSurface"
    return _SURFACE_OF.get(element["kind"], "unknown")


def _triangles_wkb(corners: FloatArray) -> bytes:
    """A MultiPolygon Z of triangles, shape (t, 3, 3): longitude, latitude, height; rings are closed."""
    polygon = np.dtype(
        [("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("points", "<u4"), ("xyz", "<f8", (4, 3))]
    )
    parts = np.empty(len(corners), dtype=polygon)
    parts["order"], parts["type"], parts["rings"], parts["points"] = 1, 1003, 1, 4
    parts["xyz"] = np.concatenate([corners, corners[:, :1]], axis=1)
    head = np.array([(1, 1006, len(corners))], dtype=[("order", "u1"), ("type", "<u4"), ("parts", "<u4")])
    return head.tobytes() + parts.tobytes()


def _table(layer: str, rows: list[dict[str, Any]], source: str, provenance: str, **columns: str) -> pa.Table:
    """A layer of rows that have a footprint; what has none (a single upright pane) gets its line's hair."""
    names = dict.fromkeys(name for row in rows for name in row if name != "geometry")
    return layer_table(
        layer,
        geometry=np.array([row["geometry"] or _hair(row) for row in rows], dtype=object),
        **{name: [row.get(name) for row in rows] for name in names},
        source=source,
        provenance=provenance,
        **columns,
    )


def _hair(row: dict[str, Any]) -> Any:  # noqa: ANN401 - shapely
    """A footprint of a centimetre around something that has none, seen from above."""
    flat = shapely.force_2d(shapely.from_wkb(row["lod2_geometry"]))
    return shapely.buffer(shapely.convex_hull(shapely.multipoints(shapely.get_coordinates(flat))), 1e-7)
