"""One browser for the tests of a file, and a page that must neither complain nor ask strangers."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).resolve().parent))

from driver import Visit, chromium_browser, open_page, telling_errors

Open = Callable[..., Visit]


# Playwright's loop runs in this thread while a browser is open, and other tests start loops of their own.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_browser(chromium) as started:
        yield started


@pytest.fixture
def open_city(browser: Browser) -> Iterator[Open]:
    """Opens the page; at the end of the test nothing may have gone wrong in it."""
    visits: list[Visit] = []

    def open_at(
        url: str, query: str = "still=1&quality=low", *, width: int = 960, height: int = 600
    ) -> Visit:
        visit = open_page(browser, f"{url}/?{query}", width=width, height=height)
        visits.append(visit)
        visit.ready()
        return visit

    yield open_at
    heard = [(telling_errors(visit.errors), visit.violations(), visit.hosts) for visit in visits]
    for visit in visits:
        visit.close()
    for errors, violations, hosts in heard:
        assert errors == []
        assert violations == []
        assert hosts <= {"127.0.0.1", "blob", "data"}
