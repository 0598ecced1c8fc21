"""The specification's own examples as controls of our checker: it accepts good and refuses bad ones."""

import json
import shutil
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tiles_checker import Finding, SubtreeContext, check_gltf, check_schema, check_subtree, check_tileset

pytestmark = pytest.mark.shared_data

HERE = Path(__file__).resolve().parent
# Most examples are a fragment: they leave out what another example is about, and lead to nothing.
INCIDENTAL = {"REFINE_MISSING", "CONTENT_MISSING", "SUBTREE_MISSING", "ABSOLUTE_URI"}
ABOUT_INCIDENTAL = {"tileRefineMissingInRoot", "tileRefineMissingInRootOfExternalA"}
JUDGED = {".json", ".subtree", ".gltf", ".glb"}
AVAILABLE: dict[str, Any] = {
    "tileAvailability": {"constant": 1},
    "childSubtreeAvailability": {"constant": 0},
}
EXAMPLE_CLASS: dict[str, Any] = {"id": "x", "classes": {"exampleClass": {}}}


@pytest.fixture(scope="module")
def archive(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specs")
    with tarfile.open(shared_data / "3dtiles" / "3d-tiles-validator_specs_data.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    data = folder / "specs" / "data"
    # The fragments about buffers and tables name this file of their neighbour.
    for name in ("buffers", "propertyTables"):
        shutil.copy(data / "subtrees" / "validBuffer.bin", data / name)
    return data


@pytest.fixture(scope="module")
def lists() -> dict[str, set[str]]:
    controls = tomllib.loads((HERE / "controls.toml").read_text(encoding="utf-8"))
    return {
        "accepted": {name for block in controls["accepted"] for name in block["files"]},
        "refused": {name for block in controls["refused"] for name in block["files"]},
        "out_of_scope": {name for block in controls["out_of_scope"] for name in block["files"]},
        "folders": {name for block in controls["folders_out_of_scope"] for name in block["folders"]},
    }


def judge(path: Path, data: Path) -> list[Finding]:
    kind = path.relative_to(data).parts[0]
    if kind == "schemas":
        return check_schema(json.loads(path.read_text(encoding="utf-8")))
    if kind == "subtrees":
        return check_subtree(path, SubtreeContext(levels=3, contents=1, schema=EXAMPLE_CLASS))
    if kind in {"buffers", "propertyTables"}:
        return judge_fragment(path, data)
    if kind == "gltfExtensions":
        return check_gltf(path)
    return check_tileset(path)


def judge_fragment(path: Path, data: Path) -> list[Finding]:
    """Judge buffers or tables that stand alone, as a part of a subtree that is right otherwise."""
    whole = path.with_suffix(".whole")
    whole.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | AVAILABLE), encoding="utf-8")
    schema = json.loads((data / "schemas" / "FullMetadataSchema.json").read_text(encoding="utf-8"))
    return check_subtree(whole, SubtreeContext(levels=3, schema=schema))


def examples(data: Path, lists: dict[str, set[str]]) -> list[str]:
    names = [str(path.relative_to(data)) for path in data.rglob("*") if path.suffix in JUDGED]
    outside = tuple(f"{folder}/" for folder in lists["folders"])
    return sorted(
        name for name in names if not name.startswith(outside) and name not in lists["out_of_scope"]
    )


def is_good(name: str, lists: dict[str, set[str]]) -> bool:
    stem = Path(name).stem.lower()
    return name in lists["accepted"] or (stem.startswith("valid") and name not in lists["refused"])


def telling(findings: list[Finding], name: str) -> list[Finding]:
    if Path(name).stem in ABOUT_INCIDENTAL:
        return findings
    return [finding for finding in findings if finding.code not in INCIDENTAL]


def test_every_name_in_the_lists_is_an_example(archive: Path, lists: dict[str, set[str]]) -> None:
    named = lists["accepted"] | lists["refused"] | lists["out_of_scope"] | lists["folders"]
    assert [name for name in sorted(named) if not (archive / name).exists()] == []


def test_good_examples_are_accepted(archive: Path, lists: dict[str, set[str]]) -> None:
    good = [name for name in examples(archive, lists) if is_good(name, lists)]
    faults = {name: found for name in good if (found := telling(judge(archive / name, archive), name))}
    assert faults == {}
    assert len(good) > 35


def test_bad_examples_are_refused(archive: Path, lists: dict[str, set[str]]) -> None:
    bad = [name for name in examples(archive, lists) if not is_good(name, lists)]
    missed = [name for name in bad if not telling(judge(archive / name, archive), name)]
    assert missed == []
    assert len(bad) > 250


def test_samples_are_accepted(shared_data: Path) -> None:
    samples = shared_data / "3dtiles" / "3d-tiles-samples"
    # This one says that it is of version 1.0, which cannot name glTF content without an extension.
    old = samples / "1.1" / "BoundingBoxTests" / "2_0_0-4_1_1" / "tileset.json"
    # This one came without its finest content.
    part = samples / "1.0" / "TilesetWithDiscreteLOD" / "tileset.json"
    paths = sorted(samples.rglob("tileset.json"))
    faults = {
        str(path): found for path in paths if path not in {old, part} and (found := check_tileset(path))
    }
    assert faults == {}
    assert [finding.code for finding in check_tileset(old)] == ["EXTENSION_REQUIRED"]
    assert [finding.code for finding in check_tileset(part)] == ["CONTENT_MISSING"]
    assert len(paths) > 20
