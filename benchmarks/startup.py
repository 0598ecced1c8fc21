"""How long until the first picture?

`shancheng up chongqing` on an empty home with everything installed and no kernel compiled yet, until a
headless Chromium has drawn ground and buildings; then the same command again, on the city that is there now.

    python benchmarks/startup.py [RUNS]
"""

import shutil
import sys
import time
from statistics import median

from machine import WORK, calibration_s, publish
from page import chromium_browser, chromium_path, open_page, served

CITY = "chongqing"
SIZE = {"width": 1280, "height": 720}


def seconds_to_first_picture() -> tuple[float, float]:
    """From the command to the server's first answer, and to the first picture."""
    home, kernels = WORK / "startup" / "home", WORK / "startup" / "kernels"
    with chromium_browser(chromium_path()) as browser:
        start = time.perf_counter()
        with served(home, CITY, {"NUMBA_CACHE_DIR": str(kernels)}) as url:
            answered_s = time.perf_counter() - start
            visit = open_page(browser, url, **SIZE)
            visit.ready()
            drawn_s = time.perf_counter() - start
            visit.close()
    return answered_s, drawn_s


def main(runs: int) -> None:
    """Measure both starts and publish."""
    cold, warm = [], []
    for _ in range(runs):
        shutil.rmtree(WORK / "startup", ignore_errors=True)
        (WORK / "startup" / "home").mkdir(parents=True)
        cold.append(seconds_to_first_picture())
        warm.append(seconds_to_first_picture())
    values = {
        "cold_answer_s": median(answered for answered, _ in cold),
        "cold_picture_s": median(drawn for _, drawn in cold),
        "warm_answer_s": median(answered for answered, _ in warm),
        "warm_picture_s": median(drawn for _, drawn in warm),
        "calibration_s": calibration_s(),
    }
    rows = [
        ("empty home, no kernel compiled: served after", f"{values['cold_answer_s']:.1f} s"),
        ("empty home, no kernel compiled: first picture", f"{values['cold_picture_s']:.1f} s"),
        ("second start: served after", f"{values['warm_answer_s']:.1f} s"),
        ("second start: first picture", f"{values['warm_picture_s']:.1f} s"),
        ("calibration loop", f"{values['calibration_s']:.3f} s"),
    ]
    publish("startup", "How long until the first picture?", rows, values)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
