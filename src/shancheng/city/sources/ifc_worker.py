"""The part of the IFC source that runs in a process of its own, since the library can die of a bad file.

``python -m shancheng.city.sources.ifc_worker FILE OUT MAX_TRIANGLES`` writes ``OUT/model.json`` and
``OUT/geometry.npz``. Coordinates are metres in the model's own axes; where those lie on Earth is told, not
applied.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

__all__ = ["GEOMETRY", "MODEL", "extract"]

MODEL: Final = "model.json"
GEOMETRY: Final = "geometry.npz"
# Holes, spaces and notes have shapes too, but nobody can see them.
_UNSEEN: Final = ("IfcOpeningElement", "IfcVirtualElement", "IfcSpatialElement", "IfcSpatialStructureElement")
_MAX_ATTRIBUTES: Final = 20_000


def extract(path: Path, out: Path, max_triangles: int) -> None:
    """Read a file and write what it holds.

    Args:
        path: An IFC file.
        out: An empty folder.
        max_triangles: No more are read; ``model.json`` then says ``"too_many": true``.
    """
    import ifcopenshell

    model = ifcopenshell.open(str(path))
    elements, arrays, too_many = _shapes(model, max_triangles)
    document = {
        "schema": str(model.schema),
        "place": _place(model),
        "buildings": [_building(entry) for entry in model.by_type("IfcBuilding")],
        "elements": elements,
        "too_many": too_many,
    }
    (out / MODEL).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    np.savez(out / GEOMETRY, **arrays)


# Structure


def _building(building: Any) -> dict[str, Any]:  # noqa: ANN401 - ifcopenshell is untyped, here and below
    import ifcopenshell.util.element as elements

    storeys = [part for part in elements.get_decomposition(building) if part.is_a("IfcBuildingStorey")]
    return {**_named(building), "storeys": [_named(storey) for storey in storeys]}


def _named(entry: Any) -> dict[str, Any]:  # noqa: ANN401
    import ifcopenshell.util.element as elements

    properties = {
        name: {key: value for key, value in values.items() if key != "id"}
        for name, values in elements.get_psets(entry).items()
    }
    text = json.dumps(properties, ensure_ascii=False, default=str)
    return {
        "id": str(entry.GlobalId),
        "kind": str(entry.is_a()),
        "name": entry.Name,
        "long_name": getattr(entry, "LongName", None),
        "predefined": getattr(entry, "PredefinedType", None),
        "properties": text if len(text) <= _MAX_ATTRIBUTES else "{}",
    }


def _storey_and_building(element: Any) -> tuple[str | None, str | None]:  # noqa: ANN401
    import ifcopenshell.util.element as elements

    storey = building = None
    place = elements.get_container(element)
    for _ in range(64):  # a loop in the structure of a bad file ends here
        if place is None:
            break
        if place.is_a("IfcBuildingStorey"):
            storey = str(place.GlobalId)
        if place.is_a("IfcBuilding"):
            building = str(place.GlobalId)
            break
        place = elements.get_aggregate(place)
    return storey, building


# Geometry


def _shapes(model: Any, max_triangles: int) -> tuple[list[dict[str, Any]], dict[str, Any], bool]:  # noqa: ANN401
    """Elements that can be seen, and their triangles one element after the other."""
    import ifcopenshell.geom

    settings = ifcopenshell.geom.settings()
    settings.set("use-world-coords", True)
    iterator = ifcopenshell.geom.iterator(settings, model, 1)
    found: list[dict[str, Any]] = []
    points, faces, total = [], [], 0
    more: Any = iterator.initialize()
    while more and total <= max_triangles:
        shape = iterator.get()
        element = model.by_guid(shape.guid)
        if element.is_a("IfcElement") and not any(_is(element, kind) for kind in _UNSEEN):
            storey, building = _storey_and_building(element)
            found.append({**_named(element), "storey": storey, "building": building})
            points.append(np.array(shape.geometry.verts, dtype=np.float64).reshape(-1, 3))
            faces.append(np.array(shape.geometry.faces, dtype=np.int64).reshape(-1, 3))
            total += len(faces[-1])
        more = iterator.next()
    arrays = {
        "points": np.concatenate([np.empty((0, 3)), *points]),
        "faces": np.concatenate([np.empty((0, 3), np.int64), *faces]),
        "point_start": np.cumsum([0, *map(len, points)]),
        "face_start": np.cumsum([0, *map(len, faces)]),
    }
    return found, arrays, total > max_triangles


def _is(element: Any, kind: str) -> bool:  # noqa: ANN401
    """Whether it is of a class; the older schema does not know all of them."""
    try:
        return bool(element.is_a(kind))
    except RuntimeError:
        return False


# Place


def _place(model: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the file says of where its axes lie, in metres and degrees; absent keys are not said."""
    import ifcopenshell.util.unit as units

    scale_m = float(units.calculate_unit_scale(model))
    return {**_map_conversion(model, scale_m), **_site(model, scale_m)}


