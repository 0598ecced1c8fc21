"""What does the first view cost: bytes on the wire, draw calls, triangles?

The built-in city as the page opens it, 1280 × 720, a fresh profile, every tile of the view loaded.

    python benchmarks/first_view.py
"""

import shutil

from machine import WORK, publish
from page import chromium_browser, chromium_path, open_page, served


def main() -> None:
    """Measure and publish."""
    home = WORK / "first_view"
    # The city of today: an older one would be served as it is.
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with served(home, "chongqing", {}) as url, chromium_browser(chromium_path()) as browser:
        visit = open_page(browser, f"{url}/?still=1", width=1280, height=720)
        visit.ready()
        early_bytes = visit.wire_bytes
        visit.idle()
        stats, parts = visit.stats(), visit.wire_by_part()
        values = {
            "wire_bytes": visit.wire_bytes,
            "wire_bytes_first_picture": early_bytes,
            "draw_calls": stats["drawCalls"],
            "triangles": stats["triangles"],
            "tiles": stats["tilesLoaded"],
        }
    rows = [
        ("bytes on the wire until the first picture", f"{early_bytes:,}"),
        ("bytes on the wire, view complete", f"{values['wire_bytes']:,}"),
        *((f"of these {part}", f"{size:,}") for part, size in sorted(parts.items())),
        ("draw calls", f"{values['draw_calls']:,}"),
        ("triangles", f"{values['triangles']:,}"),
        ("tiles shown", f"{values['tiles']:,}"),
    ]
    publish("first_view", "What does the first view cost?", rows, values)


if __name__ == "__main__":
    main()
