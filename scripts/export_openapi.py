"""Write ``frontend/openapi.json``, from which the front end's types are made, and ``docs/reference/api.md``.

Run it after a change to a route: ``python scripts/export_openapi.py``. A test compares.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from shancheng.web.app import create_api

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "frontend" / "openapi.json"
PAGE = ROOT / "docs" / "reference" / "api.md"
HEAD = """# HTTP API

Generated from the OpenAPI description by `scripts/export_openapi.py`. A running server shows the same at
`/api/docs`, and for programs at `/api/openapi.json`.

Only GET, HEAD and OPTIONS are answered. Besides the routes below there are files: the page at `/`, its parts
below `/assets/`, and 3D Tiles below `/tiles/`, beginning at `/tiles/tileset.json`; they come with an ETag and
with the encoding that the client accepts, and not in ranges.

| status | when |
| --- | --- |
| 400 | no Host, or several; a length that is no number |
| 404 | nothing is there |
| 405 | another method |
| 413, 414 | a body over 64 KiB, an address over 8 KiB |
| 421 | a Host that is not served here (`--allowed-host` adds one) |
| 422 | a parameter is missing or outside its limits |
| 500 | a fault of the server; its log says more |
| 503 | the page was not built |
"""


def openapi_text() -> bytes:
    """The OpenAPI document, indented, with a newline at its end."""
    return orjson.dumps(create_api(None).openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def reference() -> str:
    """The page."""
    document = create_api(None).openapi()
    routes = [route(path, method, entry) for path, method, entry in operations(document)]
    return "\n".join([HEAD, *routes])


def route(path: str, method: str, entry: Mapping[str, Any]) -> str:
    """One route: what it does, what it takes, what it answers."""
    answer = schema_name(entry["responses"]["200"]["content"]["application/json"]["schema"])
    rows = [parameter_row(parameter) for parameter in entry.get("parameters", ())]
    table = ["| parameter | in | type | |", "| --- | --- | --- | --- |", *rows, ""] if rows else []
    head = [f"## {method} {path}", "", entry["description"], ""]
    return "\n".join([*head, *table, f"Answers `{answer}`.", ""])


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, method and description of every route, in the document's order."""
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            yield path, method.upper(), entry


def schema_name(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: its name, or its type and limits."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", maxsplit=1)[-1]
    if "anyOf" in schema:
        return " or ".join(schema_name(choice) for choice in schema["anyOf"])
    if "const" in schema:
        return repr(schema["const"])
    if "items" in schema:
        return f"list of {schema_name(schema['items'])}"
    if "prefixItems" in schema:
        return f"[{', '.join(schema_name(item) for item in schema['prefixItems'])}]"
    limits = ((">=", "minimum"), ("<=", "maximum"), ("length <=", "maxLength"))
    stated = [f"{sign} {schema[key]}" for sign, key in limits if key in schema]
    return ", ".join([str(schema.get("type", "any value")), *stated])


def parameter_row(parameter: Mapping[str, Any]) -> str:
    """One parameter as a row of the table."""
    schema = parameter["schema"]
    need = parameter.get("description") or f"default {schema.get('default')}"
    return f"| `{parameter['name']}` | {parameter['in']} | {schema_name(schema)} | {need} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    OPENAPI.write_bytes(openapi_text())
    PAGE.write_text(reference(), encoding="utf-8")
    print(OPENAPI, PAGE, sep="\n")
