"""The bytes of a binary glTF: buffer views, compressed or plain, accessors, and the file around them."""

import struct
from typing import Any

import numpy.typing as npt
import orjson

from shancheng.tiles import meshopt

_VERTICES, _INDICES = 34962, 34963
# Property tables need it, and it is the strictest of the alignments in a GLB.
_ALIGNMENT = 8
# Header of the file, of its JSON chunk and of its binary chunk.
_HEADERS_BYTES = 28


class Buffers:
    """Collects views, accessors and bytes; a view's number is its place in the file."""

    def __init__(self, *, compress: bool) -> None:
        self.compress = compress
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self._chunks: list[bytes] = []
        self._length = 0
        self._decoded_length = 0

    def vertices(self, rows: npt.NDArray[Any], *, filter_name: str | None = None) -> int:
        """A view of vertex rows, each a multiple of four bytes."""
        stride = rows.itemsize * rows.shape[1]
        layout: dict[str, Any] = {"byteStride": stride, "target": _VERTICES}
        if not self.compress:
            return self.plain(rows.tobytes(), layout)
        data = meshopt.encode_vertices(rows)
        return self._compressed(data, stride, len(rows), "ATTRIBUTES", layout, filter_name)

    def indices(self, indices: npt.NDArray[Any], *, wide: bool) -> int:
        """A view of triangles' corners, as uint32 if wide, else as uint16."""
        typed = indices.astype("<u4" if wide else "<u2")
        if not self.compress:
            return self.plain(typed.tobytes(), {"target": _INDICES})
        data = meshopt.encode_indices(indices)
        return self._compressed(data, typed.itemsize, len(indices), "TRIANGLES", {"target": _INDICES})

    def plain(self, data: bytes, layout: dict[str, Any]) -> int:
        """A view of bytes as they are."""
        self.views.append({"buffer": 0, "byteOffset": self._length, "byteLength": len(data), **layout})
        self._append(data)
        return len(self.views) - 1

    def accessor(self, view: int, component: int, count: int, kind: str, **more: Any) -> int:  # noqa: ANN401
        """An accessor over a view; its number."""
        self.accessors.append(
            {"bufferView": view, "componentType": component, "count": count, "type": kind, **more}
        )
        return len(self.accessors) - 1

    def file(self, document: dict[str, Any]) -> bytes:
        """The whole file.

        Args:
            document: glTF's JSON but for `accessors`, `bufferViews` and `buffers`.
        """
        buffers: list[dict[str, Any]] = [{"byteLength": self._length}]
        if self.compress:
            fallback = {"EXT_meshopt_compression": {"fallback": True}}
            buffers.append({"byteLength": self._decoded_length, "extensions": fallback})
        document = {**document, "accessors": self.accessors, "bufferViews": self.views, "buffers": buffers}
        text = orjson.dumps(document)
        text += b" " * (-(_HEADERS_BYTES + len(text)) % _ALIGNMENT)
        total = _HEADERS_BYTES + len(text) + self._length
        head = struct.pack("<4sIII4s", b"glTF", 2, total, len(text), b"JSON")
        return b"".join([head, text, struct.pack("<I4s", self._length, b"BIN\0"), *self._chunks])

    def _compressed(
        self,
        data: bytes,
        stride: int,
        count: int,
        mode: str,
        layout: dict[str, Any],
        filter_name: str | None = None,
    ) -> int:
        source = {
            "buffer": 0,
            "byteOffset": self._length,
            "byteLength": len(data),
            "byteStride": stride,
            "mode": mode,
            "count": count,
        }
        if filter_name:
            source["filter"] = filter_name
        view = {"buffer": 1, "byteOffset": self._decoded_length, "byteLength": stride * count, **layout}
        self.views.append({**view, "extensions": {"EXT_meshopt_compression": source}})
        self._decoded_length += stride * count
        self._decoded_length += -self._decoded_length % _ALIGNMENT
        self._append(data)
        return len(self.views) - 1

    def _append(self, data: bytes) -> None:
        padding = -len(data) % _ALIGNMENT
        self._chunks.append(data)
        if padding:
            self._chunks.append(bytes(padding))
        self._length += len(data) + padding
