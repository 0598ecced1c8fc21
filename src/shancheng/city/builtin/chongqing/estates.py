"""Estates: patches of about two hectares that were built at one time, by one plan, as one kind of houses.

What stands beside each other in a city is alike: the estate, not the single house, has a form, sizes and
floors. Here the patches are laid out and given their form; ``lots.py`` fills them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.field import Mesh, UrbanField

__all__ = ["CAMPUS", "CORE", "FORMS", "HALL", "OLD", "SLAB", "TOWER", "WALKUP", "Estates", "lay_estates"]

FORMS: Final = ("old", "walkup", "slab", "tower", "core", "hall", "campus")
OLD, WALKUP, SLAB, TOWER, CORE, HALL, CAMPUS = range(7)
"""Old or village houses; brick blocks of up to nine floors without a lift; longer and taller slabs; towers of
homes; towers on podiums in the centres; halls; schools, hospitals and universities."""

STEP_M: Final = 165.0
JITTER: Final = 0.42
UNLIKE: Final = 0.26
"""How much neighbouring estates differ in height, against a field from 0 to 1."""
SHARES: Final = ((OLD, 0.055), (WALKUP, 0.265), (SLAB, 0.31), (TOWER, 0.31), (CORE, 0.06))
"""Of the estates, from where little is wanted to where much is, each weighted by how dense it is."""
CORE_LEAST_HEIGHT: Final = 0.5
SCHOOLS: Final = 0.035

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Estates:
    """Patches on a jittered grid, every place belonging to the nearest seed.

    ``seed_xy`` has shape (n, n, 2); the others (n, n). ``form`` indexes ``FORMS``; ``density`` is the
    field's, ``height`` too, with the estate's own part; ``draw`` (n, n, 6) are numbers from 0 to 1 that
    decide the estate's plan.
    """

    mesh: Mesh
    seed_xy: FloatArray
    form: IntArray
    density: FloatArray
    height: FloatArray
    draw: FloatArray

    def at(self, xy: FloatArray) -> IntArray:
        """Flat number of the estate of each point, shape (n,)."""
        row, col = self.mesh.nearest(xy)
        best, nearest = np.full(len(xy), np.inf), np.zeros(len(xy), dtype=np.int64)
        for d_row in (-1, 0, 1):
            for d_col in (-1, 0, 1):
                r = np.clip(row + d_row, 0, self.mesh.n - 1)
                c = np.clip(col + d_col, 0, self.mesh.n - 1)
                squared = ((self.seed_xy[r, c] - xy) ** 2).sum(axis=1)
                closer = squared < best
                best, nearest = (
                    np.where(closer, squared, best),
                    np.where(closer, r * self.mesh.n + c, nearest),
                )
        return nearest


def lay_estates(field: UrbanField, rng: np.random.Generator) -> Estates:
    """Estates over the whole field, each with a form that suits its place."""
    side = field.mesh.step_m * (field.mesh.n - 1)
    mesh = Mesh(field.mesh.west_m, field.mesh.south_m, STEP_M, int(side / STEP_M) + 2)
    seed_xy = mesh.xy + rng.uniform(-JITTER, JITTER, (mesh.n, mesh.n, 2)) * STEP_M
    here = field.mesh.nearest(seed_xy)
    height = field.height[here] + rng.normal(0, UNLIKE, (mesh.n, mesh.n))
    draw = rng.random((mesh.n, mesh.n, 6))
    form = _forms(height, field.density[here])
    form[(form == CORE) & (field.height[here] < CORE_LEAST_HEIGHT)] = TOWER
    dice = rng.random((4, mesh.n, mesh.n))
    form[dice[0] < SCHOOLS] = CAMPUS
    form[dice[1] < 0.8 * field.campus[here]] = CAMPUS
    form[dice[2] < 0.85 * field.works[here]] = HALL
    form[dice[3] < 1.5 * (field.old[here] - 0.25)] = OLD
    return Estates(mesh, seed_xy, form, field.density[here], height, draw)


def _forms(height: FloatArray, density: FloatArray) -> IntArray:
    """The form of each estate by its height's rank."""
    order = np.argsort(height, axis=None)
    share = np.empty(height.size)
    share[order] = np.cumsum(density.ravel()[order]) / max(float(density.sum()), 1e-9)
    bounds = np.cumsum([part for _, part in SHARES])[:-1]
    forms = np.array([form for form, _ in SHARES])
    return np.asarray(forms[np.searchsorted(bounds, share)].reshape(height.shape))
