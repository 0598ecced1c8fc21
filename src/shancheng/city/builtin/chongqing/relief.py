"""The relief that 0.9 km elevations do not show: hills, side valleys, gullies down the flanks, crest troughs.

All of it is modelled. Where it goes follows the measured shape: flanks get gullies, crests get troughs.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.builtin.chongqing.extent import PLANE, Grid
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.surfaces import Float32Array, gradient

__all__ = ["Detail", "relief"]

NOISE_SIZE: Final = 2048
STRIKE_AZIMUTH_DEG: Final = 18.0
"""Direction of the parallel ridges, east of north; gullies run across it."""
GULLY_STRETCH: Final = 2.6
LONGEST_M, SHORTEST_M = 1900.0, 170.0
VALLEY_M: Final = 17.0
LONGEST_VALLEY_M, SHORTEST_VALLEY_M = 3200.0, 330.0
"""How much the side valleys are cut in, about; the waves that they are made of."""
CALM_M: Final = 900.0
CREST_RISE_M: Final = 90.0
CREST_BLUR, THIN = 120, 4
TROUGH_M: Final = 36.0
TROUGH_SLOPE: Final = 0.12
"""Along their crests the limestone of the ridges is dissolved to a trough between two rims: where the crest
rises this far above its surroundings (means over 7 km square) and is less steep than this, across strike."""
MIX_REACH_M: Final = 420.0
MIX_M: Final = 16.0
"""A 0.9 km cell on a bank is partly water: how much higher its land lies than the cell, at the bank."""


def relief(elevation_m: Float32Array) -> Float32Array:
    """How far the ground rises above its surroundings, the mean over 7 km square; negative in valleys."""
    rows = slice(0, elevation_m.shape[0])
    return elevation_m - _filled_in(_wide_mean(elevation_m), rows, elevation_m.shape[1])


@dataclass(frozen=True)
class Detail:
    """What is added to the measured surface.

    Hills and small valleys everywhere, gullies down the flanks, troughs along the crests. ``hills``,
    ``valleys`` and ``gullies`` are square fields that repeat; ``wide_mean`` is that of the surface, at every
    fourth sample.
    """

    coarse: Float32Array
    grid: Grid
    wide_mean: Float32Array
    hills: Float32Array
    valleys: Float32Array
    gullies: Float32Array

    @classmethod
    def drawn(cls, coarse: Float32Array, grid: Grid, rng: np.random.Generator) -> "Detail":
        """The detail of a surface; equal states of ``rng`` give equal detail."""
        return cls(coarse, grid, _wide_mean(coarse), *_noises(grid, rng))

    def surface(self, rows: slice, rivers: RiverField) -> Float32Array:
        """Rows of the surface with all detail; less near the rivers, where the city levelled the ground."""
        coarse = self.coarse[rows]
        bank_m = rivers.bank_m[rows]
        rise_north, rise_east = self._gradient(rows)
        steepness = np.hypot(rise_east, rise_north)
        valleys = _repeated(self.valleys, rows, self.grid.n_cols)
        # Valley floors are smooth, what stands between them is rough.
        detail = _repeated(self.hills, rows, self.grid.n_cols) * (5 + 36 * steepness)
        detail *= np.clip(0.75 + 0.6 * valleys, 0.4, 1.5)
        detail += valleys * np.float32(VALLEY_M)
        detail += _repeated(self.gullies, rows, self.grid.n_cols) * np.clip(150 * steepness - 3, 0, 42)
        detail *= np.clip(bank_m / np.float32(CALM_M), 0.15, 1)
        detail -= self._troughs(rows, rise_north, rise_east)
        detail += MIX_M * np.exp(-((np.maximum(bank_m, 0) / np.float32(MIX_REACH_M)) ** 2))
        return np.asarray(coarse + detail)

    def _gradient(self, rows: slice) -> tuple[Float32Array, Float32Array]:
        # A row more on each side: differences within the grid are then central ones in every band.
        first, last = max(0, rows.start - 1), min(self.grid.n_rows, rows.stop + 1)
        own = slice(rows.start - first, rows.stop - first)
        rise_north, rise_east = gradient(self.coarse[first:last], self.grid)
        return rise_north[own], rise_east[own]

    def _troughs(self, rows: slice, rise_north: Float32Array, rise_east: Float32Array) -> Float32Array:
        """How deep the troughs along the ridges' crests are."""
        strike = np.radians(STRIKE_AZIMUTH_DEG)
        across = rise_east * np.float32(np.cos(strike)) - rise_north * np.float32(np.sin(strike))
        prominence = self.coarse[rows] - _filled_in(self.wide_mean, rows, self.grid.n_cols)
        on_crest = np.clip((prominence - np.float32(CREST_RISE_M)) / np.float32(CREST_RISE_M), 0, 1)
        gentle = np.exp(-((across / np.float32(TROUGH_SLOPE)) ** 2))
        return np.asarray(np.float32(TROUGH_M) * on_crest * gentle)


