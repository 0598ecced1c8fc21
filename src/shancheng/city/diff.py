"""What differs between two cities, or two states of one: added, removed, changed, moved, layer by layer.

Objects are the same where their ids are. Columns are read and compared one after the other, so that memory
holds the ids and one column of each side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.arrow import AnyChunked
from shancheng.city.changes import column_differs, rows_of
from shancheng.city.geoparquet import open_layer
from shancheng.city.schema import LAYERS
from shancheng.city.store import City
from shancheng.errors import NotFoundError
from shancheng.geo.ellipsoid import ecef_from_geodetic

__all__ = ["CityDiff", "Found", "LayerDiff", "Moved", "TerrainDiff", "diff_cities"]

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_DERIVED: Final = frozenset({"id", "index", "bbox"})
_SLICE: Final = 65_536


@dataclass(frozen=True)
class Found:
    """How many objects, and the ids of the first of them."""

    count: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moved:
    """Objects whose middle is elsewhere; ``examples`` are the ones that went farthest, with their metres."""

    count: int = 0
    median_m: float = 0.0
    p95_m: float = 0.0
    farthest_m: float = 0.0
    examples: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class LayerDiff:
    """One layer, from A to B.

    Attributes:
        layer: Its name.
        before: How many objects A has; None where it lacks the layer.
        after: How many B has.
        added: Objects that only B has.
        removed: Objects that only A has.
        changed: Objects of both that differ in any column.
        moved: Those of them whose middle moved farther than the tolerance.
        columns: How many objects differ in which column.
    """

    layer: str
    before: int | None
    after: int | None
    added: Found = field(default_factory=Found)
    removed: Found = field(default_factory=Found)
    changed: Found = field(default_factory=Found)
    moved: Moved = field(default_factory=Moved)
    columns: dict[str, int] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return (
            not (self.added.count or self.removed.count or self.changed.count) and self.before == self.after
        )


@dataclass(frozen=True)
class TerrainDiff:
    """The elevations, from A to B; where the samples are others, nothing is counted."""

    same_grid: bool
    changed_samples: int = 0
    samples: int = 0
    largest_m: float = 0.0

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.same_grid and not self.changed_samples


@dataclass(frozen=True)
class CityDiff:
    """All layers that either has, in the order of the schema, and the elevations."""

    layers: tuple[LayerDiff, ...]
    terrain: TerrainDiff | None


def diff_cities(
    a: City,
    b: City,
    *,
    layers: Sequence[str] = (),
    tolerance_m: float = 0.5,
    examples: int = 5,
) -> CityDiff:
    """Compare two cities.

    Args:
        a: The earlier one.
        b: The later one.
        layers: Only these; with none, all and the elevations.
        tolerance_m: An object whose middle is at most so far away has not moved.
        examples: How many ids to name at most.

    Raises:
        NotFoundError: Neither has one of the layers.
        LayerChangedError, StorageError: A file cannot be read.
    """
    names = [name for name in LAYERS if a.has_layer(name) or b.has_layer(name)]
    missing = [name for name in layers if name not in names]
    if missing:
        raise NotFoundError(f"layer={missing[0]!r}: neither city has it; they have {', '.join(names)}")
    chosen = [name for name in names if name in layers] if layers else names
    return CityDiff(
        tuple(_layer(a, b, name, tolerance_m, examples) for name in chosen),
        None if layers else _terrain(a, b),
    )


def _layer(a: City, b: City, layer: str, tolerance_m: float, examples: int) -> LayerDiff:
    if not (a.has_layer(layer) and b.has_layer(layer)):
        ids = (a if a.has_layer(layer) else b).layer(layer, ["id"]).column("id")
        found = _found(ids, np.arange(len(ids)), examples)
        if b.has_layer(layer):
            return LayerDiff(layer, None, len(ids), added=found)
        return LayerDiff(layer, len(ids), None, removed=found)
    old_ids, new_ids = (city.layer(layer, ["id"]).column("id") for city in (a, b))
    if a.layer_version(layer).sha256 == b.layer_version(layer).sha256:
        return LayerDiff(layer, len(old_ids), len(new_ids))
    place = rows_of(new_ids, old_ids)
    new_rows = np.flatnonzero(place >= 0)
    old_rows = place[new_rows]
    gone = np.ones(len(old_ids), dtype=bool)
    gone[old_rows] = False
    changed, columns, moved = _compare(_Pair(a, b, layer, old_rows, new_rows), new_ids, tolerance_m, examples)
    return LayerDiff(
        layer,
        len(old_ids),
        len(new_ids),
        added=_found(new_ids, np.flatnonzero(place < 0), examples),
        removed=_found(old_ids, np.flatnonzero(gone), examples),
        changed=_found(new_ids, new_rows[changed], examples),
        moved=moved,
        columns=columns,
    )


@dataclass(frozen=True, eq=False)
class _Pair:
    """Both sides of a layer, and the rows of the objects that both have, each of shape (k,)."""

    a: City
    b: City
    layer: str
    old_rows: Rows
    new_rows: Rows

    def column(self, name: str) -> tuple[AnyChunked, AnyChunked]:
        """A column of either side, read now."""
        old, new = (city.layer(self.layer, [name]).column(name) for city in (self.a, self.b))
        return old, new


def _compare(
    pair: _Pair, new_ids: AnyChunked, tolerance_m: float, examples: int
) -> tuple[npt.NDArray[np.bool_], dict[str, int], Moved]:
    """Which objects differ, shape (k,), in which columns how many, and how far they moved."""
    changed = np.zeros(len(pair.new_rows), dtype=bool)
    columns: dict[str, int] = {}
    moved = Moved()
    old_names, new_names = (_column_names(city, pair.layer) for city in (pair.a, pair.b))
    for name in dict.fromkeys([*new_names, *old_names]):
        if name in old_names and name in new_names:
            old, new = pair.column(name)
            differs = column_differs(old, pair.old_rows, new, pair.new_rows)
            if name == "geometry":
                moved = _moved(old, new, pair, np.flatnonzero(differs), new_ids, tolerance_m, examples)
        else:
            differs = np.ones(len(changed), dtype=bool)
        if differs.any():
            columns[name] = int(differs.sum())
        changed |= differs
    return changed, columns, moved


def _column_names(city: City, layer: str) -> list[str]:
    with open_layer(city.layer_path(layer)) as file:
        return [name for name in file.schema_arrow.names if name not in _DERIVED]


def _moved(
    old: AnyChunked,
    new: AnyChunked,
    pair: _Pair,
    differ: Rows,
    new_ids: AnyChunked,
    tolerance_m: float,
    examples: int,
) -> Moved:
    """How far the middles of objects went whose geometry differs."""
    distance_m = np.concatenate(
        [
            _distances(old, pair.old_rows[part], new, pair.new_rows[part])
            for part in (differ[at : at + _SLICE] for at in range(0, len(differ), _SLICE))
        ]
        or [np.empty(0)]
    )
    far = np.flatnonzero(distance_m > tolerance_m)
    if not len(far):
        return Moved()
    went = distance_m[far]
    order = np.argsort(-went, kind="stable")[:examples]
    ids = _take(new_ids, pair.new_rows[differ[far[order]]]).to_pylist()
    return Moved(
        count=len(far),
        median_m=_rounded(np.median(went)),
        p95_m=_rounded(np.quantile(went, 0.95)),
        farthest_m=_rounded(went.max()),
        examples=tuple((str(i), _rounded(metres)) for i, metres in zip(ids, went[order], strict=True)),
    )


def _distances(old: AnyChunked, old_rows: Rows, new: AnyChunked, new_rows: Rows) -> Floats:
    """Metres between the middles of two versions of some objects; 0 where one has none."""
    apart: Floats = np.linalg.norm(_middles(new, new_rows) - _middles(old, old_rows), axis=1)
    return np.nan_to_num(apart)


def _middles(column: AnyChunked, rows: Rows) -> Floats:
    """Centroids on the ellipsoid, ECEF, shape (k, 3)."""
    wkb = _take(column, rows).to_numpy(zero_copy_only=False)
    centroids = shapely.centroid(shapely.from_wkb(wkb))
    return ecef_from_geodetic(shapely.get_x(centroids), shapely.get_y(centroids), 0.0)


def _terrain(a: City, b: City) -> TerrainDiff:
    if a.terrain_sha256 == b.terrain_sha256:
        return TerrainDiff(same_grid=True, samples=a.terrain().values.size)
    old, new = a.terrain(), b.terrain()
    place = ("shape", "west_deg", "north_deg", "step_lon_deg", "step_lat_deg")
    if any(getattr(old, name) != getattr(new, name) for name in place):
        return TerrainDiff(same_grid=False)
    apart = np.abs(new.values - old.values)
    return TerrainDiff(True, int(np.count_nonzero(apart)), apart.size, _rounded(apart.max()))


def _found(ids: AnyChunked, rows: Rows, examples: int) -> Found:
    return Found(len(rows), tuple(str(name) for name in _take(ids, rows[:examples]).to_pylist()))


def _take(column: AnyChunked, rows: Rows) -> AnyChunked:
    places: Any = pa.array(rows)
    return column.take(places)


def _rounded(metres: Any) -> float:  # noqa: ANN401 - any real number
    return round(float(metres), 2)
