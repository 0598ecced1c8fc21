"""Numbers that several parts of the tiler must agree on, each with its reason."""

# Positions are whole multiples of this; 1/32 m lets int16 span a tile of two kilometres, error 1.6 cm an
# axis.
QUANTUM_M = 1 / 32

# The finest terrain tiles stay this close to the elevation raster, so what stands on the ground can rely on
# it.
TERRAIN_LEAF_TOLERANCE_M = 1.0

# Walls reach this far below the lowest ground under them. More than the tolerance: between raster samples the
# drawn ground is made of triangles while heights are sampled bilinearly.
SKIRT_M = 2.0

# What lies on the ground is lifted by this, so that rounding never puts it under the ground.
DRAPE_LIFT_M = 0.3

# Features a tile takes before it hands the rest to its children; a leaf may hold half as many again.
CAPACITY = 1000

# One part in so many of the capacity may stay free, so that an edit changes the members of few tiles.
SLACK_SHARE = 10

# Deepest level of a layer's quadtree: two 16-bit cell numbers and a 32-bit index sort as one 64-bit key.
MAX_LEVEL = 16

# Most levels in one subtree file: 5,461 tiles in 1.4 kB of availability, so one request serves most cities.
SUBTREE_LEVELS = 7

# A feature is put into a cell that holds it with this to spare (5 cm), so rounding never pushes it out of its
# tile.
CELL_MARGIN_DEG = 5e-7

# Polygons are cleaned and cut into triangles on a grid of whole steps of this size (1 mm).
# OpenStreetMap's own 1e-7 degrees lie on it exactly.
GRID_DEG = 1e-8

# More vertices than this in one feature are refused: corners are numbered in 16 bits, and time stays bounded.
MAX_VERTICES = 65_535

# Tiles that reach farther than this from their origin are placed by the exact formula, not by the series,
# whose error is 0.1 mm at 5 km and 2 cm at 50 km.
TAYLOR_REACH_M = 20_000.0

# The screen-space error, in pixels, that clients of 3D Tiles use by default.
ERROR_TARGET_PX = 16.0