def _map_conversion(model: Any, scale_m: float) -> dict[str, Any]:  # noqa: ANN401
    """The grid of a projected system, IFC4's own way or the property sets that stand for it in IFC2x3."""
    if model.schema == "IFC2X3":
        import ifcopenshell.util.element as elements

        sets = {
            k.lower(): v for site in model.by_type("IfcSite") for k, v in elements.get_psets(site).items()
        }
        grid, system = sets.get("epset_mapconversion"), sets.get("epset_projectedcrs", {})
        if grid is None:
            return {}
    else:
        found = model.by_type("IfcMapConversion")
        if not found:
            return {}
        grid, target = found[0].get_info(), found[0].TargetCRS
        system = target.get_info() if target is not None else {}
    unit_m = _unit_m(system.get("MapUnit"), scale_m)
    # The library gives metres; the file's own numbers are scaled into the map's unit.
    scale = float(grid.get("Scale") or 1.0) * unit_m / scale_m
    return {
        "crs": system.get("Name"),
        "map": {
            "east_m": float(grid.get("Eastings") or 0.0) * unit_m,
            "north_m": float(grid.get("Northings") or 0.0) * unit_m,
            "elevation_m": float(grid.get("OrthogonalHeight") or 0.0) * unit_m,
            "axis": _axis(grid.get("XAxisAbscissa"), grid.get("XAxisOrdinate")),
            "scale": scale,
        },
    }


def _axis(abscissa: Any, ordinate: Any) -> list[float]:  # noqa: ANN401
    """Direction of the model's x in the map; eastward where the file does not say."""
    axis = [float(abscissa or 0.0), float(ordinate or 0.0)]
    return axis if any(axis) else [1.0, 0.0]


def _unit_m(unit: Any, scale_m: float) -> float:  # noqa: ANN401
    """Metres of a map's unit; without one it is the project's."""
    import ifcopenshell.util.unit as units

    if unit is None or isinstance(unit, str):
        return 1.0 if isinstance(unit, str) and unit.lower().startswith("met") else scale_m
    prefix = units.get_prefix_multiplier(unit.Prefix) if unit.is_a("IfcSIUnit") and unit.Prefix else 1.0
    if unit.is_a("IfcConversionBasedUnit"):
        return float(unit.ConversionFactor.ValueComponent.wrappedValue)
    return float(prefix)


def _site(model: Any, scale_m: float) -> dict[str, Any]:  # noqa: ANN401
    from ifcopenshell.util import placement

    sites = [site for site in model.by_type("IfcSite") if site.RefLatitude and site.RefLongitude]
    if not sites:
        return {}
    site = sites[0]
    origin = placement.get_local_placement(site.ObjectPlacement)[:3, 3] * scale_m
    return {
        "site": {
            "lon": _degrees(site.RefLongitude),
            "lat": _degrees(site.RefLatitude),
            "elevation_m": float(site.RefElevation or 0.0) * scale_m,
            "origin_m": [float(value) for value in origin],
            "north": _true_north(model),
        }
    }


def _true_north(model: Any) -> list[float]:  # noqa: ANN401
    """Direction of true north in the model's axes."""
    for context in model.by_type("IfcGeometricRepresentationContext", include_subtypes=False):
        if context.ContextType == "Model" and context.TrueNorth is not None:
            return [float(value) for value in context.TrueNorth.DirectionRatios[:2]]
    return [0.0, 1.0]


def _degrees(parts: Any) -> float:  # noqa: ANN401
    """IfcCompoundPlaneAngleMeasure: degrees, minutes, seconds, millionths of a second, all of one sign."""
    weights = (1.0, 1 / 60, 1 / 3600, 1 / 3.6e9)
    return float(sum(float(part) * weight for part, weight in zip(parts, weights, strict=False)))


if __name__ == "__main__":
    extract(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
