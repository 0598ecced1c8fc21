"""Landmarks from OpenStreetMap: sights, monuments and towers, and buildings that are known, high or large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from shancheng.city.schema import MODELLED, SURVEYED
from shancheng.city.sources.osm_cut import Picks
from shancheng.city.sources.osm_features import OsmFeatures
from shancheng.city.sources.osm_layers import points_table
from shancheng.city.sources.osm_plane import metres_per_degree
from shancheng.city.sources.osm_points import heights_m
from shancheng.city.sources.osm_rows import Rows, points_of, shapes_of
from shancheng.city.sources.osm_same import merged
from shancheng.geo.bounds import Bounds

__all__ = ["landmarks_table"]

Floats = npt.NDArray[np.float64]

_SAME_M: Final = 200.0
_HIGH_M: Final = 75.0
_VERY_HIGH_M: Final = 150.0
_LARGE_M2: Final = 10_000.0
# Rank 1 is left to places: a city's name goes before that of its museum.
_IN_WIKIPEDIA: Final = 2
_IN_WIKIDATA: Final = 3
_SIGHT: Final = 4
_MINOR: Final = 5
_MINOR_KINDS: Final = frozenset(
    {"viewpoint", "memorial", "artwork", "gallery", "milestone", "boundary_stone"}
)


def landmarks_table(features: OsmFeatures, buildings: pa.Table, wholes: Picks, extent: Bounds) -> pa.Table:
    """Landmarks as points, best known first by `rank`.

    A building counts when it has a name and is in Wikipedia or Wikidata, or is 75 m high or covers a hectare.
    What is mapped twice, by one name within 200 m, is one landmark.

    Args:
        features: All of the file.
        buildings: The finished layer, for heights.
        wholes: Row of the outline that each outline or part is a part of, or -1.
        extent: Where the city ends.
    """
    tops = _Tops.of(buildings, features, wholes)
    rows = features.landmarks.joined(_known_buildings(features, tops))
    height_m = np.fmax(heights_m(rows), tops.stated_m(rows.ids)).astype(np.float32)
    rank = _ranks(rows, height_m)
    points = points_of(rows)
    words = [(name,) if name else () for name in rows.names]
    rows, keep = merged(rows, points, words, rank, _SAME_M)
    return points_table("landmarks", rows, extent, points[keep], height_m=height_m[keep], rank=rank[keep])


@dataclass(frozen=True)
class _Tops:
    """How high buildings are with their parts: as stated, and as stated or counted in storeys; else NaN."""

    rows: dict[str, int]
    stated: Floats
    likely: Floats

    @classmethod
    def of(cls, buildings: pa.Table, features: OsmFeatures, wholes: Picks) -> "_Tops":
        ids: list[Any] = buildings.column("id").to_pylist()
        rows = {local_id: row for row, local_id in enumerate(ids)}
        height_m = buildings.column("height_m").to_numpy().astype(np.float64)
        provenance = buildings.column("height_provenance").cast(pa.string())
        stated = np.where(pc.equal(provenance, pa.scalar(SURVEYED)).to_numpy(), height_m, np.nan)
        likely = np.where(pc.not_equal(provenance, pa.scalar(MODELLED)).to_numpy(), height_m, np.nan)
        named = features.buildings.ids + features.parts.ids
        of_whole = [
            (rows.get(named[part]), rows.get(named[wholes[part]])) for part in np.flatnonzero(wholes >= 0)
        ]
        both_kept = [(part, whole) for part, whole in of_whole if part is not None and whole is not None]
        part, whole = np.array(both_kept, dtype=np.int64).reshape(-1, 2).T
        for column in (stated, likely):
            np.fmax.at(column, whole, column[part])
        return cls(rows, stated, likely)

    def stated_m(self, ids: Sequence[str]) -> Floats:
        """Stated heights of objects that may be buildings."""
        return self._of(self.stated, ids)

    def likely_m(self, ids: Sequence[str]) -> Floats:
        """Heights of objects that may be buildings, stated or counted."""
        return self._of(self.likely, ids)

    def _of(self, column: Floats, ids: Sequence[str]) -> Floats:
        return np.array([column[self.rows[i]] if i in self.rows else np.nan for i in ids], dtype=np.float64)


def _known_buildings(features: OsmFeatures, tops: _Tops) -> Rows:
    """Buildings that are landmarks and no sights."""
    there = set(features.landmarks.ids)
    rows = features.buildings
    named = rows.with_keys(features.landmarks.keys).only(
        row for row, name in enumerate(rows.names) if name and rows.ids[row] not in there
    )
    known = [bool(a or b) for a, b in zip(named.said("wikidata"), named.said("wikipedia"), strict=True)]
    footprints = shapes_of(named)
    south = shapely.bounds(footprints).reshape(-1, 4)[:, 1]
    scale_m2 = np.prod(metres_per_degree(float(np.nanmean(south))) if len(named) else 0.0)
    large = shapely.area(footprints) * scale_m2 >= _LARGE_M2
    found = np.flatnonzero(np.array(known, dtype=bool) | large | (tops.likely_m(named.ids) >= _HIGH_M))
    chosen = named.only(found.tolist())
    chosen.kinds = ["building" if kind == "yes" else kind for kind in chosen.kinds]
    return chosen


def _ranks(rows: Rows, height_m: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    known = [
        _IN_WIKIPEDIA if article else _IN_WIKIDATA if entry else _MINOR
        for article, entry in zip(rows.said("wikipedia"), rows.said("wikidata"), strict=True)
    ]
    sight = [_MINOR if kind in _MINOR_KINDS else _SIGHT for kind in rows.kinds]
    high = np.select([height_m >= _VERY_HIGH_M, height_m >= _HIGH_M], [_IN_WIKIPEDIA, _IN_WIKIDATA], _MINOR)
    best = np.minimum(np.minimum(known, sight), high) if len(rows) else np.array([])
    return best.astype(np.int16)
