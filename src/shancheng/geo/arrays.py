"""Names for the array types that `geo` takes and gives."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
MortonArray = npt.NDArray[np.uint64]
