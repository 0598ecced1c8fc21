"""The source of a layer, carried by the layer's own file: data and licence change in one rename."""

from pathlib import Path
from typing import Final

import pyarrow as pa

from shancheng.city.geoparquet import open_layer
from shancheng.city.manifest import LayerSource, credit_text, layer_credit

__all__ = ["file_credit", "with_credit"]

_KEY: Final = b"shancheng_source"


def with_credit(table: pa.Table, source: LayerSource) -> pa.Table:
    """The table with its source in the schema's metadata, which Parquet keeps."""
    metadata = {**(table.schema.metadata or {}), _KEY: credit_text(source).encode()}
    return table.replace_schema_metadata(metadata)


def file_credit(path: Path) -> LayerSource | None:
    """The source that a layer's file carries; None where another program wrote it.

    Raises:
        LayerChangedError: The file is missing or no Parquet file.
    """
    with open_layer(path) as file:
        return layer_credit((file.schema_arrow.metadata or {}).get(_KEY))
