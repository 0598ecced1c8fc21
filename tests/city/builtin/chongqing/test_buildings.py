"""Generated buildings: floors and areas by rank, shapes within their lots, podiums, roofs, order."""

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.buildings import (
    AREA_BY_SHARE,
    FLOORS_BY_SHARE,
    NO_PARENT,
    GeneratedBuildings,
    raise_buildings,
)
from shancheng.city.builtin.chongqing.estates import CORE, FORMS, OLD, TOWER, WALKUP
from shancheng.city.builtin.chongqing.lots import PLANS, Lots

N = 2000


def _lots(n: int = N) -> Lots:
    """A chequerboard of lots, as many of each of four forms."""
    rng = np.random.default_rng(3)
    form = np.array([OLD, WALKUP, TOWER, CORE])[np.arange(n) % 4]
    length = np.array([np.mean(PLANS[f].length) for f in range(len(FORMS))])[form] * rng.uniform(0.9, 1.1, n)
    width = np.array([np.mean(PLANS[f].depth) for f in range(len(FORMS))])[form]
    side = int(np.ceil(np.sqrt(n)))
    return Lots(
        centre=120.0 * np.stack([np.arange(n) % side, np.arange(n) // side], axis=-1).astype(np.float64),
        length_m=length,
        width_m=width,
        azimuth_rad=rng.uniform(0, np.pi, n),
        form=form,
        height=rng.uniform(0, 1, n),
        old=np.where(np.arange(n) < n // 2, 0.8, 0.0),
        works=np.zeros(n),
        draw=rng.random((n, 6)),
        wanted=-np.arange(n, dtype=np.float64),
    )


@pytest.fixture(scope="module")
def raised() -> GeneratedBuildings:
    return raise_buildings(_lots(), N, np.random.default_rng(8))


def test_too_few_lots_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 lots"):
        raise_buildings(_lots(3), 10, np.random.default_rng(0))


def test_floors_spread_by_rank_and_forms_keep_their_order(raised: GeneratedBuildings) -> None:
    floors = raised.floors[:N]
    shares, wanted = np.array(FLOORS_BY_SHARE).T

    np.testing.assert_allclose(np.quantile(floors, shares), wanted, atol=1.0)
    areas = shapely.area(raised.footprints[:N])
    assert np.median(floors[areas < 250]) <= 3
    assert floors[np.isin(raised.kind[:N], ("office", "hotel"))].mean() > 20


def test_footprints_spread_as_published_where_lots_are_large_enough(raised: GeneratedBuildings) -> None:
    plain = np.setdiff1d(np.arange(N), raised.parent)
    areas = shapely.area(raised.footprints[plain])
    quantiles = np.linspace(0, 1, 21)

    # Podiums, the largest of all, are left out: the rest lies a little below.
    assert (np.quantile(areas, quantiles) <= np.interp(quantiles, *np.array(AREA_BY_SHARE).T) * 1.01).all()
    assert areas.min() > 60


def test_footprints_stay_within_their_lots(raised: GeneratedBuildings) -> None:
    lots = np.asarray(shapely.buffer(shapely.polygons(_lots().corners()), 1e-6))
    inside = shapely.STRtree(lots).query(raised.footprints[:N], predicate="within")

    assert len(np.unique(inside[0])) == N


def test_podiums_hold_a_tower_of_the_same_height(raised: GeneratedBuildings) -> None:
    parts = np.flatnonzero(raised.parent != NO_PARENT)
    towers, podiums = parts[: len(parts) // 2], parts[len(parts) // 2 :]

    assert len(towers) == len(podiums) == round(0.02 * N)
    np.testing.assert_array_equal(raised.parent[towers], raised.parent[podiums])
    np.testing.assert_array_equal(raised.floors[towers], raised.floors[raised.parent[towers]])
    assert shapely.contains(raised.footprints[podiums], raised.footprints[towers]).all()
    assert raised.floors[podiums].max() <= 6
    assert (raised.kind[podiums] == "retail").all()


def test_old_quarters_are_roofed_and_villages_in_part(raised: GeneratedBuildings) -> None:
    pitched = raised.roof_m > 0
    plain_low = (shapely.area(raised.footprints) < 250) & (raised.floors <= 4) & (raised.parent == NO_PARENT)
    plain_low &= shapely.get_num_coordinates(raised.footprints) == 5

    assert not (pitched & ~plain_low).any()
    assert 0.5 < pitched[plain_low].mean() < 0.9
    np.testing.assert_allclose(raised.height_m, raised.floors * 3.2 + raised.roof_m)


def test_neighbours_come_one_after_the_other(raised: GeneratedBuildings) -> None:
    centres = shapely.get_coordinates(shapely.centroid(raised.footprints[:N]))
    step = np.hypot(*np.diff(centres, axis=0).T)

    assert np.median(step) < 200
    assert step.mean() < 0.1 * np.ptp(centres, axis=0).max()


def test_equal_generators_give_equal_buildings(raised: GeneratedBuildings) -> None:
    again = raise_buildings(_lots(), N, np.random.default_rng(8))

    assert (shapely.to_wkb(again.footprints) == shapely.to_wkb(raised.footprints)).all()
    np.testing.assert_array_equal(again.floors, raised.floors)
    np.testing.assert_array_equal(again.kind, raised.kind)
