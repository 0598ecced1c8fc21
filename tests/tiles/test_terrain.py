"""The terrain's tiles as a viewer draws them, against the raster they were made from."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shancheng.errors import TilesError
from shancheng.geo.bounds import Bounds
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.constants import TERRAIN_LEAF_TOLERANCE_M
from shancheng.tiles.engines import terrain_parallel
from shancheng.tiles.ground import Ground
from shancheng.tiles.output import Output
from shancheng.tiles.terrain import make_terrain, terrain_tiles
from shancheng.tiles.terrain_pyramid import TerrainPlan, bands

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))
from drawn import Drawn, heights_of_tiles, read_tile  # after the path

STEP_DEG = 1 / 3600
Floats = npt.NDArray[np.float64]


def mountains(n: int, seed: int = 1, amplitude_m: float = 500.0) -> Raster:
    """Fractal noise: rough at every scale, as a mountain city is."""
    rng = np.random.default_rng(seed)
    values, cells = np.zeros((n, n)), 2
    while cells < n // 2:
        knots = rng.normal(size=(cells + 2, cells + 2)) * amplitude_m
        at = np.linspace(0, cells, n, endpoint=False)
        low = at.astype(int)
        share = (at - low) ** 2 * (3 - 2 * (at - low))
        rows = knots[low] * (1 - share)[:, None] + knots[low + 1] * share[:, None]
        values += rows[:, low] * (1 - share) + rows[:, low + 1] * share
        cells, amplitude_m = cells * 2, amplitude_m / 2
    return Raster((values - values.min()).astype(np.float32), 106.3, 29.8, STEP_DEG, STEP_DEG)


def root_of(raster: Raster) -> RootCell:
    return RootCell.enclosing(Bounds(raster.west_deg, raster.south_deg, raster.east_deg, raster.north_deg))


@pytest.fixture(scope="module")
def raster() -> Raster:
    return mountains(513)


@pytest.fixture(scope="module")
def made(raster: Raster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terrain")
    report = make_terrain(raster, root_of(raster), folder, copyright="© Surveyor")
    assert (report.tiles, report.levels, report.subtrees) == (85, 4, 1)
    assert report.bytes_raw == sum(
        path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".gz"
    )
    return folder


def tiles(folder: Path) -> Iterator[tuple[int, int, int, Drawn]]:
    for path in sorted(folder.rglob("*.glb")):
        level, x, y = (int(part) for part in path.relative_to(folder).with_suffix("").parts)
        yield level, x, y, read_tile(path)


def is_skirt(tile: Drawn, raster: Raster) -> npt.NDArray[np.bool_]:
    """Vertices well below the ground."""
    lon, lat, height = tile.geodetic.T
    ground = raster.sample(lon, lat) + undulation_m(lon, lat)
    return np.asarray(height < ground - 2 * TERRAIN_LEAF_TOLERANCE_M)


def test_every_vertex_lies_on_the_raster_plus_the_geoid(made: Path, raster: Raster) -> None:
    for level, _, _, tile in tiles(made):
        lon, lat, height = tile.geodetic[~is_skirt(tile, raster)].T
        off = np.abs(height - raster.sample(lon, lat) - undulation_m(lon, lat))
        # Half a quantum upward, and half of one sideways on ground that rises two metres a metre.
        assert off.max() < 2 * tile.scale, level
        assert tile.scale == pytest.approx(2.0 ** (3 - level) / 32)
    assert abs(undulation_m(106.4, 29.7)) > 20


def test_leaf_tiles_are_within_five_centimetres_of_pyproj(made: Path, raster: Raster) -> None:
    root = root_of(raster)
    for level, _, _, tile in tiles(made):
        lon, lat, _ = tile.geodetic[~is_skirt(tile, raster)].T
        step = root.side_deg / (64 << level)
        column, row = (lon - root.west_deg) / step, (root.south_deg + root.side_deg - lat) / step
        east = (column - np.rint(column)) * step * 111_320 * np.cos(np.radians(lat))
        north = (row - np.rint(row)) * step * 111_320
        assert max(np.abs(east).max(), np.abs(north).max()) < 0.51 * tile.scale
        if level == 3:
            assert tile.scale / 2 <= 0.05


def test_neighbours_of_a_level_share_every_vertex_of_their_edge(made: Path, raster: Raster) -> None:
    root = root_of(raster)
    found = {(level, x, y): tile for level, x, y, tile in tiles(made)}
    compared = 0
    for (level, x, y), tile in found.items():
        right, above = found.get((level, x + 1, y)), found.get((level, x, y + 1))
        if right is not None:
            line = root.cell_bounds(level, x + 1, y).west_deg
            compared += compare_edges(tile, right, 0, line, raster)
        if above is not None:
            compared += compare_edges(tile, above, 1, root.cell_bounds(level, x, y + 1).south_deg, raster)
    assert compared > 1000


def compare_edges(one: Drawn, other: Drawn, axis: int, line_deg: float, raster: Raster) -> int:
    edges = []
    for tile in (one, other):
        on_line = (np.abs(tile.geodetic[:, axis] - line_deg) < 1e-5) & ~is_skirt(tile, raster)
        edge = tile.geodetic[on_line]
        edges.append(edge[np.argsort(edge[:, 1 - axis])])
    assert len(edges[0]) == len(edges[1])
    assert np.abs(edges[0][:, :2] - edges[1][:, :2]).max() < 1.1 * one.scale / 90_000
    assert np.abs(edges[0][:, 2] - edges[1][:, 2]).max() < 1.1 * one.scale
    return len(edges[0])


def test_surfaces_face_up_and_skirts_hang_down_and_face_out(made: Path, raster: Raster) -> None:
    plan = TerrainPlan.of(raster, root_of(raster))
    for level, _, _, tile in tiles(made):
        skirt = is_skirt(tile, raster)
        a, b, c = (tile.local[tile.triangles[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        wall = skirt[tile.triangles].any(axis=1)
        assert (normal[~wall, 1] > 0).all()
        walls = a[wall] + b[wall] + c[wall]
        outward = normal[wall, 0] * walls[:, 0] + normal[wall, 2] * walls[:, 2]
        assert (outward > 0).all()
        lon, lat, height = tile.geodetic[skirt].T
        drop = raster.sample(lon, lat) + undulation_m(lon, lat) - height
        assert np.abs(drop - plan.skirt_m(level)).max() < 2 * tile.scale
        assert plan.skirt_m(level) >= 1.5 * (plan.tolerance_m(level) + plan.tolerance_m(max(0, level - 1)))


def test_surface_covers_the_tile_exactly_once(made: Path, raster: Raster) -> None:
    root = root_of(raster)
    for level, _, _, tile in tiles(made):
        surface = tile.triangles[~is_skirt(tile, raster)[tile.triangles].any(axis=1)]
        a, b, c = (tile.geodetic[surface[:, k], :2] for k in range(3))
        area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum() / 2
        assert area == pytest.approx((root.side_deg / 2**level) ** 2, rel=1e-3)


def test_normals_are_those_of_the_raster_at_all_levels(made: Path, raster: Raster) -> None:
    step = root_of(raster).side_deg / 512
    for _, _, _, tile in tiles(made):
        assert tile.normals is not None
        assert np.abs(np.linalg.norm(tile.normals, axis=1) - 1).max() < 0.02
        lon, lat, _ = tile.geodetic.T
        east = raster.sample(lon + step, lat) - raster.sample(lon - step, lat)
        north = raster.sample(lon, lat + step) - raster.sample(lon, lat - step)
        scale = np.radians(step) * 2 * 6_371_000
        expected = np.stack(
            [-east / (scale * np.cos(np.radians(lat))), np.ones(len(lon)), north / scale], axis=1
        )
        expected /= np.linalg.norm(expected, axis=1)[:, None]
        # A vertex is known to half a quantum only, and slopes of the raster jump at its samples.
        assert np.quantile(np.abs(tile.normals - expected).max(axis=1), 0.9) < 0.02


def test_contents_lie_inside_their_volumes(made: Path, raster: Raster) -> None:
    root = root_of(raster)
    low, high = heights_of_tiles(made)
    for level, x, y, tile in tiles(made):
        cell = root.cell_bounds(level, x, y)
        slack = tile.scale / 90_000
        lon, lat, height = tile.geodetic.T
        assert cell.west_deg - slack <= lon.min() <= lon.max() <= cell.east_deg + slack
        assert cell.south_deg - slack <= lat.min() <= lat.max() <= cell.north_deg + slack
        assert low <= height.min() <= height.max() <= high


def test_tileset_halves_the_error_and_replaces(made: Path) -> None:
    document = json.loads((made / "tileset.json").read_text())
    assert document["root"]["refine"] == "REPLACE"
    assert document["root"]["geometricError"] == 16 * 8 * TERRAIN_LEAF_TOLERANCE_M
    assert document["asset"]["copyright"] == "© Surveyor"
    assert set(json.loads((made / "schema.json").read_text())["classes"]) == {"tile"}
    for _, _, _, tile in tiles(made):
        assert tile.document["asset"]["copyright"] == "© Surveyor"


def errors_over_tolerance(raster: Raster, *, strict: bool) -> list[tuple[float, float]]:
    """Per level, finest first: largest error and 99th percentile over all samples of its grid."""
    plan, ground = TerrainPlan.of(raster, root_of(raster)), Ground.of(raster, root_of(raster))
    found = []
    for band in bands(plan, ground, strict=strict):
        n, across, tolerance = plan.n_cells, 1 << band.level, plan.tolerance_m(band.level)
        off = []
        for row in range(across):
            for column in range(across):
                mesh = terrain_parallel.tile_mesh(
                    band.errors, row * n, column * n, n, (row + column) % 2, tolerance
                )
                window = band.heights[row * n : (row + 1) * n + 1, column * n : (column + 1) * n + 1]
                off.append(np.abs(drawn_heights(window.astype(np.float64), *mesh) - window))
        values = np.concatenate([entry.ravel() for entry in off]) / tolerance
        found.append((float(values.max()), float(np.quantile(values, 0.99))))
    return found


def drawn_heights(window: Floats, columns: Floats, rows: Floats, triangles: Floats) -> Floats:
    """Height of the mesh at every sample."""
    out = np.full(window.shape, np.nan)
    for corners in triangles:
        x, y = columns[corners], rows[corners]
        grid_x, grid_y = np.meshgrid(np.arange(x.min(), x.max() + 1), np.arange(y.min(), y.max() + 1))
        whole = (y[1] - y[2]) * (x[0] - x[2]) + (x[2] - x[1]) * (y[0] - y[2])
        first = ((y[1] - y[2]) * (grid_x - x[2]) + (x[2] - x[1]) * (grid_y - y[2])) / whole
        second = ((y[2] - y[0]) * (grid_x - x[2]) + (x[0] - x[2]) * (grid_y - y[2])) / whole
        inside = (first >= 0) & (second >= 0) & (first + second <= 1)
        z = window[y, x]
        height = first * z[0] + second * z[1] + (1 - first - second) * z[2]
        out[grid_y[inside], grid_x[inside]] = height[inside]
    assert not np.isnan(out).any()
    return out


def test_the_default_mesh_keeps_99_percent_within_the_tolerance_and_the_rest_within_two() -> None:
    for largest, percentile in errors_over_tolerance(mountains(129, seed=5, amplitude_m=60.0), strict=False):
        assert largest < 2.0
        assert percentile < 1.1


def test_a_strict_mesh_keeps_its_tolerance_at_every_sample_of_the_finest_level() -> None:
    largest, _ = errors_over_tolerance(mountains(129, seed=5, amplitude_m=60.0), strict=True)[0]
    assert largest < 1.0 + 1e-3


def test_flat_ground_is_two_triangles_a_tile(tmp_path: Path) -> None:
    flat = Raster(np.full((513, 513), 7.0, np.float32), 106.3, 29.8, STEP_DEG, STEP_DEG)
    make_terrain(flat, root_of(flat), tmp_path, copyright="")
    for _, _, _, tile in tiles(tmp_path):
        surface = ~is_skirt(tile, flat)[tile.triangles].any(axis=1)
        # 513 samples are 16 km: the diagonals sag by 9, 2.2, 0.6 and 0.1 m, tolerances are 16, 8, 4 and 1 m.
        assert surface.sum() == 2


def test_bands_change_no_sample_and_threads_no_byte(tmp_path: Path, raster: Raster) -> None:
    plan, ground = TerrainPlan.of(raster, root_of(raster)), Ground.of(raster, root_of(raster))
    whole = {band.level: band for band in bands(plan, ground)}
    seen = 0
    for band in bands(plan, ground, band_samples=1):
        own = slice(band.grid_row, band.grid_row + band.n_tile_rows * plan.n_cells + 1)
        first = band.tile_row * plan.n_cells
        reference = slice(first, first + band.n_tile_rows * plan.n_cells + 1)
        assert np.array_equal(band.heights[own], whole[band.level].heights[reference])
        assert np.array_equal(band.errors[own][1:-1], whole[band.level].errors[reference][1:-1])
        assert np.array_equal(band.errors[own], whole[band.level].errors[reference])
        seen += 1
    assert seen == 8 + 3
    for n_threads in (1, 3):
        list(terrain_tiles(plan, ground, Output(tmp_path / str(n_threads)), n_threads=n_threads))
    names = [sorted(p.relative_to(tmp_path / n) for p in (tmp_path / n).rglob("*.glb*")) for n in ("1", "3")]
    assert names[0] == names[1]
    assert all((tmp_path / "1" / n).read_bytes() == (tmp_path / "3" / n).read_bytes() for n in names[0])


def test_a_raster_smaller_than_the_root_goes_on_at_its_edge(tmp_path: Path) -> None:
    small = Raster(np.full((3, 3), 50.0, np.float32), 106.5, 29.6, 0.001, 0.001)
    root = RootCell(106.45, 29.55, 0.0625)
    report = make_terrain(small, root, tmp_path, copyright="")
    assert (report.tiles, report.levels) == (1, 1)
    tile = read_tile(tmp_path / "0/0/0.glb")
    lon, lat, height = tile.geodetic[~is_skirt(tile, small)].T
    assert np.abs(height - 50.0 - undulation_m(lon, lat)).max() < tile.scale


def test_the_earth_is_round(tmp_path: Path) -> None:
    flat = Raster(np.zeros((129, 129), np.float32), 106.0, 30.0, 0.01, 0.01)
    make_terrain(flat, root_of(flat), tmp_path, copyright="")
    root = read_tile(tmp_path / "0/0/0.glb")
    surface = root.triangles[~is_skirt(root, flat)[root.triangles].any(axis=1)]
    edge_m = np.linalg.norm(root.local[surface] - root.local[np.roll(surface, 1, axis=1)], axis=2)
    # Two triangles over 124 km would cut 600 m deep into the sea.
    assert (edge_m.max() ** 2 / (8 * 6_371_000)) < 2 * 2 * TERRAIN_LEAF_TOLERANCE_M


def test_a_very_fine_raster_stops_at_seven_levels() -> None:
    fine = Raster(np.zeros((2, 2), np.float32), 106.0, 29.0, 1e-6, 1e-6)
    plan = TerrainPlan.of(fine, RootCell(106.0, 29.0, 0.5))
    assert (plan.n_levels, plan.n_cells) == (7, 128)


def test_voids_are_refused_by_number() -> None:
    raster = Raster(np.array([[1.0, np.nan], [np.nan, 2.0]], np.float32), 106.0, 29.0, 0.01, 0.01)
    with pytest.raises(TilesError, match="2 elevations are not finite"):
        Ground.of(raster, RootCell(106.0, 29.0, 0.5))


def test_the_ground_adds_the_geoid_exactly() -> None:
    raster, root = mountains(65), RootCell(105.9, 29.1, 1.0)
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(105.9, 106.9, 500), rng.uniform(29.1, 30.1, 500)
    expected = raster.sample(lon, lat) + undulation_m(lon, lat)
    assert np.abs(Ground.of(raster, root).ellipsoidal_height_m(lon, lat) - expected).max() < 1e-5


def test_tolerances_double_upward() -> None:
    plan = TerrainPlan.of(mountains(513), root_of(mountains(513)))
    tolerances = [plan.tolerance_m(level) for level in range(plan.n_levels)]
    assert tolerances == [factor * TERRAIN_LEAF_TOLERANCE_M for factor in (16, 8, 4, 1)]
