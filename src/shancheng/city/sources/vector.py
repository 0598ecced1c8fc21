"""Tables of features as a source: GeoParquet, GeoJSON, GeoPackage, Shapefile, FlatGeobuf.

Which column fills which of ours is told by the user or guessed from names (``vector_columns.py``) and shown;
the reference system is the file's or the user's and never assumed. Reading is in ``vector_geoparquet.py`` and
``vector_gdal.py``, the checks of every row in ``vector_shapes.py`` and ``vector_build.py``.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from shancheng.city.manifest import LayerSource
from shancheng.city.schema import LAYERS, PROVENANCES, SURVEYED
from shancheng.city.sources.base import CityData, ColumnUse, Source, SourceOptions
from shancheng.city.sources.vector_arrow import pc
from shancheng.city.sources.vector_build import Batch, Builder, Built, uncollected
from shancheng.city.sources.vector_columns import Mapped, choose_columns, fields_of
from shancheng.city.sources.vector_crs import Placement, placement
from shancheng.city.sources.vector_gdal import FORMATS, format_of, open_gdal
from shancheng.city.sources.vector_geoparquet import is_parquet, open_geoparquet
from shancheng.city.sources.vector_opened import Opened, Rows
from shancheng.city.sources.vector_own import own_layer, read_own
from shancheng.city.sources.vector_shapes import allowed_types
from shancheng.city.sources.vector_tags import TagRules, tag_rules, virtual_columns
from shancheng.city.sources.vector_values import texts
from shancheng.errors import SettingError, SourceFileError
from shancheng.progress import Progress

__all__ = ["SOURCE", "city_data", "layer_source", "local_file", "not_ids", "read", "stated_provenance"]

UNKNOWN: Final = "unknown"


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read one table of features into one layer.

    Args:
        path: A local file of one of the formats above.
        options: All are understood; ``layer`` is needed but for a layer that Shancheng wrote.
        progress: Told what is being read.

    Raises:
        SourceFileError: The file is missing, damaged, of another kind, or its axes are swapped.
        UnknownCRSError: It does not say its reference system, and the user does not either.
        SettingError: An option is wrong, or the layer is not named.
    """
    local_file(path, FORMATS)
    stated_provenance(options)
    progress.step(f"reading {path.name}", None)
    with ExitStack() as stack:
        opened = _open(path, options, stack)
        own = own_layer(opened.schema, path, options)
        if own is not None:
            return read_own(opened, path, own, options)
        layer = _layer(options, path)
        stack.enter_context(uncollected())
        built, use = _built(opened, layer, path, options)
    return city_data(path, options, built, layer, (*opened.remarks,), use)


def local_file(path: Path, needed: str) -> None:
    """Refuse what is no file on this machine.

    Raises:
        SourceFileError: It is missing, a folder, or empty.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise SourceFileError(f"{path}: {what}; needed: a local file, {needed}")
    if path.stat().st_size == 0:
        raise SourceFileError(f"{path}: is empty; needed: {needed}")


def stated_provenance(options: SourceOptions) -> str:
    """The user's word on how far the data can be trusted; data of a named file is `surveyed`.

    Raises:
        SettingError: It is none of the three.
    """
    if options.provenance is not None and options.provenance not in PROVENANCES:
        raise SettingError(f"provenance={options.provenance!r}: must be one of {', '.join(PROVENANCES)}")
    return options.provenance or SURVEYED


def layer_source(path: Path, options: SourceOptions) -> LayerSource:
    """Where a layer comes from, as far as the user says."""
    return LayerSource(
        source=path.name,
        licence=options.licence or UNKNOWN,
        attribution=options.attribution or UNKNOWN,
        provenance=stated_provenance(options),
    )


def city_data(
    path: Path,
    options: SourceOptions,
    built: Built,
    layer: str,
    remarks: tuple[str, ...],
    use: tuple[ColumnUse, ...],
) -> CityData:
    """One layer as a city's data, with a remark on what nobody said."""
    said = [*remarks, *built.remarks]
    if options.licence is None:
        said.append(f"{path.name}: its licence is unknown; name it with --licence, and --attribution with it")
    return CityData(
        layers={layer: built.table},
        layer_sources={layer: layer_source(path, options)},
        extent=built.bounds,
        set_aside=built.set_aside,
        column_use=use,
        remarks=tuple(said),
    )


