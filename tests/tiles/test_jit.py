"""Kernels: compiled once, kept where the user may write, loaded only when they are needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import shancheng

PACKAGE = Path(shancheng.__file__).parent


def test_naming_the_tiler_imports_no_numba() -> None:
    code = "import shancheng.tiles.make, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_a_package_folder_that_cannot_be_written_falls_back_to_the_users_cache(tmp_path: Path) -> None:
    copy = Path(
        shutil.copytree(
            PACKAGE,
            tmp_path / "site" / "shancheng",
            ignore=shutil.ignore_patterns("__pycache__", "static", "data"),
        )
    )
    # Not even root can make a folder where a file is.
    (copy / "tiles" / "engines" / "__pycache__").write_text("")
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = "import shancheng.tiles.engines.partition_parallel as p; print(p.__file__)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith(str(copy))
    kept = {path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert kept == {".nbi", ".nbc"}
