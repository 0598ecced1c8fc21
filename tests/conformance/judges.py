"""The glTF validator, asked about a whole folder in one process of Node.js."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = Path(__file__).with_name("validate_glb.mjs")
# The validator does not know these extensions, nor what they alone refer to (columns of property tables).
KNOWN_INFOS = {"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT"}


def validate(node: str, folder: Path, decoded: Path) -> dict[str, Any]:
    modules = ROOT / "frontend" / "node_modules"
    command = [node, SCRIPT, modules, folder, decoded]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report
