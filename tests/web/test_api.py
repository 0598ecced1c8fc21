"""The whole application over a small city, asked in process."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from shancheng.web.app import create_app
from shancheng.web.service import CityService
from shancheng.web.settings import WebSettings

PREFIX = "urn:shancheng:small:buildings:"


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built page in miniature."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "index.html").write_text("<!doctype html><title>山城</title>", encoding="utf-8")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets").mkdir()
    (folder / "assets" / "main-abc123.js").write_text("export {};")
    (folder / "assets" / "main-abc123.js.br").write_bytes(b"brotli")
    return folder


@pytest.fixture(scope="module")
def app(small_city: Path, page_folder: Path) -> Any:
    return create_app(CityService(small_city), WebSettings(page_folder=page_folder))


@pytest.fixture(scope="module")
def get(app: Any) -> Callable[..., httpx.Response]:
    """GET through httpx, as a browser would."""

    def one(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                return await client.request(
                    method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
                )

        return asyncio.run(ask())

    return one


Get = Callable[..., httpx.Response]


def assert_error(response: httpx.Response, status: int, code: str) -> str:
    """Every error has the one shape, the security headers, and no trace of our code."""
    assert response.status_code == status
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["code"] == code
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert "Traceback" not in response.text
    assert 'File "' not in response.text
    return str(body["error"]["message"])


def test_health(get: Get) -> None:
    response = get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


# The city


def test_the_city_says_what_it_is_and_where_its_tiles_are(get: Get) -> None:
    city = get("/api/city").json()
    assert city["name"] == "small"
    west, south, east, north = city["extent"]
    assert west < 7.424 < east
    assert south < 43.7351 < north
    assert city["root_cell"]["side"] > 0
    assert {"terrain", "buildings", "roads"} <= set(city["tilesets"])
    for name, address in city["tilesets"].items():
        assert address == f"/tiles/{city['build']}/{name}/tileset.json"
        assert get(address).status_code == 200


def test_each_layer_is_credited_and_counted_by_provenance(get: Get) -> None:
    layers = {layer["name"]: layer for layer in get("/api/city").json()["layers"]}
    buildings = layers["buildings"]
    assert buildings["count"] == 12
    assert buildings["provenance"] == {"surveyed": 12, "approximate": 0, "modelled": 0}
    assert "OpenStreetMap" in buildings["attribution"]
    assert buildings["attribution_url"].startswith("https://www.openstreetmap.org")
    assert "ODbL" in buildings["licence"]


def test_a_city_without_a_first_view_gets_one_of_its_extent(get: Get) -> None:
    city = get("/api/city").json()
    west, south, east, north = city["extent"]
    home = city["home"]
    assert west < home["lon"] < east
    assert south < home["lat"] < north
    assert home["distance_m"] > 100
    assert 0 < home["ellipsoidal_height_m"] < 200


# Versions


def test_versions_say_when_and_from_where(get: Get) -> None:
    answer = get("/api/city/versions").json()
    assert answer["next"] is None
    layers = [item["layer"] for item in answer["items"]]
    assert {"buildings", "roads", "terrain"} <= set(layers)
    (buildings,) = (item for item in answer["items"] if item["layer"] == "buildings")
    assert (buildings["version"], buildings["rows"], buildings["added"], buildings["how"]) == (
        1,
        12,
        12,
        "created",
    )
    assert buildings["source"] == "OpenStreetMap"
    assert buildings["changed_at"].endswith("Z")
    assert (buildings["current"], buildings["kept"]) == (True, True)


def test_versions_come_by_layer_and_in_pages(get: Get) -> None:
    assert [item["layer"] for item in get("/api/city/versions?layer=terrain").json()["items"]] == ["terrain"]
    assert get("/api/city/versions?layer=castles").json() == {"items": [], "next": None}
    every = get("/api/city/versions").json()["items"]
    pages, after = [], "0"
    while after is not None:
        page = get(f"/api/city/versions?limit=2&after={after}").json()
        assert len(page["items"]) <= 2
        pages += page["items"]
        after = page["next"]
    assert pages == every
    for query in ("limit=0", "limit=1001", "after=-1", "limit=x", f"layer={'a' * 51}"):
        assert_error(get(f"/api/city/versions?{query}"), 422, "unprocessable_content")


# Objects


def test_an_object_has_every_column_of_its_layer(get: Get) -> None:
    found = get(f"/api/objects/{PREFIX}w103").json()
    assert found["id"] == f"{PREFIX}w103"
    assert found["layer"] == "buildings"
    assert found["name"] == "House 3"
    assert found["height_m"] == 9.0
    assert found["height_provenance"] == "surveyed"
    assert found["provenance"] == "surveyed"
    assert found["geometry"]["type"] in {"Polygon", "MultiPolygon"}
    assert len(found["bbox"]) == 4
    assert {"index", "kind", "levels", "roof_shape", "parent_id", "valid_from", "accuracy_m"} <= set(found)
    assert {"attributes", "lod", "surfaces"} <= set(found)
    assert not {name for name in found if name.startswith("lod2_")}


def test_an_id_may_be_percent_encoded_and_short(get: Get) -> None:
    whole = get(f"/api/objects/{quote(PREFIX + 'w103', safe='')}").json()
    assert whole["name"] == "House 3"
    assert get("/api/objects/buildings:w103").json() == whole


@pytest.mark.parametrize(
    "object_id",
    [
        f"{PREFIX}w999999",
        f"{PREFIX}{'a' * 300}",
        f"{PREFIX}w103/%2e%2e/w104",
        f"{PREFIX}w1%2f2",
        f"{PREFIX}%00",
        "urn:shancheng:paris:buildings:w103",
        "urn:shancheng:small:districts:x",
        f"{PREFIX}%E9%87%8D",
        f"{PREFIX}';DROP TABLE feed;--",
    ],
)
def test_an_unknown_object_is_404(get: Get, object_id: str) -> None:
    assert_error(get(f"/api/objects/{object_id}"), 404, "not_found")


@pytest.mark.parametrize(
    "object_id", ["x", "urn:other:small:buildings:w103", "urn:shancheng:small:castles:w1", "%20"]
)
def test_what_is_no_id_is_404_and_tells_the_form(get: Get, object_id: str) -> None:
    assert "urn:shancheng" in assert_error(get(f"/api/objects/{object_id}"), 404, "not_found")


def test_a_long_id_is_422(get: Get) -> None:
    assert_error(get(f"/api/objects/{PREFIX}{'a' * 600}"), 422, "unprocessable_content")


# Search and labels


def test_search_finds_by_name_with_a_place_to_fly_to(get: Get) -> None:
    page = get("/api/search?q=house%203")
    hit = page.json()["items"][0]
    assert hit["id"] == f"{PREFIX}w103"
    assert hit["layer"] == "buildings"
    assert (hit["lon"], hit["lat"]) == pytest.approx((7.4236, 43.7351), abs=1e-3)
    assert 50 < hit["ellipsoidal_height_m"] < 200
    assert hit["height_m"] == 9.0
    assert page.json()["next"] is None


def test_search_finds_by_id_and_keeps_to_its_limit(get: Get) -> None:
    assert get("/api/search?q=w103").json()["items"][0]["name"] == "House 3"
    assert len(get("/api/search?q=house&limit=5").json()["items"]) == 5


@pytest.mark.parametrize(
    "query", ["", "%20", "nothing-has-this-name", "%00", "%25", "'--", "%F0%9F%8F%94", "(", "%5C"]
)
def test_search_for_what_is_not_there_finds_nothing(get: Get, query: str) -> None:
    response = get(f"/api/search?q={query}")
    assert (response.status_code, response.json()) == (200, {"items": [], "next": None})


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "q"),
        ("q=" + "a" * 201, "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=101", "limit"),
        ("q=a&limit=x", "limit"),
        ("q=a&limit=1e9", "limit"),
    ],
)
def test_search_refuses_what_is_outside_its_limits(get: Get, query: str, named: str) -> None:
    assert named in assert_error(get(f"/api/search?{query}"), 422, "unprocessable_content")


def test_labels_are_a_list(get: Get) -> None:
    assert get("/api/labels").json() == {"items": [], "next": None}


# Tiles and page


def test_the_pointer_is_revalidated_and_a_build_is_kept_for_ever(get: Get) -> None:
    pointer = get("/tiles/tileset.json")
    assert pointer.status_code == 200
    assert pointer.headers["cache-control"] == "no-cache"
    assert get("/tiles/report.json").headers["cache-control"] == "no-cache"
    child = pointer.json()["root"]["children"][0]["content"]["uri"]
    assert "immutable" in get(f"/tiles/{child}").headers["cache-control"]


def test_tiles_come_with_type_etag_and_encoding(get: Get, small_city: Path) -> None:
    glb = next((small_city / "tiles").glob("*/buildings/**/*.glb"))
    address = f"/tiles/{glb.relative_to(small_city / 'tiles').as_posix()}"
    plain = get(address, accept_encoding="identity")
    assert plain.headers["content-type"] == "model/gltf-binary"
    assert plain.content == glb.read_bytes()
    assert "content-encoding" not in plain.headers
    zipped = get(address, accept_encoding="gzip")
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    assert zipped.headers["etag"] != plain.headers["etag"]
    again = get(address, accept_encoding="gzip", if_none_match=zipped.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/",
        "/tiles",
        "/tiles/nothing",
        "/tiles/%2e%2e/city.toml",
        "/tiles/%2e%2e%2fcity.toml",
        "/tiles/..%2fcity.toml",
        "/tiles/%252e%252e/city.toml",
        "/tiles/..%5ccity.toml",
        "/tiles/.%00./city.toml",
        "/tiles/%c0%ae%c0%ae/city.toml",
        "/tiles//etc/passwd",
        "/city.toml",
        "/shancheng.db",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/%2e%2e/%2e%2e/errors.py",
        "/assets/",
        "/.lock",
        "/tiles/%2elock",
        "/api",
        "/api/",
        "/api/nothing",
        "/healthz/",
        "/docs",
        "/openapi.json",
    ],
)
def test_what_is_not_there_is_404(app: Any, ask: Callable[..., Any], path: str) -> None:
    answer = ask(app, path)
    assert answer.status == 404
    assert orjson.loads(answer.body)["error"]["code"] == "not_found"


def test_the_page_is_asked_for_again_and_its_parts_are_kept(get: Get) -> None:
    page = get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert "山城" in page.text
    part = get("/assets/main-abc123.js", accept_encoding="identity")
    assert part.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in part.headers["cache-control"]
    assert get("/favicon.svg").headers["content-type"] == "image/svg+xml"


def test_a_page_that_was_not_built_says_how_to_build_it(
    small_city: Path, tmp_path: Path, ask: Callable[..., Any]
) -> None:
    app = create_app(CityService(small_city), WebSettings(page_folder=tmp_path / "static"))
    answer = ask(app, "/")
    assert answer.status == 503
    assert "make setup" in answer.body.decode()
    assert b"<script" not in answer.body


def test_head_answers_as_get_without_a_body(get: Get) -> None:
    for path in ("/", "/api/city", "/tiles/tileset.json", "/healthz"):
        head, whole = get(path, "HEAD", accept_encoding="identity"), get(path, accept_encoding="identity")
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/api/city", "/tiles/tileset.json"])
def test_nothing_can_be_written(get: Get, method: str, path: str) -> None:
    assert_error(get(path, method), 405, "method_not_allowed")


def test_a_strange_host_gets_nothing(get: Get) -> None:
    for path in ("/", "/api/city", "/tiles/tileset.json", "/healthz"):
        assert_error(get(path, host="evil.example:8000"), 421, "misdirected_request")


def test_large_answers_are_compressed(get: Get) -> None:
    assert get("/api/openapi.json", accept_encoding="gzip").headers["content-encoding"] == "gzip"


# The API's own documentation


def test_the_documentation_is_part_of_the_built_page(
    small_city: Path, tmp_path: Path, ask: Callable[..., Any]
) -> None:
    (tmp_path / "docs.html").write_text("<!doctype html><title>API</title>")
    app = create_app(CityService(small_city), WebSettings(page_folder=tmp_path))
    answer = ask(app, "/api/docs")
    assert (answer.status, answer.body) == (200, b"<!doctype html><title>API</title>")


def test_the_openapi_document_describes_the_errors(get: Get) -> None:
    document = get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/healthz",
        "/api/city",
        "/api/city/versions",
        "/api/objects/{id}",
        "/api/search",
        "/api/labels",
    }
    for entry in document["paths"].values():
        schema = entry["get"]["responses"]["4XX"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith("/ErrorAnswer")
    assert "HTTPValidationError" not in document["components"]["schemas"]


# A folder that changes while it is served


@pytest.fixture
def changing(small_city: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_city, tmp_path / "small"))


def test_a_newer_build_is_picked_up_without_a_restart(
    changing: Path, page_folder: Path, ask: Callable[..., Any]
) -> None:
    app = create_app(CityService(changing), WebSettings(page_folder=page_folder))
    old = ask(app, "/api/city").json()["build"]
    build, text = f"{old}9", (changing / "tiles" / "tileset.json").read_text()
    shutil.copytree(changing / "tiles" / old, changing / "tiles" / build)
    report = orjson.loads((changing / "tiles" / "report.json").read_bytes())
    (changing / "tiles" / "report.json").write_bytes(orjson.dumps({**report, "build": build}))
    (changing / "tiles" / "new").write_text(text.replace(old, build))
    (changing / "tiles" / "new").replace(changing / "tiles" / "tileset.json")
    city = ask(app, "/api/city").json()
    assert city["build"] == build
    assert ask(app, city["tilesets"]["buildings"]).status == 200


def test_a_city_without_tiles_yet_is_described(
    changing: Path, page_folder: Path, ask: Callable[..., Any]
) -> None:
    shutil.rmtree(changing / "tiles")
    app = create_app(CityService(changing), WebSettings(page_folder=page_folder))
    city = ask(app, "/api/city").json()
    assert (city["build"], city["tilesets"]) == (None, {})
    assert ask(app, "/tiles/tileset.json").status == 404


def test_a_city_that_breaks_is_served_as_it_was(
    changing: Path, page_folder: Path, ask: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(CityService(changing), WebSettings(page_folder=page_folder))
    before = ask(app, "/api/city").json()
    (changing / "city.toml").write_text("schema_version = ")
    assert ask(app, "/api/city").json() == before
    assert "city.toml" in caplog.text


def test_a_folder_that_is_no_city_is_a_plain_500(
    tmp_path: Path, page_folder: Path, ask: Callable[..., Any]
) -> None:
    app = create_app(CityService(tmp_path), WebSettings(page_folder=page_folder))
    answer = ask(app, "/api/city")
    assert answer.status == 500
    assert str(tmp_path).encode() not in answer.body
    assert os.fsencode(tmp_path) not in answer.body
