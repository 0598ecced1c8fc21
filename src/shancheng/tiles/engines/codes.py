"""Numbers that both twins of the footprint engines share."""

from shancheng.tiles.constants import GRID_DEG

# Why a feature cannot be drawn; footprints.py has the words.
GOOD, UNREADABLE, NOT_FINITE, OUT_OF_RANGE, TOO_FEW, NO_AREA, TOO_MANY, TOO_WIDE, CROSSING, TOO_COMPLEX = (
    range(10)
)

INV_GRID = round(1 / GRID_DEG)
MAX_EXTENT_DEG = 10.0  # keeps products of grid steps within 64 bits
# Between the area of the rings and that of their triangles, as a share.
AREA_TOLERANCE = 0.01
