import errno
import gzip
import os
from pathlib import Path

import pytest

from shancheng.tiles import output
from shancheng.tiles.output import Output, count_files, link_folder, link_or_copy


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_a_file_has_a_gzip_sibling(tmp_path: Path) -> None:
    out = Output(tmp_path / "new")
    written = out.write("1/2/3.glb", b"tile" * 100)
    path = tmp_path / "new/1/2/3.glb"
    assert path.read_bytes() == b"tile" * 100
    zipped = path.with_name("3.glb.gz").read_bytes()
    assert gzip.decompress(zipped) == b"tile" * 100
    assert (written.raw, written.zipped, written.reused) == (400, len(zipped), False)
    assert (out.bytes_raw, out.bytes_gzip, out.files, out.reused_tiles) == (400, len(zipped), 2, 0)


def old_build(folder: Path) -> Output:
    out = Output(folder)
    for name in ("a.glb", "b.glb", "tileset.json"):
        out.write(name, name.encode() * 50)
    return out


def test_equal_files_get_second_names(tmp_path: Path) -> None:
    old_build(tmp_path / "old")
    out = Output(tmp_path / "new", tmp_path / "old")
    assert out.write("a.glb", b"a.glb" * 50).reused
    assert out.write("tileset.json", b"tileset.json" * 50).reused
    assert not out.write("b.glb", b"other" * 50).reused
    assert not out.write("c.glb", b"new").reused
    for name in ("a.glb", "a.glb.gz", "tileset.json"):
        assert inode(tmp_path / "new" / name) == inode(tmp_path / "old" / name)
    assert (tmp_path / "old/b.glb").read_bytes() == b"b.glb" * 50
    assert (out.reused_tiles, out.files) == (1, 8)


def test_tiles_are_kept_unread_where_their_sizes_fit(tmp_path: Path) -> None:
    old = old_build(tmp_path / "old")
    a = (tmp_path / "old/a.glb").stat().st_size, (tmp_path / "old/a.glb.gz").stat().st_size
    out = Output(tmp_path / "new", tmp_path / "old")
    kept = out.keep(["a.glb", "b.glb", "c.glb"], [a, (1, 1), (1, 1)], [False] * 3)
    assert kept == [True, False, False]
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"a.glb", "a.glb.gz"}
    assert (out.bytes_raw, out.bytes_gzip, out.files, out.reused_tiles) == (*a, 2, 1)
    assert old.files == 6


def test_what_a_folder_holds_already_is_kept_in_place(tmp_path: Path) -> None:
    old_build(tmp_path / "old")
    link_folder(tmp_path / "old", tmp_path / "new")
    (tmp_path / "new/b.glb.gz").unlink()
    out = Output(tmp_path / "new", tmp_path / "old", filled=True)
    assert out.keep(["a.glb", "b.glb"], [(9, 9), (9, 9)], [True, True]) == [True, False]


def test_a_filled_folder_is_never_written_into(tmp_path: Path) -> None:
    old_build(tmp_path / "old")
    link_folder(tmp_path / "old", tmp_path / "new")
    out = Output(tmp_path / "new", tmp_path / "old", filled=True)
    out.write("a.glb", b"another")
    assert (tmp_path / "new/a.glb").read_bytes() == b"another"
    assert (tmp_path / "old/a.glb").read_bytes() == b"a.glb" * 50
    out.remove("b.glb")
    out.remove("never there")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "a.glb", "a.glb.gz", "tileset.json", "tileset.json.gz",
    ]  # fmt: skip
    out.empty()
    assert not (tmp_path / "new").exists()


def test_a_second_write_makes_a_file_of_its_own(tmp_path: Path) -> None:
    old_build(tmp_path / "old")
    out = Output(tmp_path / "new", tmp_path / "old")
    out.write("a.glb", b"a.glb" * 50)
    out.write("a.glb", b"other")
    assert (tmp_path / "old/a.glb").read_bytes() == b"a.glb" * 50
    assert (tmp_path / "new/a.glb").read_bytes() == b"other"


def test_a_folder_gets_a_second_name_with_all_in_it(tmp_path: Path) -> None:
    out = Output(tmp_path / "old")
    for name in ("x.json", "1/2/3.glb", "1/2/4.glb"):
        out.write(name, name.encode())
    files, size = link_folder(tmp_path / "old", tmp_path / "new")
    assert (files, size) == (6, out.bytes_raw + out.bytes_gzip)
    assert count_files(tmp_path / "new") == 6
    assert inode(tmp_path / "new/1/2/3.glb") == inode(tmp_path / "old/1/2/3.glb")
    assert count_files(tmp_path / "missing") == 0


def test_copies_do_where_there_are_no_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    (tmp_path / "a").write_bytes(b"content")
    monkeypatch.setattr(output.os, "link", refuse)
    link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"content"
    assert inode(tmp_path / "a") != inode(tmp_path / "b")


def test_a_full_disk_is_no_reason_to_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a").write_bytes(b"content")
    monkeypatch.setattr(output.os, "link", refuse)
    with pytest.raises(OSError, match="No space"):
        link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert not (tmp_path / "b").exists()
