"""Checks of every layer: ids, indices, equal shapes, places, and how real it is."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.check.base import Answer, Layer, Subject, answer
from shancheng.city.schema import PROVENANCES

__all__ = ["check_layers", "provenance_shares"]

_MAY_COINCIDE: Final = frozenset({"districts", "places", "transit_routes", "transit_shapes"})
"""Layers whose features may have the same shape: lines of buses share their streets."""


def check_layers(subject: Subject) -> list[Answer]:
    """The checks that every layer goes through."""
    answers = []
    for name in subject.city.layer_names():
        layer = subject.layer(name)
        answers += [_twice(layer), _outside(subject, layer)]
        if name not in _MAY_COINCIDE:
            answers.append(_same_shape(subject, layer))
    return answers


def provenance_shares(subject: Subject) -> dict[str, dict[str, float]]:
    """By layer the share of rows that are surveyed, approximate, modelled, and that state accuracy."""
    shares = {}
    for name in subject.city.layer_names():
        layer = subject.layer(name)
        words, rows = layer.words("provenance"), max(len(layer), 1)
        counted = {word: float((words == word).sum() / rows) for word in PROVENANCES}
        stated = float((~layer.is_null("accuracy_m")).sum() / rows)
        shares[name] = {"rows": float(len(layer)), **counted, "accuracy_stated": stated}
    return shares


def _twice(layer: Layer) -> Answer:
    """An id or an index that stands twice; a city refuses such a layer, an edited file may hold one."""
    again = np.zeros(len(layer), dtype=bool)
    for name in ("id", "index"):
        values = layer.table.column(name).to_numpy(zero_copy_only=False)
        _, first = np.unique(values.astype(str) if name == "id" else values, return_index=True)
        repeated = np.ones(len(layer), dtype=bool)
        repeated[first] = False
        again |= repeated
    rows = np.flatnonzero(again)
    title = "ids or indices that stand twice"
    return answer(layer, "duplicate_ids", title, rows, lambda _k: "stands twice", looked_at=len(layer))


def _outside(subject: Subject, layer: Layer) -> Answer:
    """Features beyond the root cell are not drawn."""
    root = subject.city.manifest.root_cell.bounds
    box = shapely.box(root.west_deg, root.south_deg, root.east_deg, root.north_deg)
    there = ~shapely.is_missing(layer.shapes)
    rows = np.flatnonzero(there & ~shapely.intersects(layer.shapes, box))
    return answer(
        layer, "outside", "features outside the city's root cell", rows,
        lambda k: f"lies at {layer.places[rows[k]][0]:.4f}, {layer.places[rows[k]][1]:.4f}",
        looked_at=int(there.sum()), tolerated=0.05,
        skipped={"the geometry cannot be read": int((~there).sum())},
    )  # fmt: skip


def _same_shape(subject: Subject, layer: Layer) -> Answer:
    """Features with exactly the geometry of another one, but for parts of a building one above the other."""
    geometry: Any = subject.city.layer(layer.name, ["geometry"]).column("geometry").combine_chunks()
    encoded = geometry.dictionary_encode()
    codes = encoded.indices.to_numpy()
    if layer.name == "buildings":
        spans = pa.array(layer.numbers("min_height_m")).dictionary_encode().indices.to_numpy()
        codes = codes.astype(np.int64) * (int(spans.max(initial=0)) + 1) + spans
        part = np.array([parent is not None for parent in layer.words("parent_id")], dtype=bool)
    else:
        part = np.zeros(len(layer), dtype=bool)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    repeated = np.arange(len(layer)) != first[inverse]
    rows = np.flatnonzero(repeated & ~part)
    ids = layer.words("id")
    return answer(
        layer, "duplicate_shapes", "features with exactly the shape of another one", rows,
        lambda k: f"the same as {ids[first[inverse[rows[k]]]]}",
        looked_at=int((~part).sum()), tolerated=0.05,
        skipped={"parts of buildings": int(part.sum())},
    )  # fmt: skip
