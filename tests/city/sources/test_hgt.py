import zipfile
from pathlib import Path

import numpy as np
import pytest

from shancheng.city.sources.hgt import read_hgt
from shancheng.errors import SourceFileError

SIDE = 1201


def tile() -> bytes:
    values = np.arange(SIDE * SIDE, dtype=np.int64) % 3000
    values[5] = -32768
    return values.astype(">i2").tobytes()


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "west", "north"),
    [
        ("N43E007.hgt", 7, 44),
        ("S34W059.hgt", -59, -33),
        ("n00e006.hgt", 6, 1),
        ("S01E036.SRTMGL3.hgt", 36, 0),
    ],
)
def test_the_name_says_where_and_voids_are_nan(tmp_path: Path, name: str, west: float, north: float) -> None:
    (tmp_path / name).write_bytes(tile())
    raster = read_hgt(tmp_path / name)
    assert (raster.west_deg, raster.north_deg, raster.step_lon_deg) == (west, north, 1 / 1200)
    assert (raster.east_deg, raster.south_deg) == pytest.approx((west + 1, north - 1))
    assert np.isnan(raster.values[0, 5])
    assert np.isnan(raster.values).sum() == 1
    assert raster.values[1, 0] == SIDE


def test_a_zipped_tile_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "N43E007.hgt").write_bytes(tile())
    plain = read_hgt(tmp_path / "N43E007.hgt")
    inside = zipped(tmp_path / "any.zip", **{"folder/N43E007.hgt": tile(), "readme.txt": b"hello"})
    outside = zipped(tmp_path / "N43E007.SRTMGL3.hgt.zip", **{"tile.hgt": tile()})
    for path in (inside, outside):
        assert np.array_equal(read_hgt(path).values, plain.values, equal_nan=True)
        assert read_hgt(path).west_deg == 7


def test_a_large_tile(tmp_path: Path) -> None:
    (tmp_path / "N43E007.hgt").write_bytes(bytes(3601 * 3601 * 2))
    assert read_hgt(tmp_path / "N43E007.hgt").shape == (3601, 3601)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("N43E007.hgt", b"x" * 100, r"100 bytes; needed: a tile named like N43E007 with 1201 × 1201"),
        ("N43E007.hgt", b"x" * (26 << 20), "bytes; needed"),
        ("hill.hgt", tile(), "'hill.hgt' does not say where the tile lies"),
        ("N95E007.hgt", tile(), "N95E007 is no place on Earth"),
        ("N43E007.hgt.zip", b"no archive", "not a zip archive that can be read"),
    ],
)
def test_wrong_tiles_are_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceFileError, match=f"{name}: .*{said}"):
        read_hgt(tmp_path / name)


def test_wrong_archives_are_named(tmp_path: Path) -> None:
    empty = zipped(tmp_path / "empty.zip", **{"readme.txt": b""})
    with pytest.raises(SourceFileError, match=r"holds 0 .hgt files; needed: exactly one"):
        read_hgt(empty)
    two = zipped(tmp_path / "two.zip", **{"N43E007.hgt": tile(), "N43E008.hgt": tile()})
    with pytest.raises(SourceFileError, match=r"holds 2 .hgt files"):
        read_hgt(two)
    good = zipped(tmp_path / "cut.hgt.zip", **{"N43E007.hgt": tile()})
    good.write_bytes(good.read_bytes()[:-1000])
    with pytest.raises(SourceFileError, match="not a zip archive that can be read"):
        read_hgt(good)
    damaged = zipped(tmp_path / "damaged.zip", **{"N43E007.hgt": tile()})
    content = bytearray(damaged.read_bytes())
    content[200:400] = b"\x55" * 200
    damaged.write_bytes(content)
    with pytest.raises(SourceFileError, match="not a zip archive that can be read"):
        read_hgt(damaged)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "bomb.zip", **{"N43E007.hgt": bytes(200 << 20)})
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(SourceFileError, match="unpacks to more than 25934402 bytes"):
        read_hgt(bomb)
