import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shancheng.web.static_files import CHUNK_BYTES, StaticFiles, find_file

CONTENT = b"glTF" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "tiles"
    build = root / "b1"
    build.mkdir(parents=True)
    (root / "tileset.json").write_bytes(b'{"asset":{}}')
    (root / "tileset.json.br").write_bytes(b"stale")
    (build / "t.glb").write_bytes(CONTENT)
    (build / "t.glb.br").write_bytes(b"brotli")
    (build / "t.glb.gz").write_bytes(b"gzip")
    (build / "0.0.0.subtree").write_bytes(b"subt")
    (build / "empty.json").write_bytes(b"")
    (build / ".secret").write_bytes(b"secret")
    (root / ".making").mkdir()
    (root / ".making" / "t.glb").write_bytes(b"half")
    (tmp_path / "outside.txt").write_bytes(b"outside")
    (tmp_path / "tiles-of-another").mkdir()
    (tmp_path / "tiles-of-another" / "x.txt").write_bytes(b"outside")
    return root


@pytest.fixture
def get(folder: Path, ask: Callable[..., Any]) -> Callable[..., Any]:
    files = StaticFiles(folder, immutable=lambda relative: "/" in relative)

    def one(relative: str, headers: Any = None) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await files.serve(relative, scope, receive, send)

        return ask(app, "/" + relative.replace("\0", "%00"), headers=headers)

    return one


def test_serves_a_file_with_its_type_and_length(get: Callable[..., Any]) -> None:
    answer = get("b1/t.glb")
    assert answer.status == 200
    assert answer.body == CONTENT
    assert answer.headers["content-type"] == "model/gltf-binary"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "none"


def test_a_subtree_is_plain_bytes_and_json_is_json(get: Callable[..., Any]) -> None:
    assert get("b1/0.0.0.subtree").headers["content-type"] == "application/octet-stream"
    assert get("tileset.json").headers["content-type"] == "application/json"


def test_an_empty_file_is_an_empty_answer(get: Callable[..., Any]) -> None:
    answer = get("b1/empty.json")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


def test_a_file_of_many_chunks_arrives_whole(folder: Path, get: Callable[..., Any]) -> None:
    content = os.urandom(3 * CHUNK_BYTES + 17)
    (folder / "b1" / "large.glb").write_bytes(content)
    assert get("b1/large.glb").body == content


def test_below_a_build_everything_may_be_kept_for_ever(get: Callable[..., Any]) -> None:
    assert get("b1/t.glb").headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_pointer_is_asked_for_again_and_has_no_encoded_sibling(get: Callable[..., Any]) -> None:
    answer = get("tileset.json", {"accept-encoding": "br"})
    assert answer.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in answer.headers
    assert answer.body == b'{"asset":{}}'


@pytest.mark.parametrize(
    ("accept", "encoding", "body"),
    [("br, gzip", "br", b"brotli"), ("gzip", "gzip", b"gzip"), ("identity", None, CONTENT)],
)
def test_the_sibling_that_the_client_accepts(
    get: Callable[..., Any], accept: str, encoding: str | None, body: bytes
) -> None:
    answer = get("b1/t.glb", {"accept-encoding": accept})
    assert answer.body == body
    assert answer.headers["content-type"] == "model/gltf-binary"
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.headers.get("content-encoding") == encoding


def test_each_encoding_has_its_own_etag(get: Callable[..., Any]) -> None:
    tags = {
        get("b1/t.glb", {"accept-encoding": accept}).headers["etag"] for accept in ("br", "gzip", "identity")
    }
    assert len(tags) == 3


def test_a_client_that_has_the_file_gets_304_without_body(get: Callable[..., Any]) -> None:
    etag = get("b1/t.glb").headers["etag"]
    answer = get("b1/t.glb", {"if-none-match": f'"other", W/{etag}'})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == etag
    assert "immutable" in answer.headers["cache-control"]
    assert "content-length" not in answer.headers


def test_a_replaced_file_has_another_etag(folder: Path, get: Callable[..., Any]) -> None:
    etag = get("tileset.json").headers["etag"]
    (folder / "new.json").write_bytes(b'{"asset":{"version":"1.1"}}')
    (folder / "new.json").replace(folder / "tileset.json")
    answer = get("tileset.json", {"if-none-match": etag})
    assert answer.status == 200
    assert answer.headers["etag"] != etag


@pytest.mark.parametrize(
    "relative",
    [
        "",
        "/",
        "b1",
        "b1/",
        "missing.glb",
        "../outside.txt",
        "../tiles-of-another/x.txt",
        "b1/../../outside.txt",
        "b1/./t.glb",
        "b1//t.glb",
        "/etc/passwd",
        "b1/.secret",
        ".making/t.glb",
        "b1\\t.glb",
        "..\\outside.txt",
        "C:/outside.txt",
        "b1/t.glb\0.json",
        "b1/t.glb/x",
        "%2e%2e/outside.txt",
        "a" * 5000,
        "/".join("a" * 3000),
    ],
)
def test_nothing_outside_or_hidden_is_there(get: Callable[..., Any], relative: str) -> None:
    answer = get(relative)
    assert answer.status == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_inside_the_folder_only(folder: Path) -> None:
    (folder / "b1" / "out.txt").symlink_to(folder.parent / "outside.txt")
    (folder / "b2").symlink_to(folder.parent / "tiles-of-another")
    (folder / "b1" / "same.glb").symlink_to(folder / "b1" / "t.glb")
    (folder / "b1" / "loop").symlink_to(folder / "b1" / "loop")
    assert find_file(folder, "b1/out.txt") is None
    assert find_file(folder, "b2/x.txt") is None
    assert find_file(folder, "b1/loop") is None
    assert find_file(folder, "b1/same.glb") == folder / "b1" / "t.glb"


@pytest.mark.skipif(os.name == "nt", reason="no named pipes in folders there")
def test_a_pipe_is_no_file(folder: Path, get: Callable[..., Any]) -> None:
    os.mkfifo(folder / "b1" / "pipe.glb")
    assert get("b1/pipe.glb").status == 404


def test_an_encoded_sibling_that_leads_outside_is_not_used(folder: Path, get: Callable[..., Any]) -> None:
    (folder / "b1" / "t.glb.br").unlink()
    (folder / "b1" / "t.glb.br").symlink_to(folder.parent / "outside.txt")
    assert get("b1/t.glb", {"accept-encoding": "br"}).body == CONTENT


def test_a_folder_that_does_not_exist_yet_holds_nothing(tmp_path: Path) -> None:
    assert find_file(tmp_path / "none", "b1/t.glb") is None
