"""What a check found, and the JSON schemas every check starts with."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"


@dataclass(frozen=True)
class Finding:
    """One breach of the specification: a stable code, where it is, and what is wrong."""

    code: str
    where: str
    message: str


@cache
def validator(name: str) -> Draft202012Validator:
    """The validator of one of our schema files."""
    documents = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (key, Resource.from_contents(document)) for key, document in documents.items()
    )
    return Draft202012Validator(documents[name], registry=registry)


def against_schema(name: str, document: object, where: str) -> list[Finding]:
    """Findings of the JSON schema ``name`` on a document."""
    return [
        Finding("JSON_SCHEMA", f"{where}{error.json_path[1:]}", error.message[:300])
        for error in validator(name).iter_errors(document)
    ]


def read_json(path: Path) -> tuple[Any, list[Finding]]:
    """The document of a file, or the finding that it is none."""
    try:
        return json.loads(path.read_bytes().decode("utf-8")), []
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        return None, [Finding("JSON_INVALID", path.name, str(error))]
    except OSError as error:
        return None, [Finding("FILE_MISSING", path.name, str(error))]
