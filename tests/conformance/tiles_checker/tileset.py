"""Tilesets, explicit and implicit, with what they lead to: other tilesets, subtrees, schemas and contents."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tiles_checker.findings import Finding, against_schema, read_json
from tiles_checker.glb import check_gltf
from tiles_checker.metadata import check_entity, check_schema, semantic_value
from tiles_checker.subtree import SubtreeContext, read_subtree
from tiles_checker.volumes import inside, region_fault

TEMPLATE = re.compile(r"\{([^}]*)\}")
# Content that 3D Tiles 1.0 cannot name without 3DTILES_content_gltf, and content of extensions.
EXTENSION_OF_CONTENT = {".3tz": "MAXAR_content_3tz"}
GLTF = {".glb", ".gltf"}


def check_tileset(path: Path, *, contents: bool = True) -> list[Finding]:
    """All findings on a tileset and what it leads to; ``contents`` also opens its glTF files."""
    return TilesetChecker(contents=contents).check(path, ())


class TilesetChecker:
    """Walks a tileset and the external ones below it."""

    def __init__(self, *, contents: bool) -> None:
        self.contents = contents
        self.content_count = 0
        self.extensions: dict[Path, set[str]] = {}

    def check(self, path: Path, above: tuple[Path, ...]) -> list[Finding]:
        """Check one tileset file; ``above`` holds the files that led to it."""
        path = path.resolve()
        if path in above:
            return [Finding("CYCLE", path.name, "an external tileset leads back to itself")]
        document, findings = read_json(path)
        findings = findings or against_schema("tileset.json", document, path.name)
        if findings:
            return findings
        schema, findings = self._schema(document, path)
        if findings:
            return findings
        findings = list(_check_top(document, schema, path.name))
        walker = _Walker(self, path, above, document, schema)
        findings += list(walker.check_tile(document["root"], None, "root"))
        # A tileset must declare what the tilesets below it contain, too.
        below = [self.extensions.get(target, set()) for target in walker.externals]
        self.extensions[path] = set(_extensions(document)).union(*below)
        findings += list(_check_extensions(document, self.extensions[path], path.name, outermost=not above))
        return findings

    def _schema(self, document: dict[str, Any], path: Path) -> tuple[dict[str, Any] | None, list[Finding]]:
        schema = document.get("schema")
        if "schemaUri" in document:
            schema, findings = read_json(path.parent / document["schemaUri"])
            if findings:
                return None, findings
        return schema, check_schema(schema, f"{path.name}.schema") if schema is not None else []


def _check_top(document: dict[str, Any], schema: dict[str, Any] | None, name: str) -> Iterator[Finding]:
    """What the parts beside the root say of each other."""
    for key, extent in document.get("properties", {}).items():
        if extent["minimum"] > extent["maximum"]:
            yield Finding("PROPERTY_RANGE", f"{name}.properties.{key}", "minimum exceeds maximum")
    for number, group in enumerate(document.get("groups", [])):
        yield from check_entity(group, schema, f"{name}.groups[{number}]")
    if "metadata" in document:
        yield from check_entity(document["metadata"], schema, f"{name}.metadata")
    yield from _check_statistics(document.get("statistics", {}), schema, f"{name}.statistics")


def _check_extensions(
    document: dict[str, Any], found: set[str], name: str, *, outermost: bool
) -> Iterator[Finding]:
    used, required = set(document.get("extensionsUsed", [])), set(document.get("extensionsRequired", []))
    if required - used:
        yield Finding("EXTENSION_REQUIRED", name, f"{sorted(required - used)} are required but not used")
    if found - used:
        yield Finding("EXTENSION_UNDECLARED", name, f"{sorted(found - used)} are not in extensionsUsed")
    idle = used - found - set(EXTENSION_OF_CONTENT.values()) - {"3DTILES_content_gltf"}
    if idle and outermost:
        yield Finding("EXTENSION_UNUSED", name, f"{sorted(idle)} are in extensionsUsed but nowhere else")


def _check_statistics(
    statistics: dict[str, Any], schema: dict[str, Any] | None, where: str
) -> Iterator[Finding]:
    stated = (schema or {}).get("classes", {})
    for name, of_class in statistics.get("classes", {}).items():
        if name not in stated:
            yield Finding("STATISTICS_CLASS", where, f"{name} is no class of the schema")
            continue
        unknown = of_class.get("properties", {}).keys() - stated[name].get("properties", {}).keys()
        if unknown:
            yield Finding("STATISTICS_PROPERTY", where, f"{sorted(unknown)} are no properties of {name}")


def _extensions(value: Any) -> Iterator[str]:
    """Names of all extensions in a document, at any depth."""
    if isinstance(value, dict):
        yield from value.get("extensions", {})
        for part in value.values():
            yield from _extensions(part)
    elif isinstance(value, list):
        for part in value:
            yield from _extensions(part)


class _Walker:
    """Goes down the tiles of one tileset file."""

    def __init__(
        self,
        checker: TilesetChecker,
        path: Path,
        above: tuple[Path, ...],
        document: dict[str, Any],
        schema: dict[str, Any] | None,
    ) -> None:
        self.checker = checker
        self.path = path
        self.above = above
        self.document = document
        self.schema = schema
        self.externals: list[Path] = []

    def check_tile(
        self, tile: dict[str, Any], parent: dict[str, Any] | None, where: str
    ) -> Iterator[Finding]:
        """Check a tile, its contents and all below it."""
        yield from self._check_own(tile, parent, where)
        listed = [tile["content"]] if "content" in tile else tile.get("contents", [])
        for number, content in enumerate(listed):
            yield from self._check_content(content, tile, f"{where}.content[{number}]")
        if "implicitTiling" in tile:
            yield from self._check_implicit(tile, listed, f"{where}.implicitTiling")
        for number, child in enumerate(tile.get("children", [])):
            yield from self.check_tile(child, tile, f"{where}.children[{number}]")

    def _check_own(
        self, tile: dict[str, Any], parent: dict[str, Any] | None, where: str
    ) -> Iterator[Finding]:
        # The root of an external tileset takes its refinement from the tile that refers to it.
        if parent is None and not self.above and "refine" not in tile:
            yield Finding("REFINE_MISSING", where, "the root must say how it refines")
        bound = self.document["geometricError"] if parent is None else parent["geometricError"]
        if parent is not None and tile["geometricError"] > bound:
            yield Finding("GEOMETRIC_ERROR", where, f"{tile['geometricError']} exceeds the parent's {bound}")
        if fault := region_fault(tile["boundingVolume"]):
            yield Finding("REGION", where, fault)
        if "transform" in tile:
            matrix = np.array(tile["transform"]).reshape(4, 4).T
            if not np.array_equal(matrix[3], [0, 0, 0, 1]) or np.linalg.det(matrix[:3, :3]) == 0:
                yield Finding("TRANSFORM", where, "must be affine and have an inverse")
        if "metadata" in tile:
            yield from check_entity(tile["metadata"], self.schema, f"{where}.metadata")
            yield from self._check_metadata_error(tile, parent, where)

    def _check_metadata_error(
        self, tile: dict[str, Any], parent: dict[str, Any] | None, where: str
    ) -> Iterator[Finding]:
        """Metadata may override the geometric error, and must then fall from parent to child too."""
        own = semantic_value(tile["metadata"], self.schema, "TILE_GEOMETRIC_ERROR")
        bound = None
        if parent is not None and "metadata" in parent:
            bound = semantic_value(parent["metadata"], self.schema, "TILE_GEOMETRIC_ERROR")
        if own is not None and bound is not None and own > bound:
            yield Finding("GEOMETRIC_ERROR", where, f"{own} in metadata exceeds the parent's {bound}")

    def _check_content(self, content: dict[str, Any], tile: dict[str, Any], where: str) -> Iterator[Finding]:
        groups = len(self.document.get("groups", []))
        if content.get("group", -1) >= groups:
            yield Finding("GROUP", where, f"group={content['group']}: there are {groups}")
        if "metadata" in content:
            yield from check_entity(content["metadata"], self.schema, f"{where}.metadata")
        if "boundingVolume" in content and not inside(content["boundingVolume"], tile["boundingVolume"]):
            yield Finding("CONTENT_OUTSIDE", where, "its bounding volume leaves the tile's")
        if "implicitTiling" not in tile:
            yield from self.check_file(content["uri"], where)

    def check_file(self, uri: str, where: str) -> Iterator[Finding]:
        """Check the file that a content's URI names."""
        if re.match(r"[a-z]+:", uri):
            yield Finding("ABSOLUTE_URI", where, f"uri={uri!r} leads out of the tileset")
            return
        target = self.path.parent / uri.partition("?")[0]
        if not target.is_file():
            yield Finding("CONTENT_MISSING", where, f"uri={uri!r} is not there")
            return
        self.checker.content_count += 1
        needed = EXTENSION_OF_CONTENT.get(target.suffix)
        if target.suffix in GLTF and self.document["asset"]["version"] == "1.0":
            needed = "3DTILES_content_gltf"
        if needed and needed not in self.document.get("extensionsRequired", []):
            yield Finding("EXTENSION_REQUIRED", where, f"{target.name} needs {needed} in extensionsRequired")
        if target.suffix == ".json":
            self.externals.append(target.resolve())
            yield from self.checker.check(target, (*self.above, self.path))
        elif target.suffix in GLTF and self.checker.contents:
            yield from check_gltf(target)

    def _check_implicit(
        self, tile: dict[str, Any], contents: list[dict[str, Any]], where: str
    ) -> Iterator[Finding]:
        tiling = tile["implicitTiling"]
        variables = {"level", "x", "y"} | ({"z"} if tiling["subdivisionScheme"] == "OCTREE" else set())
        for uri in [tiling["subtrees"]["uri"], *(content["uri"] for content in contents)]:
            if set(TEMPLATE.findall(uri)) != variables:
                yield Finding("TEMPLATE", where, f"{uri!r} must hold exactly {sorted(variables)}")
                return
        if "sphere" in tile["boundingVolume"] and len(tile["boundingVolume"]) == 1:
            yield Finding("IMPLICIT_SPHERE", where, "a sphere cannot be divided")
            return
        context = SubtreeContext(
            levels=tiling["subtreeLevels"],
            branching=8 if "z" in variables else 4,
            contents=len(contents),
            schema=self.schema,
        )
        walk = ImplicitWalk(
            self, tiling, [content["uri"] for content in contents], context, len(variables) - 1
        )
        yield from walk.check_subtree((0, *([0] * walk.dimensions)), where)


