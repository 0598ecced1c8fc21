"""A source from another package, as a user would install it: a module and its entry point on the path."""

from pathlib import Path

import pytest

MODULE = '''
import json
import shapely
from shancheng.city.manifest import LayerSource
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ColumnUse, Source
from shancheng.errors import SourceFileError

def read(path, options, progress):
    """Lines of JSON: id, lon, lat and a column NAME, which is guessed to be the name."""
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    except ValueError as error:
        raise SourceFileError(f"{path}: no lines of JSON: {error}") from error
    theirs = options.columns.get("name", "NAME")
    table = layer_table("sensors", id=[row["id"] for row in rows],
        geometry=shapely.points([[row["lon"], row["lat"]] for row in rows]), kind="air",
        provenance="surveyed", name=[row.get(theirs) for row in rows])
    source = LayerSource("Lines", options.licence or "CC0-1.0", "nobody", "surveyed")
    use = ColumnUse("name", theirs, guessed="name" not in options.columns)
    remarks = ("kinds are all air",)
    return CityData({"sensors": table}, {"sensors": source}, column_use=(use,), remarks=remarks)

SOURCE = Source("lines", "Lines of JSON", ("sensors",), read, frozenset({"columns", "licence"}))
'''


@pytest.fixture(scope="session")
def outside_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What to put on ``PYTHONPATH`` to have the source `lines`."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "lines_source.py").write_text(MODULE)
    info = folder / "lines_source-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lines-source\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[shancheng.sources]\nlines = lines_source:SOURCE\n")
    return folder
