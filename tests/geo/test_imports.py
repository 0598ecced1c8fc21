import subprocess
import sys


def test_geo_itself_loads_neither_numba_nor_proj() -> None:
    code = "import sys, shancheng.geo; print(sorted({'numba', 'pyproj'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
