"""A headless Chromium that draws WebGL without a graphics card, and one visit of the page with all it hears.

Tests and benchmarks use it alike; it knows the page only by ``window.shancheng``, the handle meant for that.
"""

import json
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import rasterio
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rasterio.errors import NotGeoreferencedWarning

SOFTWARE_WEBGL = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
# Nothing but the page itself may use the network; root, as in a container, needs --no-sandbox.
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
NO_WEBGL = ("--disable-gpu", "--disable-3d-apis")
# Software rendering on a busy machine.
PATIENCE_MS = 120_000
COLLECT_VIOLATIONS = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
ALL_TEXT = """
(() => {
  const words = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) words.push(node.data.trim());
    if (node instanceof Element && ['SCRIPT', 'STYLE'].includes(node.tagName)) return;
    if (node.shadowRoot) walk(node.shadowRoot);
    for (const child of node.childNodes) walk(child);
  };
  walk(document.body);
  return words.filter(Boolean).join('\\n');
})()
"""

Pixels = npt.NDArray[np.uint8]


@contextmanager
def chromium_browser(executable: str, flags: tuple[str, ...] = SOFTWARE_WEBGL) -> Iterator[Browser]:
    """A browser for as long as the context lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*QUIET, *flags], headless=True)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """One page, and everything it said, asked for and received."""

    page: Page
    network: CDPSession
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    wire: dict[str, int] = field(default_factory=dict)

    @property
    def wire_bytes(self) -> int:
        """Bytes received so far, headers and compressed bodies."""
        return sum(self.wire.values())

    def wire_by_part(self) -> dict[str, int]:
        """Bytes received by what they were for: a layer's tiles, the page's assets, the API."""
        parts: dict[str, int] = {}
        for path, size in self.wire.items():
            words = path.strip("/").split("/")
            part = "/".join([words[0], *words[2:3]]) if words[0] == "tiles" else words[0] or "page"
            parts[part] = parts.get(part, 0) + size
        return parts

    def ready(self) -> None:
        """Wait for the first picture."""
        self.page.evaluate("window.shancheng.ready")

    def idle(self) -> None:
        """Wait until every tile of the view is drawn."""
        self.page.evaluate("window.shancheng.idle()")

    def wait_until(self, condition: str) -> Any:
        """Ask the page until an expression is true; its policy forbids Playwright to wait inside of it."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while not (answer := self.page.evaluate(condition)):
            if time.monotonic() > end:
                message = f"{condition}: not within {PATIENCE_MS / 1000} s"
                raise TimeoutError(message)
            self.page.wait_for_timeout(50)
        return answer

    def stats(self) -> dict[str, Any]:
        """Draw calls, triangles and tiles of the last picture."""
        found: dict[str, Any] = self.page.evaluate("window.shancheng.stats()")
        return found

    def first_picture_ms(self) -> float:
        """Milliseconds from the start of navigation to the first picture with ground and buildings."""
        return float(self.page.evaluate("window.shancheng.firstPicture"))

    def fly_to(self, lon: float, lat: float, ellipsoidal_height_m: float, distance_m: float) -> None:
        """Look at a place from a distance, and wait for the picture."""
        target = {
            "lon": lon,
            "lat": lat,
            "ellipsoidal_height_m": ellipsoidal_height_m,
            "distance_m": distance_m,
        }
        self.page.evaluate("(target) => window.shancheng.flyTo(target)", target)
        self.idle()

    def project(self, lon: float, lat: float, ellipsoidal_height_m: float) -> tuple[float, float] | None:
        """Where a place appears, in CSS pixels; None behind the eye."""
        found = self.page.evaluate(
            "(place) => window.shancheng.project(...place)", [lon, lat, ellipsoidal_height_m]
        )
        return None if found is None else (found["x"], found["y"])

    def pick_at(self, x: float, y: float) -> str | None:
        """Id of the object at a pixel."""
        found = self.page.evaluate("(at) => window.shancheng.pickAt(...at)?.id ?? null", [x, y])
        return None if found is None else str(found)

    def selection(self) -> dict[str, Any] | None:
        """What the page's panel describes."""
        found: dict[str, Any] | None = self.page.evaluate("window.shancheng.app.state.selection.value")
        return found

    def set_hour(self, hour: float) -> None:
        """Set the hour of the day, and wait for the picture."""
        self.page.evaluate("(hour) => window.shancheng.setHour(hour)", hour)
        self.idle()

    def picture(self) -> Pixels:
        """The map as it is drawn now, without the panels, shape (height, width, 3)."""
        return pixels_of(self.page.locator("canvas").first.screenshot())

    def text(self) -> str:
        """All words on the page, those inside its components too."""
        return str(self.page.evaluate(ALL_TEXT))

    def violations(self) -> list[str]:
        """What the content security policy stopped."""
        found: list[str] = self.page.evaluate("window.__violations ?? []")
        return found

    def close(self) -> None:
        """Leave the page."""
        self.page.context.close()


