"""Words for the numbers of a GTFS feed: kinds of stops and of vehicles.

Source: GTFS Schedule Reference, stops.txt `location_type` and routes.txt `route_type`; Google's extended
route types, which many feeds use.
"""

from typing import Final

__all__ = ["STOP_KINDS", "UNKNOWN_ROUTE", "route_kind"]

STOP_KINDS: Final = ("stop", "station", "entrance", "node", "boarding_area")

UNKNOWN_ROUTE: Final = "unknown"
_BASIC: Final = {
    0: "tram",
    1: "subway",
    2: "rail",
    3: "bus",
    4: "ferry",
    5: "cable_tram",
    6: "aerial_lift",
    7: "funicular",
    11: "trolleybus",
    12: "monorail",
}
# Hundreds of the extended types; what differs within one stands in `_EXTENDED`.
_HUNDREDS: Final = {
    1: "rail",
    2: "coach",
    3: "rail",
    4: "subway",
    5: "subway",
    6: "subway",
    7: "bus",
    8: "trolleybus",
    9: "tram",
    10: "ferry",
    11: "air",
    12: "ferry",
    13: "aerial_lift",
    14: "funicular",
    15: "taxi",
    17: "other",
}
_EXTENDED: Final = {400: "rail", 403: "rail", 404: "rail", 405: "monorail"}


def route_kind(number: int | None) -> str:
    """Word of a route type; `unknown` where it is none of the reference's."""
    if number is None or number < 0:
        return UNKNOWN_ROUTE
    return _BASIC.get(number) or _EXTENDED.get(number) or _HUNDREDS.get(number // 100, UNKNOWN_ROUTE)
