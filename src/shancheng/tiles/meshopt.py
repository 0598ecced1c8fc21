"""The encoder of EXT_meshopt_compression, as far as tiles use it.

Source:
    EXT_meshopt_compression, appendices A (bitstreams; vertex codec version 0, index codec version 1) and B
    (filters).
"""

from typing import Any, cast

import meshopt
import numpy as np
import numpy.typing as npt

# Bitstream version 0 is what EXT_meshopt_compression specifies; version 1 belongs to KHR_meshopt_compression.
_VERTEX_VERSION = 0
# Level 2 of 3: level 3 costs a third more time for less than one per cent.
_LEVEL = 2
_MANTISSA_BITS = 24
_MANTISSA_MASK = (1 << _MANTISSA_BITS) - 1


def encode_vertices(rows: npt.NDArray[Any]) -> bytes:
    """Compress vertex rows, shape (v, k), each a multiple of four bytes."""
    return cast("bytes", meshopt.encode_vertex_buffer_level(rows, _LEVEL, _VERTEX_VERSION))


def encode_indices(indices: npt.NDArray[np.uint32]) -> bytes:
    """Compress triangles, shape (3 t,); decoding may turn a triangle's corners, never its sense."""
    return cast("bytes", meshopt.encode_index_buffer(indices))


def exponential(steps: npt.NDArray[np.int32], quantum_m: float) -> npt.NDArray[np.int32]:
    """Multiples of a power of two in the exponential filter's form: 24 bits of mantissa, 8 of exponent.

    Args:
        steps: Whole steps, shape (v, k), each within 24 bits (262 km at 1/32 m).
        quantum_m: Length of a step, a power of two.

    Returns:
        int32 rows that decode to exactly `steps * quantum_m` in float32.
    """
    exponent = int(np.log2(quantum_m))
    return ((steps & _MANTISSA_MASK) | (exponent << _MANTISSA_BITS)).astype(np.int32)