def _wide_mean(values: Float32Array) -> Float32Array:
    """Mean over a square of ``2 CREST_BLUR + 1`` samples, at every fourth sample."""
    thin = values[::THIN, ::THIN].astype(np.float64)
    reach = CREST_BLUR // THIN
    for axis in (0, 1):
        pad = [(reach + 1, reach) if a == axis else (0, 0) for a in (0, 1)]
        total = np.cumsum(np.pad(thin, pad, mode="edge"), axis=axis)
        n = thin.shape[axis]
        after = np.take(total, range(2 * reach + 1, 2 * reach + 1 + n), axis=axis)
        thin = (after - np.take(total, range(n), axis=axis)) / (2 * reach + 1)
    return thin.astype(np.float32)


def _filled_in(thin: Float32Array, rows: slice, n_cols: int) -> Float32Array:
    """Some rows at every sample, linear between every fourth."""
    row, row_share = _between_thin(np.arange(rows.start, rows.stop), thin.shape[0])
    col, col_share = _between_thin(np.arange(n_cols), thin.shape[1])
    lines = thin[row] + row_share[:, None] * (thin[row + 1] - thin[row])
    return np.asarray(lines[:, col] + col_share * (lines[:, col + 1] - lines[:, col]))


def _between_thin(at: npt.NDArray[np.int64], n_thin: int) -> tuple[npt.NDArray[np.int64], Float32Array]:
    """The thin sample before each sample, and how far on to the next it lies."""
    before = np.minimum(at // THIN, n_thin - 2)
    return before, np.minimum((at - before * THIN) / THIN, 1.0).astype(np.float32)


def _noises(grid: Grid, rng: np.random.Generator) -> list[Float32Array]:
    """Noise for hills, for the valleys between them and, drawn out across strike, for the gullies.

    Hills have unit deviation, the others are creased and of mean zero. They repeat every 63 km; what they are
    multiplied with does not.
    """
    step_m = PLANE.metres_per_degree[1] * grid.step_deg
    ky = np.fft.fftfreq(NOISE_SIZE, step_m).astype(np.float32)[:, None]
    kx = np.fft.rfftfreq(NOISE_SIZE, step_m).astype(np.float32)[None, :]
    strike = np.radians(STRIKE_AZIMUTH_DEG)
    # Rows grow southwards: ky counts south.
    along = kx * np.float32(np.sin(strike)) - ky * np.float32(np.cos(strike))
    across = kx * np.float32(np.cos(strike)) + ky * np.float32(np.sin(strike))
    white = np.fft.rfft2(rng.standard_normal((NOISE_SIZE, NOISE_SIZE), dtype=np.float32))
    even, drawn_out = np.hypot(kx, ky), np.hypot(along, across * np.float32(GULLY_STRETCH))
    hills = _filtered(white, even, -2.3, (LONGEST_M, SHORTEST_M))
    valleys = _creased(_filtered(white * np.complex64(1j), even, -2.6, (LONGEST_VALLEY_M, SHORTEST_VALLEY_M)))
    gullies = _creased(_filtered(white.conj(), drawn_out, -1.9, (LONGEST_M, SHORTEST_M)))
    return [hills, valleys, gullies]


def _creased(field: Float32Array) -> Float32Array:
    """A crease where the noise changes sign: valleys are sharp, crests are round."""
    folded = np.abs(field)
    return np.asarray(folded - folded.mean())


def _repeated(tile: Float32Array, rows: slice, n_cols: int) -> Float32Array:
    """Some rows of a field that fits to itself at its edges, as often as the grid needs it."""
    band = tile[np.arange(rows.start, rows.stop) % NOISE_SIZE]
    return np.asarray(np.tile(band, (1, -(-n_cols // NOISE_SIZE)))[:, :n_cols])


def _filtered(
    spectrum: npt.NDArray[np.complexfloating], wave: Float32Array, power: float, waves_m: tuple[float, float]
) -> Float32Array:
    """Noise whose amplitude falls with the wave number between the longest and the shortest wave."""
    longest_m, shortest_m = waves_m
    safe = np.maximum(wave, np.float32(1e-9))
    band = safe ** np.float32(power) * np.exp(-((np.float32(1 / longest_m) / safe) ** 4))
    band *= np.exp(-((wave * np.float32(shortest_m)) ** 2))
    field = np.fft.irfft2(spectrum * band, s=(NOISE_SIZE, NOISE_SIZE)).astype(np.float32)
    return np.asarray(field / field.std())
