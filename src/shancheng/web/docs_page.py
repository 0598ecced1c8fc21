"""The API's documentation as one HTML page, from an OpenAPI description. No script, no outside file."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

__all__ = ["operations", "render", "schema_name"]

Json = Mapping[str, Any]


def render(openapi: Json) -> str:
    """The whole page.

    Args:
        openapi: An OpenAPI 3.1 document.
    """
    info = openapi["info"]
    routes = "\n".join(_operation(path, method, entry) for path, method, entry in operations(openapi))
    schemas = "\n".join(_schema(name, entry) for name, entry in openapi["components"]["schemas"].items())
    title = escape(f"{info['title']} {info['version']}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="stylesheet" href="/api/plain.css"></head><body><main>\n'
        f"<h1>{title}</h1>\n<p>{escape(info['description'])}</p>\n"
        '<p>For programs: <a href="/api/openapi.json">openapi.json</a></p>\n'
        f"<h2>Routes</h2>\n{routes}\n<h2>Answers</h2>\n{schemas}\n</main></body></html>\n"
    )


def operations(openapi: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method and description of every route, in the document's order."""
    for path, methods in openapi["paths"].items():
        for method, entry in methods.items():
            yield path, method.upper(), entry


def schema_name(schema: Json) -> str:
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


def _operation(path: str, method: str, entry: Json) -> str:
    parameters = "".join(_parameter(parameter) for parameter in entry.get("parameters", ()))
    table = f"<table><tbody>{parameters}</tbody></table>" if parameters else ""
    answer = _answer(entry)
    heading = f"<h3><code>{method} {escape(path)}</code></h3><p>{escape(entry.get('description', ''))}</p>"
    return f"<section>{heading}{table}<p>Answer: {answer}</p></section>"


def _parameter(parameter: Json) -> str:
    schema = parameter["schema"]
    need = "required" if parameter.get("required") else f"default {schema.get('default')}"
    cells = (
        parameter["name"],
        f"in {parameter['in']}",
        schema_name(schema),
        need,
        parameter.get("description", ""),
    )
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _answer(entry: Json) -> str:
    name = schema_name(entry["responses"]["200"]["content"]["application/json"]["schema"])
    return f'<a href="#{escape(name)}">{escape(name)}</a>'


def _schema(name: str, entry: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code></td><td>{escape(schema_name(value))}</td></tr>"
        for key, value in entry.get("properties", {}).items()
    )
    heading = f"<h3>{escape(name)}</h3><p>{escape(entry.get('description', ''))}</p>"
    return f'<section id="{escape(name)}">{heading}<table><tbody>{rows}</tbody></table></section>'
