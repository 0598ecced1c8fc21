"""Overture Maps as a source: buildings and parts, roads, rail, water, green, bridges, districts, places.

A local file or folder of GeoParquet by theme and type, or features as GeoJSON. Which rows go where is in
``overture_map.py``, cutting segments in ``overture_segments.py``; every row passes the checks of all tables
(``vector_build.py``). With bounds only row groups that meet them are read, and lines and areas are cut there.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.manifest import LayerSource
from shancheng.city.schema import SURVEYED
from shancheng.city.sources.base import CityData, SetAside, Source, SourceOptions
from shancheng.city.sources.osm_cut import clip
from shancheng.city.sources.overture_files import OvertureFile, overture_files_for, release_of
from shancheng.city.sources.overture_geojson import read_features
from shancheng.city.sources.overture_map import MAPPED, Part, sorted_rows
from shancheng.city.sources.overture_parts import with_sound_parents
from shancheng.city.sources.overture_types import COLUMNS, FOREIGN, fitted
from shancheng.city.sources.vector_arrow import only_where, pc
from shancheng.city.sources.vector_build import Batch, Builder, uncollected
from shancheng.city.sources.vector_columns import Mapped
from shancheng.city.sources.vector_crs import Placement, placement
from shancheng.city.sources.vector_geoparquet import open_geoparquet, open_parquet
from shancheng.city.sources.vector_opened import Rows
from shancheng.city.sources.vector_shapes import Shapes
from shancheng.errors import SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.geo.crs import LONLAT
from shancheng.progress import Progress

__all__ = ["SOURCE", "read", "read_overture"]

SOURCE_NAME: Final = "Overture Maps"
OSM: Final = "OpenStreetMap"
_URL: Final = "https://docs.overturemaps.org/attribution/"
_LAYERS: Final = tuple(MAPPED)
_POINTS_OF_INTEREST: Final = "place"
# Kept whole or not at all, as everywhere.
_WHOLE: Final = frozenset({"buildings", "base_stations", "rail_stations", "transit_stops", "places"})
_UNUSED: Final = ("bbox", "theme", "type", "geometry")
_MOST_TO_REPAIR: Final = 1_000
_MOST_NAMED: Final = 8


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read a file or a folder of Overture Maps.

    Args:
        path: GeoParquet or GeoJSON, or a folder with ``theme=…/type=…/*.parquet`` below it.
        options: ``bounds`` is understood.
        progress: Told what is being read.

    Raises:
        SourceFileError: A file is missing, damaged, or not Overture's.
        SettingError: A file does not say its type.
    """
    files = overture_files_for(path)
    return read_overture(files, progress, bounds=options.bounds, date=release_of(path), where=str(path))


def read_overture(
    files: Sequence[OvertureFile],
    progress: Progress,
    *,
    bounds: Bounds | None = None,
    date: str = "",
    where: str = SOURCE_NAME,
) -> CityData:
    """Read files from anywhere, each with its type.

    Args:
        files: Paths, or anything that Arrow reads from.
        progress: Told what is being read.
        bounds: Only what lies there.
        date: Of the release.
        where: Names all of them in errors.

    Raises:
        SourceFileError: A file is damaged or not Overture's, or they hold nothing at all.
    """
    reader = _Reader(bounds, placement(where, LONLAT, None))
    for number, file in enumerate(files):
        progress.step(f"reading {Path(file.where).name}", number / len(files))
        with uncollected():
            reader.take(file)
    if not reader.rows and bounds is None:
        raise SourceFileError(f"{where}: holds no feature; needed: files of Overture Maps")
    return reader.finish(date)


