"""A chart with two logarithmic scales as SVG, drawn by hand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 760, 360
PANEL_WIDTH, PANEL_HEIGHT = 290, 250
TOP, LEFTS = 40, (60, 440)
COLOURS = ("#1f6f8b", "#d1495b")
STYLE = "font: 12px system-ui, sans-serif; fill: #333"


@dataclass(frozen=True)
class Series:
    """A line and its name."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass
class Chart:
    """Two panels over the same quantity, both axes logarithmic."""

    across: str
    left_label: str
    right_label: str
    left: list[Series] = field(default_factory=list)
    right: list[Series] = field(default_factory=list)

    def svg(self) -> str:
        """The whole picture."""
        parts = [
            _panel(LEFTS[0], self.across, self.left_label, self.left),
            _panel(LEFTS[1], self.across, self.right_label, self.right),
        ]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/><g style="{STYLE}">'
            + "".join(parts)
            + "</g></svg>\n"
        )


def _panel(left: float, across: str, label: str, series: Sequence[Series]) -> str:
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    scale_x = _Scale.over(xs, left, left + PANEL_WIDTH)
    scale_y = _Scale.over(ys, TOP + PANEL_HEIGHT, TOP)
    bottom = TOP + PANEL_HEIGHT
    parts = [f'<text x="{left}" y="{TOP - 16}">{escape(label)}</text>']
    for value in scale_y.decades():
        y = scale_y(value)
        parts.append(f'<path d="M{left} {y:.1f}H{left + PANEL_WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}</text>')
    for value in scale_x.decades():
        x = scale_x(value)
        parts.append(f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{_short(value)}</text>')
    parts.append(
        f'<text x="{left + PANEL_WIDTH / 2}" y="{bottom + 38}" text-anchor="middle">{escape(across)}</text>'
    )
    for number, one in enumerate(series):
        places = [(scale_x(x), scale_y(y)) for x, y in one.points]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        colour = COLOURS[number]
        parts.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
        top = TOP + 14 + 16 * number
        parts.append(f'<text x="{left + 10}" y="{top}" style="fill:{colour}">{escape(one.name)}</text>')
    return "".join(parts)


@dataclass(frozen=True)
class _Scale:
    """Values from one power of ten to another as places on the picture."""

    low: int
    high: int
    begin: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float) -> "_Scale":
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(low, max(high, low + 1), begin, end)

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"