class ImplicitWalk:
    """Goes down the subtrees of an implicit tileset and looks for the content of every available tile."""

    def __init__(
        self,
        walker: _Walker,
        tiling: dict[str, Any],
        templates: list[str],
        context: SubtreeContext,
        dimensions: int,
    ) -> None:
        self.walker = walker
        self.tiling = tiling
        self.templates = templates
        self.context = context
        self.dimensions = dimensions

    def check_subtree(self, root: tuple[int, ...], where: str) -> Iterator[Finding]:
        """Check the subtree whose root tile is (level, x, y[, z]), and those below it."""
        path = self.walker.path.parent / fill(self.tiling["subtrees"]["uri"], root)
        subtree = read_subtree(path, self.context)
        yield from subtree.findings
        if subtree.findings:
            return
        deepest = self.tiling["availableLevels"] - 1
        for index in np.flatnonzero(subtree.tiles):
            if self._tile(root, int(index))[0] > deepest:
                yield Finding("LEVEL", path.name, f"a tile lies below availableLevels={deepest + 1}")
                return
        for template, bits in zip(self.templates, subtree.contents, strict=False):
            for index in np.flatnonzero(bits):
                yield from self.walker.check_file(fill(template, self._tile(root, int(index))), where)
        for child in np.flatnonzero(subtree.children):
            below = deinterleave(int(child), self.dimensions, self.context.levels)
            corner = tuple(
                (at << self.context.levels) + step for at, step in zip(root[1:], below, strict=True)
            )
            yield from self.check_subtree((root[0] + self.context.levels, *corner), where)

    def _tile(self, root: tuple[int, ...], index: int) -> tuple[int, ...]:
        """Level and coordinates in the tileset of the tile at a place in the subtree's availability."""
        level, first = 0, 0
        while index >= first + self.context.branching**level:
            first += self.context.branching**level
            level += 1
        steps = deinterleave(index - first, self.dimensions, level)
        return (root[0] + level, *((at << level) + step for at, step in zip(root[1:], steps, strict=True)))


def deinterleave(code: int, dimensions: int, bits: int) -> tuple[int, ...]:
    """Coordinates of a Morton code, x in its lowest bit."""
    return tuple(
        sum(((code >> (bit * dimensions + axis)) & 1) << bit for bit in range(bits))
        for axis in range(dimensions)
    )


def fill(template: str, tile: tuple[int, ...]) -> str:
    """A template URI with a tile's level and coordinates in it."""
    values = dict(zip(("level", "x", "y", "z"), tile, strict=False))
    return TEMPLATE.sub(lambda match: str(values[match.group(1)]), template)
