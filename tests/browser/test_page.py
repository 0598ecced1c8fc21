"""The page in headless Chromium: the city appears, is within its budget, answers clicks and searches."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driver import (
    NO_WEBGL,
    Visit,
    as_json,
    brightness,
    difference,
    distinct_colours,
    open_page,
    telling_errors,
)
from places import Building, tall_buildings, tile_centre

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The first view of the built-in city, as the page opens it.
MOST_WIRE_BYTES = 1_500_000
MOST_DRAW_CALLS = 150
MOST_TRIANGLES = 700_000
SIZE = (960, 600)
HAN = re.compile(r"[\u4e00-\u9fff]")

Open = Callable[..., Visit]


@pytest.fixture
def chongqing(chongqing_server: Any, chongqing_home: Path) -> tuple[str, Path]:
    return chongqing_server.url, chongqing_home / "chongqing"


@pytest.fixture(
    params=[pytest.param("monaco", marks=pytest.mark.shared_data), pytest.param("chongqing")],
)
def city(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """URL and folder of each city in turn."""
    name = request.param
    home: Path = request.getfixturevalue(f"{name}_home")
    return request.getfixturevalue(f"{name}_server").url, home / name


def test_the_city_appears(city: tuple[str, Path], open_city: Open) -> None:
    visit = open_city(city[0])
    visit.idle()
    picture, stats = visit.picture(), visit.stats()
    assert distinct_colours(picture) > 500
    assert picture.std() > 8
    assert stats["triangles"] > 1_000
    assert stats["drawCalls"] > 5
    assert stats["tilesLoaded"] > 2
    assert stats["loading"] is False


def test_the_first_view_keeps_to_its_budget(chongqing: tuple[str, Path], open_city: Open) -> None:
    visit = open_city(chongqing[0], "still=1", width=1280, height=720)
    visit.idle()
    stats = visit.stats()
    assert visit.wire_bytes <= MOST_WIRE_BYTES, as_json(visit.wire_by_part())
    assert visit.wire_bytes > 200_000
    assert stats["drawCalls"] <= MOST_DRAW_CALLS
    assert stats["triangles"] <= MOST_TRIANGLES


def test_day_is_bright_and_night_is_dark_with_lights(chongqing: tuple[str, Path], open_city: Open) -> None:
    visit = open_city(chongqing[0])
    visit.set_hour(22)
    night = visit.picture()
    visit.set_hour(12)
    day = visit.picture()
    assert brightness(day) > brightness(night) + 30
    # Lit windows and streets: few pixels, far brighter than the night around them.
    lights = night.max(axis=2) > 150
    assert 0.0005 < lights.mean() < 0.4


def test_a_pick_returns_the_right_building(city: tuple[str, Path], open_city: Open) -> None:
    url, folder = city
    visit = open_city(url)
    picked = {}
    for building in tall_buildings(folder, 4):
        visit.fly_to(building.lon, building.lat, building.inside_m, max(250, building.height_m * 2.5))
        at = visit.project(building.lon, building.lat, building.inside_m)
        assert at is not None
        picked[building.id] = visit.pick_at(*at)
    assert list(picked.values()) == list(picked)


def test_a_click_opens_the_panel_with_attributes_and_provenance(
    city: tuple[str, Path], open_city: Open
) -> None:
    url, folder = city
    visit = open_city(url, "still=1&quality=low&lang=en")
    (building,) = tall_buildings(folder, 1)
    visit.fly_to(building.lon, building.lat, building.inside_m, max(250, building.height_m * 2.5))
    at = visit.project(building.lon, building.lat, building.inside_m)
    assert at is not None
    # Names stand over what they name: the click must reach the map below them.
    visit.page.evaluate("window.shancheng.app.state.toggleLayer('labels')")
    visit.page.mouse.click(*at)
    visit.wait_until("window.shancheng.app.state.selection.value?.attributes")
    selection = visit.selection()
    assert selection is not None
    assert selection["id"] == building.id
    # Once on the map, once in the panel: what it is, and what that rests on.
    text = visit.text()
    assert building.id in text or building.id.rpartition(":")[2] in text
    assert re.search("surveyed|approximate|modelled", text)
    assert "Height" in text


# The eye stands south of a tower and looks at it, or turns until the tower is the last thing at the right.
AIM = """
([lon, lat, ellipsoidal_height_m, distance, right]) => {
  const { viewer, project } = window.shancheng;
  const tower = viewer.frame.sceneFromGeodetic({ lon, lat, ellipsoidal_height_m });
  const eye = tower.clone();
  eye.z -= distance;
  eye.y += distance * 0.25;
  const sight = tower.clone().sub(eye);
  for (let turn = 0; turn < 1; turn += 0.002) {
    const target = eye.clone();
    target.x += Math.cos(turn) * sight.x + Math.sin(turn) * sight.z;
    target.y += sight.y;
    target.z += Math.cos(turn) * sight.z - Math.sin(turn) * sight.x;
    viewer.rig.set({ eye, target });
    viewer.camera.updateMatrixWorld();
    const at = project(lon, lat, ellipsoidal_height_m);
    if (at && at.x >= right) return [at.x, at.y];
  }
  return null;
}
"""


def aim(visit: Visit, building: Building, *, right: float) -> tuple[float, float]:
    """Bring a point inside a building at least so far to the right in the picture; where it is then."""
    place = [building.lon, building.lat, building.inside_m, max(120, building.height_m), right]
    x, y = visit.page.evaluate(AIM, place)
    visit.idle()
    assert right <= x < SIZE[0]
    assert 0 < y < SIZE[1]
    return x, y


def in_view(at: tuple[float, float] | None) -> bool:
    return at is not None and 0 <= at[0] <= SIZE[0] and 0 <= at[1] <= SIZE[1]


def test_a_building_is_not_lost_at_the_edge_of_the_screen(city: tuple[str, Path], open_city: Open) -> None:
    """Only a piece of it is in view and the middle of its tile is not: it must be drawn all the same."""
    url, folder = city
    visit = open_city(url, width=SIZE[0], height=SIZE[1])
    seen = 0
    for building in tall_buildings(folder, 16):
        if seen == 3:
            break
        ahead = aim(visit, building, right=SIZE[0] / 2 - 1)
        hidden = visit.pick_at(*ahead) != building.id
        at = aim(visit, building, right=SIZE[0] - 8)
        centre = tile_centre(folder, building.id.rpartition(":")[2])
        if hidden or in_view(visit.project(*centre, building.foot_m)):
            continue
        assert visit.pick_at(*at) == building.id
        seen += 1
    assert seen == 3


def test_search_flies_there(chongqing: tuple[str, Path], open_city: Open) -> None:
    visit = open_city(chongqing[0], "still=1&quality=low&lang=zh")
    visit.idle()
    before = visit.picture()
    box = visit.page.get_by_role("searchbox").or_(visit.page.get_by_role("combobox")).first
    box.click()
    box.press_sequentially("洪崖洞", delay=20)
    visit.page.get_by_role("option").first.wait_for()
    box.press("Enter")
    visit.wait_until("window.shancheng.app.state.selection.value?.attributes")
    visit.idle()
    selection = visit.selection()
    assert selection is not None
    assert selection["attributes"]["name"] == "洪崖洞"
    assert difference(visit.picture(), before) > 5
    lon, lat = shown_place(selection["attributes"])
    at = visit.project(lon, lat, 230)
    assert at is not None
    assert abs(at[0] - SIZE[0] / 2) < 200
    assert abs(at[1] - SIZE[1] / 2) < 200


def shown_place(attributes: dict[str, Any]) -> tuple[float, float]:
    """Longitude and latitude of an object's first point."""
    place = attributes["geometry"]["coordinates"]
    while isinstance(place[0], list):
        place = place[0]
    return float(place[0]), float(place[1])


