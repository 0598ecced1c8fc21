"""What a build says of itself: counts, sizes, times, and every feature set aside, with its reason."""

from dataclasses import dataclass, field, fields
from typing import Any

# The one reason that is no fault: an outline is not drawn because its parts are.
REPLACED = "replaced by its parts"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A feature that is not drawn, and why."""

    layer: str
    id: str
    reason: str

    def values(self) -> dict[str, str]:
        """As plain values."""
        return {"layer": self.layer, "id": self.id, "reason": self.reason}


@dataclass(slots=True)
class LayerReport:
    """One layer of a build.

    Attributes:
        name: The layer.
        features: Features drawn.
        tiles: Tiles with content.
        triangles: Triangles in all of them.
        bytes_raw: Bytes of tiles, subtrees, tileset and schema as they are on disk.
        bytes_gzip: Bytes of the same as gzip sends them.
        set_aside: Features not drawn because something is wrong with them.
        seconds: Wall time.
        cpu_seconds: Time of all threads.
        levels: Levels of the quadtree.
        subtrees: Subtree files.
        geometric_error_m: Of the root tile; halves with each level.
        reused: Tiles taken over from the build before.
        notes: Counts that only one layer has, such as buildings replaced by their parts.
    """

    name: str
    features: int = 0
    tiles: int = 0
    triangles: int = 0
    bytes_raw: int = 0
    bytes_gzip: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    levels: int = 0
    subtrees: int = 0
    geometric_error_m: float = 0.0
    reused: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """As plain values, without `set_aside`."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "set_aside"}


@dataclass(slots=True)
class TilesReport:
    """A whole build, as it is written to `tiles/report.json`.

    Attributes:
        build: Name of the folder below `tiles/`.
        input_digest: Hash of everything in the city that tiles depend on.
        profile: How tiles were encoded.
        seconds: Wall time.
        layers: One report a layer, in the order they were made.
    """

    build: str
    input_digest: str
    profile: str
    seconds: float = 0.0
    layers: list[LayerReport] = field(default_factory=list)

    @property
    def set_aside(self) -> list[SetAside]:
        """Everything set aside, over all layers."""
        return [entry for layer in self.layers for entry in layer.set_aside]

    def to_json(self) -> dict[str, Any]:
        """As plain values; `set_aside` stands once, at the top."""
        return {
            "build": self.build,
            "input_digest": self.input_digest,
            "profile": self.profile,
            "seconds": self.seconds,
            "layers": [layer.values() for layer in self.layers],
            "set_aside": [entry.values() for entry in self.set_aside],
        }
