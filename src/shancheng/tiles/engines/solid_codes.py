"""Numbers that both twins of the solid engines share."""

# Why the solid of a row cannot be drawn; `lod2.py` has the words.
(
    GOOD,
    NOTHING,
    UNREADABLE,
    NOT_FINITE,
    OUT_OF_RANGE,
    TOO_MANY,
    TOO_LARGE,
    NO_AREA,
) = range(8)

MULTI_POLYGON_Z = (1006, 0x80000006)
POLYGON_Z = (1003, 0x80000003)

# A solid with more vertices, or a face with more corners, is not drawn: time stays bounded.
MAX_POINTS = 65_535
MAX_FACE_POINTS = 4_096
# Wider or higher than this is no building, and its grid would not fit 64 bits.
MAX_WIDTH_DEG = 0.25
MAX_HEIGHT_M, LOWEST_M, HIGHEST_M = 3_000.0, -12_000.0, 20_000.0

# Faces are cut on a grid in their own plane, tenths of a millimetre wide.
GRID_PER_M = 10_000.0
# A face of less than a square millimetre, doubled, is none.
LEAST_TWICE_AREA_M2 = 2e-6
# Upward part of a face's normal above which its own axes begin from the east.
NEARLY_LEVEL = 0.9