def test_both_languages(chongqing: tuple[str, Path], open_city: Open) -> None:
    visit = open_city(chongqing[0], "still=1&quality=low&lang=zh")
    assert "重庆" in visit.page.title()
    assert visit.page.locator("html").get_attribute("lang") in {"zh", "zh-CN"}
    chinese = len(HAN.findall(visit.text()))
    visit.page.evaluate("window.shancheng.setLanguage('en')")
    visit.wait_until("document.documentElement.lang.startsWith('en')")
    assert "Chongqing" in visit.page.title()
    assert "Layers" in visit.text()
    assert chinese > 20


def test_every_layer_is_credited(city: tuple[str, Path], open_city: Open) -> None:
    visit = open_city(city[0], "still=1&quality=low&lang=en")
    info = visit.page.evaluate("fetch('/api/city').then((answer) => answer.json())")
    named = {layer["attribution"] for layer in info["layers"] if layer["attribution"]}
    text = visit.text()
    assert named
    assert [credit for credit in named if credit not in text] == []


def test_a_layer_can_be_switched_off(chongqing: tuple[str, Path], open_city: Open) -> None:
    visit = open_city(chongqing[0])
    visit.idle()
    with_buildings = visit.stats()["triangles"]
    visit.page.evaluate("window.shancheng.app.state.toggleLayer('buildings')")
    visit.idle()
    # Terrain, streets, water and trees are still there.
    assert 10_000 < visit.stats()["triangles"] < 0.8 * with_buildings


def test_a_browser_without_webgl_is_told_so(chongqing: tuple[str, Path], browser: Any, chromium: str) -> None:
    # Playwright's synchronous driver runs once a process; a second browser comes from the first one's type.
    other = browser.browser_type.launch(executable_path=chromium, args=["--no-sandbox", *NO_WEBGL])
    try:
        visit = open_page(other, f"{chongqing[0]}/?lang=en")
        message = visit.page.get_by_text("This browser cannot draw the city")
        message.wait_for()
        assert message.is_visible()
        assert [error for error in telling_errors(visit.errors) if error.startswith("exception")] == []
    finally:
        other.close()


def test_the_api_page_needs_no_stranger(chongqing: tuple[str, Path], browser: Any) -> None:
    visit = open_page(browser, f"{chongqing[0]}/api/docs")
    visit.page.get_by_text("/api/search").first.wait_for()
    assert telling_errors(visit.errors) == []
    assert visit.violations() == []
    assert visit.hosts == {"127.0.0.1"}
    visit.close()


def test_the_driver_can_see_a_fault(chongqing: tuple[str, Path], browser: Any) -> None:
    """What the other tests rely on: errors, violations and foreign hosts are noticed when they happen."""
    visit = open_page(browser, f"{chongqing[0]}/?still=1&quality=low")
    visit.page.evaluate("console.error('a fault')")
    visit.page.evaluate("fetch('/api/objects/none').then(() => 0)")
    visit.page.evaluate("fetch('http://localhost:9/').catch(() => 0)")
    visit.wait_until("window.__violations.length > 0")
    visit.page.wait_for_timeout(500)
    heard = telling_errors(visit.errors)
    assert any("a fault" in error for error in heard)
    assert any(re.match("4[0-9][0-9]: http", error) for error in heard)
    assert any("connect-src" in violation or "default-src" in violation for violation in visit.violations())
    visit.close()
