"""Pictures on faces: in the right place, bounded, the same every time; what cannot be read is left out."""

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from drawn import Drawn, read_tile
from houses import LAT, LON, layer
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from solids import box, degrees, moved, wkb

from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.buildings import make_buildings
from shancheng.tiles.profiles import PROFILES
from shancheng.tiles.report import LayerReport
from shancheng.tiles.sheets import Layout, packed

ROOT = RootCell(LON - 0.03, LAT - 0.03, 0.0625)
FLAT = Raster(np.zeros((2, 2), np.float32), LON - 1, LAT + 1, 2.0, 2.0)
BOX = box(20, 10, 8)
UPRIGHT = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0]


def quarters(size: int = 256) -> Image.Image:
    """Red and green above, blue and white below: every corner tells which it is."""
    pixels = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    pixels[:half, :half], pixels[:half, half:] = (220, 20, 20), (20, 220, 20)
    pixels[half:, :half], pixels[half:, half:] = (20, 20, 220), (240, 240, 240)
    return Image.fromarray(pixels)


def put(folder: Path, picture: Image.Image | bytes, kind: str = "png", **options: Any) -> str:
    """Store a picture as a city does; its name."""
    data = picture
    if isinstance(picture, Image.Image):
        out = io.BytesIO()
        picture.save(out, {"jpg": "JPEG"}.get(kind, kind.upper()), **options)
        data = out.getvalue()
    assert isinstance(data, bytes)
    name = f"{hashlib.sha256(data).hexdigest()}.{kind}"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return name


def table_of(names: list[Any], uv: list[Any], faces: Any = BOX) -> pa.Table:
    """Boxes side by side, each with its list of names and of places."""
    solids = [moved(faces, 40 * k, 0, 0) for k in range(len(names))]
    return layer(
        [shapely.box(*degrees(one).bounds) for one in solids],
        lod2_geometry=pa.array([wkb(one) for one in solids], pa.binary()),
        lod2_textures=pa.array(names, pa.list_(pa.string())),
        lod2_uv=pa.array(uv, pa.list_(pa.float32())),
    )


def made(
    tmp_path: Path, table: pa.Table, folder: str = "out", **options: Any
) -> tuple[LayerReport, list[Drawn]]:
    """The layer's report and its one tile, primitive by primitive."""
    report = make_buildings(table, FLAT, ROOT, tmp_path / folder, pictures=tmp_path / "textures", **options)
    (path,) = (tmp_path / folder).glob("*/*/*.glb")
    count = len(read_tile(path).document["meshes"][0]["primitives"])
    return report, [read_tile(path, number) for number in range(count)]


def south_wall(name: str, uv: list[float]) -> tuple[list[str | None], list[float]]:
    return [None, None, name, None, None, None], uv


def colour_at(tile: Drawn, x: float, z: float) -> tuple[int, int, int]:
    """What a viewer shows at a place on a south wall, metres from its lower left corner."""
    assert tile.uv is not None
    assert tile.picture is not None
    origin = tile.local.min(axis=0)[:2]
    for triangle in tile.triangles:
        a, b, c = tile.local[triangle][:, :2] - origin
        s, t = np.linalg.solve(np.array([b - a, c - a]).T, np.array([x, z]) - a)
        if s >= 0 and t >= 0 and s + t <= 1:
            uv = tile.uv[triangle]
            u, v = (uv[0] + s * (uv[1] - uv[0]) + t * (uv[2] - uv[0])) % 1.0
            pixels = np.asarray(tile.picture.convert("RGB")).astype(int)
            return tuple(pixels[int(v * pixels.shape[0]), int(u * pixels.shape[1])].tolist())
    raise AssertionError(f"nothing at {x}, {z}")