def _open(path: Path, options: SourceOptions, stack: ExitStack) -> Opened:
    if is_parquet(path):
        return stack.enter_context(open_geoparquet(path, str(path)))
    kind = format_of(path)
    if kind is None:
        raise SourceFileError(f"{path}: of no known format by its first bytes; needed: {FORMATS}")
    return stack.enter_context(open_gdal(path, kind, table=options.table, crs=options.crs))


def _layer(options: SourceOptions, path: Path) -> str:
    if options.layer is None:
        raise SettingError(
            f"layer: {path} does not say what it holds; name one with --layer: {', '.join(LAYERS)}"
        )
    allowed_types(options.layer)
    return options.layer


def _built(
    opened: Opened, layer: str, path: Path, options: SourceOptions
) -> tuple[Built, tuple[ColumnUse, ...]]:
    mapped, rules = _mapping(opened, layer, options)
    place = placement(opened.where, opened.crs, options.crs, options.datum, needed=opened.needed)
    _remark_crs(opened, options, place)
    box = None if options.bounds is None else place.box(options.bounds)
    batches = opened.batches(box)
    first = next(batches, None)
    builder = Builder(
        layer,
        mapped,
        place,
        path.name,
        stated_provenance(options),
        options.bounds,
        own_id=_holds_ids(mapped, first, opened),
        tags=rules,
    )
    unused = opened.fid if mapped.theirs.get("id") != opened.fid else None
    done = 0
    for rows in _chained(first, batches):
        # The file's own count of rows is told only where it serves as id.
        columns = {name: column for name, column in rows.columns.items() if name != unused}
        builder.add(Batch(columns, rows.shapes, rows.wkb, _label(done)))
        done += len(rows.shapes)
    for name, reason in opened.lost.items():
        builder.listed.add(name, reason)
    return builder.finish(), mapped.use


def _chained(first: Rows | None, rest: Iterator[Rows]) -> Iterator[Rows]:
    if first is not None:
        yield first
        yield from rest


def _label(before: int) -> Any:  # noqa: ANN401 - from a number to words
    return lambda row: f"row {before + row + 1}"


def _mapping(opened: Opened, layer: str, options: SourceOptions) -> tuple[Mapped, TagRules | None]:
    wanted = fields_of(layer)
    rules = tag_rules(opened.schema, layer, wanted, opened.where)
    if opened.fid is not None:
        wanted = {**wanted, "id": (*wanted["id"], opened.fid)}
    virtual = {} if rules is None else virtual_columns(wanted)
    # A tag tells more than a column of a similar name.
    open_to_guess = {ours: () if ours in virtual else names for ours, names in wanted.items()}
    mapped = choose_columns(open_to_guess, opened.schema.names, options.columns, opened.where)
    added = {ours: name for ours, name in virtual.items() if ours not in options.columns}
    use = tuple(ColumnUse(ours, name, guessed=True) for ours, name in added.items())
    return Mapped({**mapped.theirs, **added}, (*mapped.use, *use)), rules


def _remark_crs(opened: Opened, options: SourceOptions, place: Placement) -> None:
    if options.crs is not None and opened.crs not in (None, options.crs):
        opened.remarks.append(
            f"{opened.where}: read as {place.facts.name}, as asked, whatever it says itself"
        )


def _holds_ids(mapped: Mapped, first: Rows | None, opened: Opened) -> bool:
    """A guessed column of ids must hold ids; a given one is the user's word."""
    name = mapped.theirs.get("id")
    if name is None or first is None:
        return False
    guessed = next(one.guessed for one in mapped.use if one.ours == "id")
    ids: Any = pc.drop_null(texts(first.columns[name]))
    if not guessed or len(ids.unique()) == len(ids):
        return True
    opened.remarks.append(not_ids(opened.where, name))
    return False


def not_ids(where: str, name: str) -> str:
    """Why a column that is called like one of ids is none."""
    return (
        f"{where}: {name!r} holds values that stand more than once and is not taken for ids; "
        f"id={name} with --column takes it"
    )


SOURCE = Source(
    "vector",
    f"Table of features ({FORMATS})",
    tuple(LAYERS),
    read,
    frozenset({
        "layer", "crs", "datum", "columns", "bounds", "licence", "attribution", "provenance", "table",
    }),
)  # fmt: skip
