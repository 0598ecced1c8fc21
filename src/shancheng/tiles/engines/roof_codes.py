"""Numbers that both twins of the roof engines share."""

import math

import numpy as np
import numpy.typing as npt

# Shapes of roofs. `roofs.py` has the words for them.
FLAT, SKILLION, GABLED, GAMBREL, ROUND, HIPPED, PYRAMIDAL, DOME = range(8)

# Outlines with more corners keep a flat roof: looking for the best rectangle takes the square of them.
MAX_CORNERS = 1_000

# How a roof falls from its ridge: distance from it as a share of the half width, and height as a share of the
# roof's, linear in between. Of a round roof the distances alone: its heights depend on how high it is.
PROFILE_SIZE = 5
GABLE = np.array([0.0, 1.0]), np.array([1.0, 0.0])
BARN = np.array([0.0, 0.6, 1.0]), np.array([1.0, 0.65, 0.0])
ARCH = np.sin(np.linspace(0, math.pi / 2, PROFILE_SIZE))

# A roof whose height nobody knows: its pitch by shape, as rise over the half width (a skillion's over the
# whole). 30 degrees for ridges, the middle of what tiles need; a barn's mean; a low arch; half a ball.
DEFAULT_PITCH: npt.NDArray[np.float64] = np.array(
    [0.0, math.tan(math.radians(15)), *[math.tan(math.radians(30))] * 6]
)
DEFAULT_PITCH[[GAMBREL, ROUND, DOME]] = 0.8, 0.6, 1.0
# Such a roof takes no more than this share of the building's height; a dome may be all there is of it.
DEFAULT_SHARE = 0.5

# Levels of a dome between eaves and top; fewer where the outline has many corners.
DOME_LEVELS, DOME_LEVELS_MANY, MANY_CORNERS = 6, 4, 64

# Corners this close to a ridge or hip stand on it: no slivers narrower than a millimetre.
ON_LINE_M = 1e-3
# Depth of a dent that an outline may have and still be convex.
DENT_M = 1e-6
# Share of its rectangle that a quadrangle fills when it counts as one.
RECTANGULAR = 0.8
# A slope this close to a side of the rectangle runs square to it.
SNAP_DEG = 15.0
# Points of a roof closer than this are one.
SAME_M = 1e-6

# An outline of wings: its sides run along two axes to within 2 degrees, or 15 centimetres where they are
# short; parallel sides closer than half a metre are one. More than so many lines or wings get one roof over
# all.
WING_SKEW, WING_SKEW_M = 0.035, 0.15
WING_MERGE_M = 0.5
WING_LINES = 8
MAX_WINGS = 4
# Share of the outline that its wings may miss or add.
WING_AREA = 0.05
# Corners this far outside a wing still belong to it.
WING_REACH_M = 0.3

# Pieces of a roof that are level with one another to within this become one, unless they have more corners
# than that in all.
LEVEL_M = 1e-3
MAX_MERGED = 600
