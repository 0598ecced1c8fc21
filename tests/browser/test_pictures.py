"""The pictures of the documents, taken from the running page; `make pictures` keeps them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driver import Visit, distinct_colours, pixels_of, save_png

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = [("chongqing-night", "still=1&quality=high&hour=20.5&lang=zh")]

Open = Callable[..., Visit]


@pytest.mark.skipif("SHANCHENG_PICTURES" not in os.environ, reason="`make pictures` takes them")
@pytest.mark.parametrize(("name", "query"), PICTURES)
def test_pictures_of_the_documents(chongqing_server: Any, open_city: Open, name: str, query: str) -> None:
    visit = open_city(chongqing_server.url, query, width=1600, height=900)
    visit.idle()
    png = visit.page.screenshot()
    assert distinct_colours(pixels_of(png)) > 2_000
    save_png(ROOT / os.environ["SHANCHENG_PICTURES"] / f"{name}.png", png)
