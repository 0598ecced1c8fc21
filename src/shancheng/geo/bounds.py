"""Rectangles in longitude and latitude."""

import math
from dataclasses import dataclass

from shancheng.errors import BoundsError

MAX_LON_DEG = 180.0
MAX_LAT_DEG = 90.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """A closed rectangle in WGS-84 degrees: not reversed, not across the antimeridian, maybe a point.

    Attributes:
        west_deg: Smallest longitude, -180 to 180.
        south_deg: Smallest latitude, -90 to 90.
        east_deg: Largest longitude.
        north_deg: Largest latitude.

    Raises:
        BoundsError: A number is not finite or out of range, or west > east, or south > north.
    """

    west_deg: float
    south_deg: float
    east_deg: float
    north_deg: float

    def __post_init__(self) -> None:
        for name, limit in (
            ("west", MAX_LON_DEG),
            ("south", MAX_LAT_DEG),
            ("east", MAX_LON_DEG),
            ("north", MAX_LAT_DEG),
        ):
            value = getattr(self, f"{name}_deg")
            if not math.isfinite(value) or abs(value) > limit:
                raise BoundsError(f"{name}={value}: must be a number from -{limit:g} to {limit:g} degrees")
        if self.west_deg > self.east_deg:
            raise BoundsError(
                f"west={self.west_deg}, east={self.east_deg}: west must not be greater than east; "
                "an area across the antimeridian (180 degrees) has to be given as two"
            )
        if self.south_deg > self.north_deg:
            raise BoundsError(
                f"south={self.south_deg}, north={self.north_deg}: south must not be greater than north"
            )

    @property
    def width_deg(self) -> float:
        """Extent in longitude."""
        return self.east_deg - self.west_deg

    @property
    def height_deg(self) -> float:
        """Extent in latitude."""
        return self.north_deg - self.south_deg

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        return (self.west_deg + self.east_deg) / 2, (self.south_deg + self.north_deg) / 2

    def expanded(self, margin_deg: float) -> "Bounds":
        """The same rectangle with a margin on every side, cut at the poles and the antimeridian."""
        return Bounds(
            max(self.west_deg - margin_deg, -MAX_LON_DEG),
            max(self.south_deg - margin_deg, -MAX_LAT_DEG),
            min(self.east_deg + margin_deg, MAX_LON_DEG),
            min(self.north_deg + margin_deg, MAX_LAT_DEG),
        )

    def contains(self, other: "Bounds") -> bool:
        """Whether the other rectangle lies inside, edges included."""
        return (
            self.west_deg <= other.west_deg
            and self.south_deg <= other.south_deg
            and other.east_deg <= self.east_deg
            and other.north_deg <= self.north_deg
        )

    def intersects(self, other: "Bounds") -> bool:
        """Whether the two share at least a point."""
        return (
            self.west_deg <= other.east_deg
            and other.west_deg <= self.east_deg
            and self.south_deg <= other.north_deg
            and other.south_deg <= self.north_deg
        )
