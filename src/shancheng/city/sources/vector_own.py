"""A layer that Shancheng itself wrote: taken as it is, ids and all."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import shapely

from shancheng.city.credit import file_credit
from shancheng.city.manifest import LayerSource
from shancheng.city.schema import BBOX, LAYERS, SURVEYED, validate_layer
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.vector_arrow import pc
from shancheng.city.sources.vector_opened import Opened
from shancheng.city.sources.vector_shapes import bounds_of
from shancheng.errors import LayerSchemaError, SettingError, SourceFileError
from shancheng.geo.crs import LONLAT

__all__ = ["own_layer", "read_own"]

_SIGNS: Final = ("id", "index", "kind", "provenance")
_PICTURE: Final = re.compile(r"[0-9a-f]{64}\.(?:jpg|png|webp)")
_MAX_PICTURE: Final = 64 << 20
_TEXTURES: Final = "lod2_textures"


def own_layer(schema: pa.Schema, path: Path, options: SourceOptions) -> str | None:
    """Which layer a file of ours is; None where it is none of ours or the user wants it read otherwise.

    Raises:
        SettingError: Its columns fit several layers, and neither its name nor the user says which.
    """
    if options.columns or options.crs or options.datum != "wgs84" or not set(_SIGNS) <= set(schema.names):
        return None
    fitting = [name for name, layer in LAYERS.items() if _fits(schema, layer)]
    if not fitting or (options.layer is not None and options.layer not in fitting):
        return None
    if options.layer is not None:
        return options.layer
    if path.stem in fitting:
        return path.stem
    most = max(len(LAYERS[name]) for name in fitting)
    richest = [name for name in fitting if len(LAYERS[name]) == most]
    if len(richest) == 1:
        return richest[0]
    raise SettingError(f"layer: {path} may be {', '.join(richest)}; name one with --layer")


def _fits(schema: pa.Schema, layer: pa.Schema) -> bool:
    return set(layer.names) - {"geometry", "bbox"} <= set(schema.names)


def read_own(opened: Opened, path: Path, layer: str, options: SourceOptions) -> CityData:
    """The layer as it stands in the file; its boxes are computed anew.

    Raises:
        SourceFileError: It is not as its columns promise.
    """
    if opened.crs != LONLAT:
        raise SourceFileError(f"{path}: a layer of a city is in longitude and latitude ({LONLAT})")
    box = None if options.bounds is None else (
        options.bounds.west_deg, options.bounds.south_deg, options.bounds.east_deg, options.bounds.north_deg
    )  # fmt: skip
    tables = [LAYERS[layer].empty_table()]
    for rows in opened.batches(box):
        if rows.wkb is None or shapely.is_missing(rows.shapes).any():
            raise SourceFileError(
                f"{path}: a row has no geometry that can be read; needed: a layer as it was written"
            )
        tables.append(_table(layer, rows.columns, rows.wkb, shapely.bounds(rows.shapes).reshape(-1, 4)))
    try:
        table = validate_layer(
            layer, pa.concat_tables(tables, promote_options="default").unify_dictionaries()
        )
    except (LayerSchemaError, pa.ArrowException) as error:
        raise SourceFileError(f"{path}: not the layer that its columns promise ({error})") from error
    table, files, remarks = _with_pictures(table, path)
    return CityData(
        layers={layer: table},
        layer_sources={layer: _credit(path, options)},
        extent=bounds_of(table),
        files=files,
        remarks=(*opened.remarks, *remarks, f"{path.name}: a layer of Shancheng; taken as it is"),
    )


def _table(layer: str, columns: Any, wkb: Any, boxes: Any) -> pa.Table:  # noqa: ANN401 - Arrow and numbers
    edges = pa.StructArray.from_arrays([pa.array(edge) for edge in boxes.T], fields=list(BBOX))
    fields = LAYERS[layer].names
    known = {**columns, "geometry": wkb, "bbox": edges}
    names = [*fields, *(name for name in known if name not in fields)]
    return pa.table({name: known[name] for name in names})


def _credit(path: Path, options: SourceOptions) -> LayerSource:
    """What the file carries of its source; the user's words go before it."""
    carried = file_credit(path)
    said = {
        name: value
        for name, value in (
            ("licence", options.licence),
            ("attribution", options.attribution),
            ("provenance", options.provenance),
        )
        if value is not None
    }
    if carried is None:
        carried = LayerSource(path.name, "unknown", "unknown", options.provenance or SURVEYED)
    return replace(carried, **said)


def _with_pictures(table: pa.Table, path: Path) -> tuple[pa.Table, dict[str, bytes], tuple[str, ...]]:
    """The pictures that stand beside the file; a table that names others loses its textures."""
    if _TEXTURES not in table.column_names:
        return table, {}, ()
    lists: Any = table.column(_TEXTURES)
    names = [name for name in pc.list_flatten(lists).unique().to_pylist() if name is not None]
    files = {name: path.parent / "textures" / name for name in names if _PICTURE.fullmatch(name)}
    if len(files) == len(names) and all(_is_picture(file) for file in files.values()):
        return table, {f"layers/textures/{name}": file.read_bytes() for name, file in files.items()}, ()
    empty = {name: pa.nulls(table.num_rows, table.schema.field(name).type) for name in (_TEXTURES, "lod2_uv")}
    for name, column in empty.items():
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    remark = (
        f"{path.name}: pictures that it names are not in {path.parent / 'textures'}; its surfaces stay plain"
    )
    return table, {}, (remark,)


def _is_picture(file: Path) -> bool:
    return file.is_file() and file.stat().st_size <= _MAX_PICTURE
