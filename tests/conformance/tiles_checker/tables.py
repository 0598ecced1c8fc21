"""Buffers, buffer views and the binary columns of property tables."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tiles_checker.findings import Finding
from tiles_checker.metadata import COMPONENT_BYTES, COMPONENTS, range_fault

OFFSET_TYPES = {"UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64}


def check_views(document: dict[str, Any], buffers: list[bytes | None], where: str) -> list[Finding]:
    """Check that every buffer view lies in its buffer, and every buffer is as long as it says."""
    findings = []
    for number, (stated, data) in enumerate(zip(document.get("buffers", []), buffers, strict=True)):
        # A binary chunk is padded, so that it may be longer than its buffer.
        if data is not None and len(data) < stated["byteLength"]:
            findings.append(
                Finding("BUFFER_LENGTH", f"{where}.buffers[{number}]", f"holds only {len(data)} bytes")
            )
    for number, view in enumerate(document.get("bufferViews", [])):
        place = f"{where}.bufferViews[{number}]"
        if view["buffer"] >= len(buffers):
            findings.append(
                Finding("BUFFER_INDEX", place, f"buffer={view['buffer']}: there are {len(buffers)}")
            )
        elif (
            view.get("byteOffset", 0) + view["byteLength"] > document["buffers"][view["buffer"]]["byteLength"]
        ):
            findings.append(Finding("VIEW_RANGE", place, "ends after its buffer"))
    return findings


def view_bytes(document: dict[str, Any], buffers: list[bytes | None], index: int) -> bytes | None:
    """The bytes of a buffer view, None when they are compressed or not at hand."""
    view = document["bufferViews"][index]
    if "EXT_meshopt_compression" in view.get("extensions", {}):
        return None
    data = buffers[view["buffer"]]
    start = view.get("byteOffset", 0)
    return None if data is None else data[start : start + view["byteLength"]]


class TableChecker:
    """Checks the property tables of one document (a subtree or a glTF asset) against a schema."""

    def __init__(
        self, document: dict[str, Any], buffers: list[bytes | None], schema: dict[str, Any] | None
    ) -> None:
        self.document = document
        self.buffers = buffers
        self.schema = schema

    def check(self, table: dict[str, Any], where: str) -> Iterator[Finding]:
        """Yield what is wrong with one table."""
        if self.schema is None:
            yield Finding("TABLE_WITHOUT_SCHEMA", where, "a property table without a schema")
            return
        metadata_class = self.schema.get("classes", {}).get(table["class"])
        if metadata_class is None:
            yield Finding("CLASS_UNKNOWN", where, f"class={table['class']!r} is not in the schema")
            return
        stated = metadata_class.get("properties", {})
        columns = table.get("properties", {})
        for name, one in stated.items():
            if one.get("required", False) and name not in columns:
                yield Finding("PROPERTY_REQUIRED", where, f"{name} is required")
        for name, column in columns.items():
            if name not in stated:
                yield Finding("PROPERTY_UNKNOWN", where, f"{name} is not in the class")
            else:
                yield from self._check_column(
                    stated[name], column, table["count"], f"{where}.properties.{name}"
                )

    def _check_column(
        self, one: dict[str, Any], column: dict[str, Any], count: int, where: str
    ) -> Iterator[Finding]:
        views = len(self.document.get("bufferViews", []))
        bad = [key for key in ("values", "arrayOffsets", "stringOffsets") if column.get(key, 0) >= views]
        if bad:
            yield Finding("VIEW_INDEX", where, f"{bad[0]}={column[bad[0]]}: there are {views} buffer views")
            return
        variable = one.get("array", False) and "count" not in one
        is_text = one["type"] == "STRING"
        if variable and any(key in column for key in ("min", "max", "offset", "scale")):
            yield Finding(
                "COLUMN_RANGE", where, "an array of variable length has no min, max, offset or scale"
            )
        for key, due in (("arrayOffsets", variable), ("stringOffsets", is_text)):
            if due != (key in column):
                yield Finding("COLUMN_OFFSETS", where, f"{key} must {'' if due else 'not '}be there")
                return
        elements = count * one.get("count", 1)
        if variable:
            elements, findings = self._offsets(column, "array", count, where)
            yield from findings
        if is_text:
            characters, findings = self._offsets(column, "string", elements, where)
            yield from findings
            yield from self._check_text(column, characters, where)
            return
        yield from self._check_size(column["values"], self._bytes_of(one, elements), where)
        yield from self._check_alignment(column["values"], self._alignment(one), where)
        if one["type"] != "BOOLEAN":
            yield from self._check_values(one, column["values"], elements, where)

    def _check_values(self, one: dict[str, Any], index: int, elements: int, where: str) -> Iterator[Finding]:
        """Check that every stored value is one of its enum, or in the range that its class states."""
        data = view_bytes(self.document, self.buffers, index)
        size = self._bytes_of(one, elements)
        if data is None or len(data) < size:
            return
        stored = np.frombuffer(data[:size], np.dtype(self._component(one).lower()))
        if one["type"] == "ENUM":
            enum = (self.schema or {}).get("enums", {})[one["enumType"]]
            known = [entry["value"] for entry in enum["values"]]
            if not np.isin(stored, known).all():
                yield Finding("COLUMN_VALUE", where, f"holds a value that is not in {one['enumType']}")
            return
        if one.get("array", False) and "count" not in one:
            return
        rows = stored.reshape(-1, COMPONENTS[one["type"]] * one.get("count", 1))
        if any(range_fault(one, row.tolist()) for row in (rows.min(axis=0), rows.max(axis=0))):
            yield Finding("COLUMN_VALUE", where, "holds a value outside the class's min and max")

    def _offsets(
        self, column: dict[str, Any], kind: str, count: int, where: str
    ) -> tuple[int, list[Finding]]:
        """Check one array of offsets; its last one is the number of what it points into."""
        dtype = OFFSET_TYPES[column.get(f"{kind}OffsetType", "UINT32")]
        size = np.dtype(dtype).itemsize
        index = column[f"{kind}Offsets"]
        findings = list(self._check_size(index, (count + 1) * size, where))
        findings += self._check_alignment(index, size, where)
        data = view_bytes(self.document, self.buffers, index)
        if findings or data is None:
            return 0, findings
        offsets = np.frombuffer(data[: (count + 1) * size], dtype)
        if offsets[0] != 0 or np.any(np.diff(offsets.astype(np.int64)) < 0):
            findings.append(Finding("OFFSETS_ORDER", where, f"{kind}Offsets must start at 0 and never fall"))
        return int(offsets[-1]), findings

    def _check_text(self, column: dict[str, Any], characters: int, where: str) -> Iterator[Finding]:
        yield from self._check_size(column["values"], max(characters, 1), where)
        data = view_bytes(self.document, self.buffers, column["values"])
        if data is None or len(data) < characters:
            return
        try:
            data[:characters].decode("utf-8")
        except UnicodeDecodeError as error:
            yield Finding("TEXT", where, f"is no UTF-8: {error}")

    def _check_size(self, index: int, due: int, where: str) -> Iterator[Finding]:
        # A writer may pad a view; one that is too short loses values.
        size = self.document["bufferViews"][index]["byteLength"]
        if not due <= size < due + 8:
            yield Finding("COLUMN_SIZE", where, f"buffer view {index} has {size} bytes where {due} are due")

    def _check_alignment(self, index: int, alignment: int, where: str) -> Iterator[Finding]:
        if self.document["bufferViews"][index].get("byteOffset", 0) % alignment:
            yield Finding(
                "COLUMN_ALIGNMENT", where, f"buffer view {index} must start at a multiple of {alignment}"
            )

    def _component(self, one: dict[str, Any]) -> str:
        if one["type"] != "ENUM":
            return str(one["componentType"])
        enums = (self.schema or {}).get("enums", {})
        return str(enums[one["enumType"]].get("valueType", "UINT16"))

    def _bytes_of(self, one: dict[str, Any], elements: int) -> int:
        if one["type"] == "BOOLEAN":
            return (elements + 7) // 8
        return elements * COMPONENTS.get(one["type"], 1) * COMPONENT_BYTES[self._component(one)]

    def _alignment(self, one: dict[str, Any]) -> int:
        return 1 if one["type"] == "BOOLEAN" else COMPONENT_BYTES[self._component(one)]
