"""Several sources as one: layers side by side, and one layer from two of them where no id stands twice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.city.manifest import LayerSource
from shancheng.city.schema import LAYERS, PROVENANCES, validate_layer
from shancheng.city.sources.base import CityData, SetAside
from shancheng.errors import LayerSchemaError, SourceFileError

__all__ = ["join_data", "join_sources", "join_tables", "without_ids"]


def join_data(parts: Sequence[CityData], names: Sequence[str]) -> CityData:
    """All that several sources know, as one.

    Args:
        parts: At least one. The first one's title, first view and ground go before the others'.
        names: What messages call each part.

    Raises:
        SourceFileError: Two of them hold the same id in one layer, or files of one name that differ.
        LayerSchemaError: Their extra columns do not go together.
    """
    if len(parts) == 1:
        return parts[0]
    layers, sources = {}, {}
    for layer in (name for name in LAYERS if any(name in part.layers for part in parts)):
        holders = [place for place, part in enumerate(parts) if layer in part.layers]
        _check_distinct(layer, [(names[at], parts[at].layers[layer]) for at in holders])
        credited = [parts[at].layer_sources[layer] for at in holders]
        layers[layer] = join_tables(layer, [parts[at].layers[layer] for at in holders], credited)
        sources[layer] = join_sources(credited)
    set_aside: list[SetAside] = [entry for part in parts for entry in part.set_aside]
    return CityData(
        layers=layers,
        layer_sources=sources,
        title=_first(part.title for part in parts),
        set_aside=set_aside,
        terrain=_first(part.terrain for part in parts),
        home=_first(part.home for part in parts),
        files=_joined_files(parts, names),
        column_use=tuple(dict.fromkeys(use for part in parts for use in part.column_use)),
        remarks=tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
    )


def join_tables(layer: str, tables: Sequence[pa.Table], sources: Sequence[LayerSource]) -> pa.Table:
    """One layer from several tables; a row that does not name its source gets its table's.

    Raises:
        LayerSchemaError: An id stands twice, or extra columns have types that do not go together.
    """
    if len(tables) == 1:
        return tables[0]
    named = [
        _with_source(validate_layer(layer, table), source.source)
        for table, source in zip(tables, sources, strict=True)
    ]
    try:
        joined = pa.concat_tables([_plain(table) for table in named], promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise LayerSchemaError(f"{layer}: the columns of the two do not go together: {error}") from error
    at = joined.schema.get_field_index("index")
    indices = pa.array(np.arange(joined.num_rows, dtype=np.uint32))
    return validate_layer(layer, joined.set_column(at, joined.schema.field(at), indices))


def join_sources(sources: Sequence[LayerSource]) -> LayerSource:
    """What is said of a layer from several sources: each is named, credited and its licence kept.

    The provenance is that of the least certain; the address of credit, the first that is known.
    """
    dates = sorted({date for source in sources for date in source.date.split("/") if date})
    return LayerSource(
        source=_listed([source.source for source in sources]),
        licence=_listed([source.licence for source in sources]),
        attribution=_listed([source.attribution for source in sources]),
        provenance=max((source.provenance for source in sources), key=_doubt),
        attribution_url=next((source.attribution_url for source in sources if source.attribution_url), ""),
        date="/".join(dict.fromkeys([*dates[:1], *dates[-1:]])),
        notes=" ".join(_distinct([source.notes for source in sources])),
    )


def without_ids(table: pa.Table, ids: Any) -> pa.Table:  # noqa: ANN401 - a column of strings
    """The rows whose id is not among these."""
    return table.filter(pc.invert(pc.is_in(table.column("id"), value_set=ids)))


def _check_distinct(layer: str, held: Sequence[tuple[str, pa.Table]]) -> None:
    for place, (name, table) in enumerate(held):
        for other, before in held[:place]:
            both = table.column("id").filter(pc.is_in(table.column("id"), value_set=before.column("id")))
            if len(both):
                raise SourceFileError(
                    f"{name}: {layer}: {len(both):,} ids are also in {other}, such as {both[0]}; take the "
                    f"layer from one of them (--layer), or add the second file with `shancheng city add`"
                )


def _with_source(table: pa.Table, source: str) -> pa.Table:
    at = table.schema.get_field_index("source")
    column: Any = pc.fill_null(table.column("source").cast(pa.string()), source)  # type: ignore[type-var]
    return table.set_column(at, table.schema.field(at), column.cast(table.schema.field(at).type))


def _plain(table: pa.Table) -> pa.Table:
    """Words as plain text: dictionaries of different tables do not join before they are the same."""
    fields = [
        field.with_type(field.type.value_type) if isinstance(field.type, pa.DictionaryType) else field
        for field in table.schema
    ]
    return table.replace_schema_metadata(None).cast(pa.schema(fields))


def _joined_files(parts: Sequence[CityData], names: Sequence[str]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for part, name in zip(parts, names, strict=True):
        for path, content in part.files.items():
            if files.setdefault(path, content) != content:
                raise SourceFileError(f"{name}: also brings {path}, with other content; add it by itself")
    return files


def _listed(texts: Sequence[str]) -> str:
    # A text that was joined before is taken apart, so that adding twice names nobody twice.
    return "; ".join(dict.fromkeys(part for text in texts for part in text.split("; ") if part))


def _distinct(notes: Sequence[str]) -> list[str]:
    """Notes that no other one holds already."""
    kept: list[str] = []
    for note in notes:
        if note and not any(note in before for before in kept):
            kept.append(note)
    return kept


def _doubt(provenance: str) -> int:
    return PROVENANCES.index(provenance) if provenance in PROVENANCES else len(PROVENANCES)


def _first(values: Any) -> Any:  # noqa: ANN401 - the first of any that is there
    return next((value for value in values if value is not None), None)