def assert_quarters(tile: Drawn, width: float = 20.0, height: float = 8.0) -> None:
    for x, z, colour in (
        (0.3, 0.7, (220, 20, 20)),
        (0.7, 0.7, (20, 220, 20)),
        (0.3, 0.3, (20, 20, 220)),
        (0.7, 0.3, (240, 240, 240)),
    ):
        assert colour_at(tile, x * width, z * height) == pytest.approx(colour, abs=12)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_picture_lies_on_its_wall_the_right_way_up(profile: str, tmp_path: Path) -> None:
    names, uv = south_wall(put(tmp_path / "textures", quarters()), UPRIGHT)
    report, (bare, dressed) = made(tmp_path, table_of([names], [uv]), profile=PROFILES[profile])
    assert report.notes == {"replaced_by_parts": 0, "repaired": 0, "solids": 1}
    assert report.triangles == 12
    assert (len(bare.triangles), len(dressed.triangles)) == (10, 2)
    assert (bare.picture, bare.uv) == (None, None)
    assert_quarters(dressed)
    assert np.array_equal(dressed.features, np.zeros(len(dressed.local)))
    looks = dressed.document["materials"][1]["pbrMetallicRoughness"]
    assert looks["baseColorFactor"] == [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "jpg", {"quality": 95}),
        ("RGB", "jpg", {"quality": 95, "progressive": True}),
        ("CMYK", "jpg", {"quality": 95}),
        ("RGBA", "png", {}),
        ("P", "png", {}),
        ("RGB", "webp", {"lossless": True}),
    ],
)
def test_every_kind_of_picture_is_read(mode: str, kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    picture = quarters().quantize(4) if mode == "P" else quarters().convert(mode)
    names, uv = south_wall(put(tmp_path / "textures", picture, kind, **options), UPRIGHT)
    report, tiles = made(tmp_path, table_of([names], [uv]))
    assert "pictures that cannot be read" not in report.notes
    assert_quarters(tiles[1])


def test_what_shines_through_shows_the_wall(tmp_path: Path) -> None:
    glass = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    names, uv = south_wall(put(tmp_path / "textures", glass), UPRIGHT)
    _, tiles = made(tmp_path, table_of([names], [uv]))
    assert min(colour_at(tiles[1], 10, 4)) > 200


def test_many_pictures_share_a_sheet(tmp_path: Path) -> None:
    """Every building has its own, of any size; each shows its own colour and no neighbour's."""
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 255, (40, 3)).astype(np.uint8)
    names, uvs = [], []
    for colour in colours:
        picture = Image.new("RGB", tuple(rng.integers(1, 700, 2).tolist()), tuple(colour.tolist()))
        name, uv = south_wall(put(tmp_path / "textures", picture), UPRIGHT)
        names.append(name)
        uvs.append(uv)
    report, (bare, dressed) = made(tmp_path, table_of(names, uvs))
    assert len(report.notes) == 3
    assert dressed.picture is not None
    assert max(dressed.picture.size) <= 2048
    pixels = np.asarray(dressed.picture.convert("RGB")).astype(int)
    assert dressed.uv is not None
    for feature, index in enumerate(np.frombuffer(bare.table["index"], np.uint32)):
        places = dressed.uv[dressed.features == feature]
        for u, v in places * 0.998 + places.mean(axis=0) * 0.002:
            found = pixels[int(v * pixels.shape[0]), int(u * pixels.shape[1])]
            assert found == pytest.approx(colours[index], abs=40)


def test_only_the_part_that_is_used_is_taken(tmp_path: Path) -> None:
    half = [0.0, 0.5, 1.0, 0.5, 1.0, 1.0, 0.0, 1.0, 0.0, 0.5]
    names, uv = south_wall(put(tmp_path / "textures", quarters(256)), half)
    _, tiles = made(tmp_path, table_of([names], [uv]))
    assert tiles[1].picture is not None
    assert tiles[1].picture.size == (512, 256)
    assert colour_at(tiles[1], 2, 4) == pytest.approx((220, 20, 20), abs=12)
    assert colour_at(tiles[1], 18, 4) == pytest.approx((20, 220, 20), abs=12)


def test_a_picture_may_be_repeated_along_a_wall(tmp_path: Path) -> None:
    uv = [value * (5 if k % 2 == 0 else 2) for k, value in enumerate(UPRIGHT)]
    names, uv = south_wall(put(tmp_path / "textures", quarters()), uv)
    _, tiles = made(tmp_path, table_of([names], [uv]))
    document = tiles[1].document
    assert document["samplers"][document["textures"][0]["sampler"]]["wrapS"] == 10497
    for k in range(5):
        assert colour_at(tiles[1], 4 * k + 1, 7) == pytest.approx((220, 20, 20), abs=12)
        assert colour_at(tiles[1], 4 * k + 3, 1) == pytest.approx((240, 240, 240), abs=12)


def test_sheets_are_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = [Image.fromarray(rng.integers(0, 255, (900, 900, 3), dtype=np.uint8)) for _ in range(9)]
    walls = [south_wall(put(tmp_path / "textures", one, "jpg"), UPRIGHT) for one in noise]
    report, tiles = made(tmp_path, table_of([names for names, _ in walls], [uv for _, uv in walls]))
    assert tiles[1].picture is not None
    assert tiles[1].picture.size == (2048, 2048)
    assert report.bytes_raw < 4 << 20


