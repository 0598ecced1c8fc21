import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shancheng.city.fetch.download import download
from shancheng.errors import DownloadError, MissingDownloadError
from shancheng.progress import NullProgress

CONTENT = np.random.default_rng(1).bytes(3_000_000)
LIMIT = 10 << 20


def get(bucket: Any, pool: Any, path: Path, **options: Any) -> Path:
    return download(f"{bucket.url}/a.bin", path, pool, NullProgress(), **{"limit": LIMIT, **options})


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_is_not_asked_for_twice(bucket: Any, pool: Any, tmp_path: Path) -> None:
    bucket.files["a.bin"] = CONTENT
    path = get(bucket, pool, tmp_path / "sub" / "a.bin")
    assert path.read_bytes() == CONTENT
    assert left(path.parent) == ["a.bin"]
    get(bucket, pool, path)
    assert len(bucket.log) == 1


@pytest.mark.parametrize("etags", [True, False])
def test_a_broken_line_is_taken_up_where_it_broke(
    bucket: Any, pool: Any, tmp_path: Path, *, etags: bool
) -> None:
    bucket.files["a.bin"], bucket.etags = CONTENT, etags
    bucket.cut_after = [1_200_000, 700_000]
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == CONTENT
    assert [entry[2] for entry in bucket.log] == [None, "bytes=1200000-", "bytes=1900000-"]


def test_a_line_that_breaks_often_but_always_brings_something_on(
    bucket: Any, pool: Any, tmp_path: Path
) -> None:
    bucket.files["a.bin"] = CONTENT
    bucket.cut_after = [200_000] * 12
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_line_that_is_dead_keeps_what_came(bucket: Any, pool: Any, tmp_path: Path) -> None:
    bucket.files["a.bin"] = CONTENT
    bucket.cut_after = [500_000, *[0] * 10]
    with pytest.raises(DownloadError, match=r"500,000 bytes are kept, run it again to go on"):
        get(bucket, pool, tmp_path / "a.bin")
    bucket.cut_after = []
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == CONTENT
    assert bucket.log[-1][2] == "bytes=500000-"


def test_another_version_meanwhile_starts_anew(bucket: Any, pool: Any, tmp_path: Path) -> None:
    bucket.files["a.bin"] = CONTENT
    bucket.cut_after = [500_000, *[0] * 10]
    with pytest.raises(DownloadError):
        get(bucket, pool, tmp_path / "a.bin")
    other = CONTENT[::-1][:1_000_000]
    bucket.files["a.bin"], bucket.cut_after = other, []
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == other


def test_a_server_without_ranges_sends_all_again(bucket: Any, pool: Any, tmp_path: Path) -> None:
    bucket.files["a.bin"], bucket.ranges = CONTENT, False
    bucket.cut_after = [500_000]
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_part_that_is_already_whole_is_put_in_place(bucket: Any, pool: Any, tmp_path: Path) -> None:
    bucket.files["a.bin"] = CONTENT
    bucket.cut_after = [500_000, *[0] * 10]
    with pytest.raises(DownloadError):
        get(bucket, pool, tmp_path / "a.bin")
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    asked = len(bucket.log)
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == CONTENT
    assert len(bucket.log) == asked


def test_damage_on_the_way_is_noticed(
    bucket: Any, pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.files["a.bin"] = CONTENT
    monkeypatch.setattr(bucket, "etag", lambda _content: f'"{"0" * 32}"')
    with pytest.raises(DownloadError, match="damaged on the way"):
        get(bucket, pool, tmp_path / "a.bin")
    assert left(tmp_path) == []


def test_servers_that_are_busy_or_refuse(bucket: Any, pool: Any, tmp_path: Path) -> None:
    bucket.files["a.bin"], bucket.busy = CONTENT, 2
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == CONTENT
    bucket.busy = 10
    with pytest.raises(DownloadError, match=r"busy \(503\)"):
        get(bucket, pool, tmp_path / "b.bin")
    bucket.busy = 0
    with pytest.raises(MissingDownloadError, match="no such file"):
        download(f"{bucket.url}/none", tmp_path / "c", pool, NullProgress(), limit=LIMIT)
    with pytest.raises(DownloadError, match=r"3,000,000 bytes, more than the 1,000"):
        get(bucket, pool, tmp_path / "d.bin", limit=1000)
    assert left(tmp_path) == ["a.bin"]


def test_nobody_listens(pool: Any, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="run it again"):
        download("http://127.0.0.1:9/a", tmp_path / "a", pool, NullProgress(), limit=LIMIT)


def test_kill_9_and_once_more(bucket: Any, pool: Any, tmp_path: Path) -> None:
    """A process dies in the middle; the next one goes on, and no half file ever bears the name."""
    bucket.files["a.bin"] = CONTENT
    bucket.cut_after = [1_500_000, *[0] * 1000]
    script = (
        "import sys; from pathlib import Path\n"
        "from shancheng.city.fetch.download import download\n"
        "from shancheng.city.fetch.http import open_pool\n"
        "from shancheng.progress import NullProgress\n"
        "pool = open_pool(tries=9, pause_s=5)\n"
        "download(sys.argv[1], Path(sys.argv[2]), pool, NullProgress(), limit=1 << 24)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, f"{bucket.url}/a.bin", str(tmp_path / "a.bin")],
        env={key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
    )
    part = tmp_path / "a.bin.part"
    for _ in range(600):
        if part.exists() and part.stat().st_size == 1_500_000:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "a.bin").exists()
    bucket.cut_after = []
    assert get(bucket, pool, tmp_path / "a.bin").read_bytes() == CONTENT
    assert bucket.log[-1][2] == "bytes=1500000-"
