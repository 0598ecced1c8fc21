"""The layer of districts from OpenStreetMap's administrative boundaries."""

from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import shapely

from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_cut import clip
from shancheng.city.sources.osm_layers import table_of, taken, valid_areas
from shancheng.city.sources.osm_rows import Rows
from shancheng.geo.bounds import Bounds

__all__ = ["districts_table"]

_NEARLY_ALL: Final = 0.98
# The country's own number comes before those of statistics offices and of Europe.
_CODES: Final = ("ref", "ISO3166-2", "de:amtlicher_gemeindeschluessel")


def districts_table(rows: Rows, extent: Bounds, set_aside: list[SetAside]) -> pa.Table:
    """Administrative areas of the levels 5 to 11, cut at the extent.

    Which of the levels a country calls its districts differs, so all are kept and `kind` says which it is
    (`admin_level_8`). What covers the whole extent is the city itself or a region: it divides nothing.
    """
    shapes, keep = valid_areas("districts", rows, set_aside)
    cut, left = clip(shapes, extent)
    keep = keep[left]
    whole = shapely.area(cut) >= _NEARLY_ALL * extent.width_deg * extent.height_deg
    set_aside.extend(
        SetAside("districts", rows.ids[row], "covers the whole extent: it is no part of the city")
        for row in keep[whole]
    )
    cut, keep = cut[~whole], keep[~whole]
    codes = np.array([*(_code(text) for text in taken(rows.attributes, keep)), None], dtype=object)[:-1]
    return table_of("districts", rows, cut, keep, code=codes)


def _code(attributes: bytes | None) -> str | None:
    """A district's number among its tags."""
    tags = orjson.loads(attributes or b"{}")
    others = sorted(key for key in tags if key.startswith("ref:"))
    return next((tags[key] for key in (*_CODES, *others) if key in tags), None)