def test_two_builds_are_equal_to_the_byte(tmp_path: Path) -> None:
    walls = [south_wall(put(tmp_path / "textures", quarters(64 + k)), UPRIGHT) for k in range(12)]
    table = table_of([names for names, _ in walls], [uv for _, uv in walls])
    made(tmp_path, table, "a", threads=1)
    made(tmp_path, table.take(np.random.default_rng(1).permutation(12)), "b", threads=3)
    files = [sorted(p.relative_to(tmp_path / side) for p in (tmp_path / side).rglob("*.*")) for side in "ab"]
    assert files[0] == files[1]
    for name in files[0]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def bomb() -> bytes:
    """A PNG of 30,000 by 30,000 pixels, as far as its head says."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def gif() -> bytes:
    out = io.BytesIO()
    quarters().save(out, "GIF")
    return out.getvalue()


@pytest.mark.parametrize("damage", ["missing", "empty", "nonsense", "a gif", "bomb"])
def test_a_picture_that_must_not_be_read_leaves_a_bare_wall(damage: str, tmp_path: Path) -> None:
    data = {"missing": b"", "empty": b"", "nonsense": b"\x89PNG nonsense", "a gif": gif(), "bomb": b""}[
        damage
    ]
    if damage == "bomb":
        data = bomb()
    names, uv = south_wall(put(tmp_path / "textures", data), UPRIGHT)
    if damage == "missing":
        (tmp_path / "textures" / str(names[2])).unlink()
    report, tiles = made(tmp_path, table_of([names], [uv]))
    assert report.notes["pictures that cannot be read"] == 1
    assert [len(tile.triangles) for tile in tiles] == [12]
    assert "images" not in tiles[0].document


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_a_damaged_picture_leaves_a_bare_wall(kind: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 255, (256, 256, 3), dtype=np.uint8))
    noise.save(out, {"jpg": "JPEG"}.get(kind, kind.upper()))
    names, uv = south_wall(
        put(tmp_path / "textures", out.getvalue()[: len(out.getvalue()) // 2], kind), UPRIGHT
    )
    report, tiles = made(tmp_path, table_of([names], [uv]))
    assert report.notes["pictures that cannot be read"] == 1
    assert sum(len(tile.triangles) for tile in tiles) == 12


@pytest.mark.parametrize(
    ("names", "uv", "reason"),
    [
        (
            [None, None, "../../secret.png", None, None, None],
            UPRIGHT,
            "their names are not those of pictures",
        ),
        ([None, None, "x.jpg", None, None, None], UPRIGHT, "their names are not those of pictures"),
        ([None, None, "NAME", None, None, None], UPRIGHT[:-2], "they do not fit the faces"),
        ([None, None, "NAME", None, None, None], [*UPRIGHT, 0.0], "they do not fit the faces"),
        ([None, None, "NAME"], UPRIGHT, "they do not fit the faces"),
        ([None, None, "NAME", None, None, None], None, "they do not fit the faces"),
        ([None, None, "NAME", None, None, None], [float("nan"), *UPRIGHT[1:]], "places"),
        ([None, None, "NAME", None, None, None], [None, *UPRIGHT[1:]], "places"),
        ([None, None, "NAME", None, None, None], [1e30, *UPRIGHT[1:]], "places"),
    ],
)
def test_lists_that_do_not_fit_are_left_out(names: Any, uv: Any, reason: str, tmp_path: Path) -> None:
    """The second building is as it should be, and keeps its picture."""
    name = put(tmp_path / "textures", quarters())
    good = south_wall(name, UPRIGHT)
    bad = [name if one == "NAME" else one for one in names]
    report, tiles = made(tmp_path, table_of([bad, good[0]], [uv, good[1]]))
    (note,) = (key for key in report.notes if key.startswith("pictures of a solid left out"))
    expected = {"places": "their places are not numbers of a picture"}.get(reason, reason)
    assert note == f"pictures of a solid left out: {expected}"
    assert [len(tile.triangles) for tile in tiles] == [22, 2]


def test_a_layer_without_a_folder_has_bare_walls(tmp_path: Path) -> None:
    names, uv = south_wall("0" * 64 + ".png", UPRIGHT)
    report = make_buildings(table_of([names], [uv]), FLAT, ROOT, tmp_path)
    assert report.notes["pictures that cannot be read"] == 1


@given(st.lists(st.tuples(st.integers(1, 1024), st.integers(1, 1024)), min_size=1, max_size=60))
def test_rectangles_do_not_overlap(wanted: list[tuple[int, int]]) -> None:
    layout = packed(np.array(wanted))
    x, y, width, height = layout.boxes.T
    seam = Layout.SEAM
    assert (x - seam).min() >= 0
    assert (y - seam).min() >= 0
    assert (x + width + seam).max() <= layout.size[0]
    assert (y + height + seam).max() <= layout.size[1]
    left, upper, right, lower = x - seam, y - seam, x + width + seam, y + height + seam
    apart = (
        (left[:, None] >= right)
        | (right[:, None] <= left)
        | (upper[:, None] >= lower)
        | (lower[:, None] <= upper)
    )
    assert (apart | np.eye(len(wanted), dtype=bool)).all()


def test_a_hundred_thousand_rectangles_have_room() -> None:
    assert packed(np.full((100_000, 2), 1024)).size == (2048, 2048)
    with pytest.raises(ValueError, match="too many"):
        packed(np.full((300_000, 2), 3))