def open_page(browser: Browser, url: str, *, width: int = 1280, height: int = 720, **options: Any) -> Visit:
    """Open a page in a fresh profile and listen to all that happens in it."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=1, service_workers="block", **options
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(COLLECT_VIOLATIONS)
    page = context.new_page()
    network = context.new_cdp_session(page)
    visit = Visit(page, network)
    _listen(visit)
    page.goto(url, wait_until="load", timeout=PATIENCE_MS)
    return visit


def _listen(visit: Visit) -> None:
    addresses: dict[str, str] = {}

    def ask(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = urlsplit(event["request"]["url"]).path

    def count(event: dict[str, Any]) -> None:
        path = addresses.get(event["requestId"], "?")
        visit.wire[path] = visit.wire.get(path, 0) + int(event["encodedDataLength"])

    def hear(kind: str, text: str) -> None:
        visit.errors.append(f"{kind}: {text}")

    visit.network.send("Network.enable")
    visit.network.on("Network.requestWillBeSent", ask)
    visit.network.on("Network.loadingFinished", count)
    page = visit.page
    page.on("console", lambda m: hear(m.type, m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: hear("exception", str(error)))
    page.on("request", lambda request: visit.hosts.add(_host(request.url)))
    page.on("response", lambda r: hear(str(r.status), r.url) if r.status >= 400 else None)
    page.on("requestfailed", lambda r: _hear_failure(visit, r.url, r.failure or ""))


def _hear_failure(visit: Visit, url: str, reason: str) -> None:
    # A tile that leaves the view before it came is no longer wanted.
    if reason != "net::ERR_ABORTED":
        visit.errors.append(f"failed: {url} {reason}")


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.scheme if parts.scheme in {"blob", "data"} else parts.hostname or parts.scheme


# What others say of themselves: the software renderer, and the tile library of any tileset of version 1.1.
KNOWN_WARNINGS = (
    "GPU stall due to ReadPixels",
    "GL Driver Message",
    "Automatic fallback to software WebGL",
    "tiles versions at 1.1 or higher have limited support",
)


def telling_errors(errors: list[str]) -> list[str]:
    """Errors and warnings of the page itself."""
    return [error for error in errors if not any(words in error for words in KNOWN_WARNINGS)]


def pixels_of(png: bytes) -> Pixels:
    """Red, green and blue of a PNG, shape (height, width, 3)."""
    with warnings.catch_warnings(), rasterio.MemoryFile(png) as memory:
        # A picture of a page lies nowhere on Earth.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(driver="PNG") as image:
            return np.moveaxis(image.read([1, 2, 3]), 0, -1)


def save_png(path: Path, png: bytes) -> None:
    """Keep a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png)


def distinct_colours(picture: Pixels) -> int:
    """Number of colours in a picture."""
    packed = picture.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    return len(np.unique(packed))


def brightness(picture: Pixels) -> float:
    """Mean of all pixels, 0 to 255."""
    return float(picture.mean())


def difference(a: Pixels, b: Pixels) -> float:
    """Mean difference of two pictures, 0 to 255."""
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


def degrees_east(metres: float, lat_deg: float) -> float:
    """Degrees of longitude in a distance."""
    return metres / (111_320.0 * math.cos(math.radians(lat_deg)))


def as_json(value: object) -> str:
    """For messages of failed tests."""
    return json.dumps(value, ensure_ascii=False, indent=1)
