"""The generated pages are what their scripts would write now."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_line_reference_is_current() -> None:
    page = script("make_cli_reference")
    assert page.PAGE.read_text(encoding="utf-8") == page.reference()


def test_the_openapi_file_is_current() -> None:
    export = script("export_openapi")
    assert export.OPENAPI.read_bytes() == export.openapi_text()


def test_the_api_reference_is_current() -> None:
    export = script("export_openapi")
    assert export.PAGE.read_text(encoding="utf-8") == export.reference()