@dataclass
class _Reader:
    """Takes files, gives layers."""

    bounds: Bounds | None
    place: Placement
    rows: int = 0
    builders: dict[str, Builder] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    foreign: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    datasets: dict[str, Counter[str]] = field(default_factory=dict)
    bad_rules: int = 0
    cut: int = 0

    def take(self, file: OvertureFile) -> None:
        """Read one file."""
        if file.kind is None:
            batches, bad = read_features(Path(file.source))
            for kind, rows in batches:
                self._batch(kind, rows, file.where)
            self.rows += len(bad)
            self.set_aside += [SetAside(layer, name, reason) for layer, name, reason in bad]
        elif file.kind in FOREIGN:
            self._count(file)
        else:
            with open_geoparquet(file.source, file.where) as opened:
                if not placement(file.where, opened.crs, None).is_lonlat:
                    raise SourceFileError(
                        f"{file.where}: not in longitude and latitude, as all of Overture is"
                    )
                box = None if self.bounds is None else self.place.box(self.bounds)
                for rows in opened.batches(box):
                    self._batch(file.kind, rows, file.where)

    def _count(self, file: OvertureFile) -> None:
        """A type that fills no layer is not read, but counted."""
        layer, why = FOREIGN[str(file.kind)]
        with open_parquet(file.source, file.where) as opened:
            count = opened.metadata.num_rows
        self.rows += count
        self.foreign[layer, f"{file.kind}: {why}"] += count

    def _batch(self, kind: str, rows: Rows, where: str) -> None:
        n = len(rows.shapes)
        self.rows += n
        if kind in FOREIGN:
            self.foreign[FOREIGN[kind][0], f"{kind}: {FOREIGN[kind][1]}"] += n
            return
        if not n:
            return
        columns = {name: column for name, column in rows.columns.items() if name not in _UNUSED}
        for name, dtype in COLUMNS[kind].items():
            column = columns.get(name)
            columns[name] = pa.nulls(n, dtype) if column is None else fitted(column, dtype, where, name)
        found = sorted_rows(kind, columns, rows.shapes)
        self.bad_rules += found.bad_rules
        for layer, words, count in found.foreign:
            self.foreign[layer, f"{words}: no layer of a city holds this class"] += count
        for layer, excluded, reason in found.excluded:
            for local_id in columns["id"].take(pa.array(excluded)).to_pylist():
                self._builder(layer).listed.add(str(local_id), reason)
        for part in found.parts:
            self.kinds.setdefault(part.layer, set()).add(kind)
            self._part(part, columns, rows)

    def _part(self, part: Part, columns: Mapping[str, Any], rows: Rows) -> None:
        take = pa.array(part.rows)
        kept = {name: column.take(take) for name, column in _told(columns).items() if name not in part.drop}
        shapes = rows.shapes[part.rows] if part.shapes is None else part.shapes
        wkb = rows.wkb.take(take) if rows.wkb is not None and part.shapes is None else None
        builder = self._builder(part.layer)
        missing = {name: pa.nulls(len(take)) for name in MAPPED[part.layer].values() if name not in kept}
        batch = {**missing, **kept, **part.made}
        self.datasets.setdefault(part.layer, Counter()).update(_counted(part.made["=source"]))
        cut_shapes, wkb = self._cut(part.layer, shapes, wkb)
        names = batch["id"]
        builder.add(Batch(batch, cut_shapes, wkb, lambda row: str(names[row].as_py())))

    def _cut(self, layer: str, shapes: Shapes, wkb: Any) -> tuple[Shapes, Any]:  # noqa: ANN401 - an Arrow array
        """Lines and areas end at the bounds: an ocean that meets a city is not drawn whole."""
        if self.bounds is None or layer in _WHOLE:
            return shapes, wkb
        crossing = _crossing(shapes, self.bounds)
        if not len(crossing):
            return shapes, wkb
        shapes = shapes.copy()
        shapes[crossing] = _mended(shapes[crossing])
        pieces, rows = clip(shapes[crossing], self.bounds)
        shapes[crossing[rows]] = pieces
        self.cut += len(rows)
        return shapes, None

    def _builder(self, layer: str) -> Builder:
        if layer not in self.builders:
            mapped = Mapped(MAPPED[layer], ())
            self.builders[layer] = Builder(layer, mapped, self.place, SOURCE_NAME, SURVEYED, self.bounds)
        return self.builders[layer]

    def finish(self, date: str) -> CityData:
        """All layers, their credit, and what was not taken."""
        layers: dict[str, pa.Table] = {}
        remarks: list[str] = []
        boxes: list[Bounds] = []
        for layer, builder in self.builders.items():
            built = builder.finish()
            layers[layer] = with_sound_parents(built.table) if layer == "buildings" else built.table
            self.set_aside += built.set_aside
            remarks += built.remarks
            boxes += [built.bounds] if built.bounds else []
        for (layer, reason), count in sorted(self.foreign.items()):
            self.set_aside.append(SetAside(layer, f"({count:,} feature{'s' if count > 1 else ''})", reason))
        if self.bad_rules:
            remarks.append(f"{self.bad_rules:,} rules have no range along their segment; they are left out")
        if self.cut:
            remarks.append(f"{self.cut:,} lines and areas are cut at the bounds asked for")
        return CityData(
            layers=layers,
            layer_sources={layer: self._credit(layer, date) for layer in layers},
            extent=self.bounds or _around(boxes),
            set_aside=self.set_aside,
            remarks=tuple(remarks),
        )

    def _credit(self, layer: str, date: str) -> LayerSource:
        """Whose data a layer is.

        Source:
            docs.overturemaps.org, “Attribution and licensing”: all themes but places and addresses are under
            ODbL, since they hold OpenStreetMap; places are under CDLA Permissive 2.0.
        """
        datasets = self.datasets.get(layer, Counter())
        open_street_map = OSM in datasets or self.kinds.get(layer, set()) != {_POINTS_OF_INTEREST}
        named = [name for name, _ in datasets.most_common(_MOST_NAMED) if name not in (OSM, SOURCE_NAME)]
        credited = [
            *(("© OpenStreetMap contributors",) if open_street_map else ()),
            *named,
            "Overture Maps Foundation",
        ]
        counted = ", ".join(f"{name} {count:,}" for name, count in datasets.most_common(_MOST_NAMED))
        return LayerSource(
            source=SOURCE_NAME,
            licence="ODbL-1.0" if open_street_map else "CDLA-Permissive-2.0",
            attribution=", ".join(credited),
            provenance=SURVEYED,
            attribution_url=_URL,
            date=date,
            notes=f"Rows by data set, in the column source: {counted}." if counted else "",
        )


