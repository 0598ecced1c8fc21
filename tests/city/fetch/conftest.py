"""The bucket of `tests/fakes`, and a pool that does not wait long."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fakes"))

from bucket import Bucket

from shancheng.city.fetch.http import Pool, open_pool


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Bucket().serve() as serving:
        yield serving


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return open_pool(tries=3, pause_s=0.01)


@pytest.fixture
def endpoints(bucket: Bucket) -> Any:
    from shancheng.city.fetch.base import Endpoints

    return Endpoints(glo30=bucket.url, overture=bucket.url, overpass=f"{bucket.url}/api/interpreter")
