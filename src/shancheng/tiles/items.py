"""What the partition has to know of a set of features: where each lies, how big it is, who wins a tie."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Items:
    """Features to be spread over tiles, as arrays of equal length.

    Attributes:
        bounds_deg: West, south, east, north of each feature, shape (n, 4), WGS-84.
        size_m: How much a viewer misses without it: its largest extent, shape (n,); at least 0.
        heights_m: Lowest and highest ellipsoidal height of what is drawn, shape (n, 2).
        tie: Unique number of each feature, shape (n,); the smaller one goes first among equals. A layer's
            `index` serves, so that an incremental build equals a full one whatever the order of rows.
    """

    bounds_deg: npt.NDArray[np.float64]
    size_m: npt.NDArray[np.float64]
    heights_m: npt.NDArray[np.float64]
    tie: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.tie)

    def take(self, rows: npt.NDArray[np.int64]) -> "Items":
        """The items of these rows, in this order."""
        return Items(self.bounds_deg[rows], self.size_m[rows], self.heights_m[rows], self.tie[rows])