def _told(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns whose values go into attributes: names only where they say more than the one that is taken."""
    names = columns["names"]
    more = pc.greater(pc.list_value_length(_entries(names)), 0)
    told = dict(columns)
    told["names"] = only_where(more, names)
    return told


def _entries(names: Any) -> Any:  # noqa: ANN401 - an Arrow array
    common = pc.struct_field(names, "common")
    return common.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])))


def _counted(words: Any) -> dict[str, int]:  # noqa: ANN401
    return {
        str(entry["values"] or SOURCE_NAME): int(entry["counts"])
        for entry in words.value_counts().to_pylist()
    }


def _crossing(shapes: Shapes, bounds: Bounds) -> Any:  # noqa: ANN401 - row numbers
    boxes = shapely.bounds(shapes).reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        meets = (boxes[:, 0] <= bounds.east_deg) & (boxes[:, 2] >= bounds.west_deg)
        meets &= (boxes[:, 1] <= bounds.north_deg) & (boxes[:, 3] >= bounds.south_deg)
        inside = (boxes[:, 0] >= bounds.west_deg) & (boxes[:, 2] <= bounds.east_deg)
        inside &= (boxes[:, 1] >= bounds.south_deg) & (boxes[:, 3] <= bounds.north_deg)
    return np.flatnonzero(meets & ~inside)


def _mended(shapes: Shapes) -> Shapes:
    """Only sound areas can be cut; one that crosses itself is mended first, as tiles would."""
    broken = np.flatnonzero(~shapely.is_valid(shapes))
    few = broken[shapely.get_num_coordinates(shapes[broken]) <= _MOST_TO_REPAIR]
    shapes = shapes.copy()
    shapes[few] = shapely.make_valid(shapes[few])
    # What cannot be mended in bounded time is left out with a reason.
    shapes[np.setdiff1d(broken, few)] = None
    return shapes


def _around(boxes: list[Bounds]) -> Bounds | None:
    if not boxes:
        return None
    return Bounds(
        min(box.west_deg for box in boxes),
        min(box.south_deg for box in boxes),
        max(box.east_deg for box in boxes),
        max(box.north_deg for box in boxes),
    )


SOURCE = Source(
    "overture",
    "Overture Maps (GeoParquet by theme and type, GeoJSON; a file or a folder)",
    _LAYERS,
    read,
    frozenset({"bounds"}),
)
