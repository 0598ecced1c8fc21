"""What each building of a layer is drawn as: a prism, walls under a pitched roof, or the solid of its source.

Most buildings are prisms, which the tiler extrudes in place. The meshes of the others are made when their
tile is written, so that a layer of any size needs no more memory for them; what the partition has to know
before, where a solid lies, is measured here.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shancheng.tiles.lod2 import Solids, read_solids
from shancheng.tiles.meshes import Meshes
from shancheng.tiles.notes import Note, Notes, totals
from shancheng.tiles.roofs import Roofs, read_roofs

if TYPE_CHECKING:
    import pyarrow as pa

    from shancheng.tiles.footprints import Footprints

__all__ = ["FORM_COLUMNS", "PRISM", "ROOF", "SOLID", "Forms", "build_meshes", "read_forms"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

PRISM, ROOF, SOLID = range(3)
# What is read of a layer to know its forms; a layer may lack them.
FORM_COLUMNS = (
    "roof_shape",
    "roof_height_m",
    "roof_direction_deg",
    "roof_orientation",
    "lod2_geometry",
    "lod2_textures",
    "lod2_uv",
)


@dataclass(frozen=True, slots=True)
class Forms:
    """The form of each of n buildings.

    Attributes:
        form: `PRISM`, `ROOF` or `SOLID`, uint8, shape (n,).
        roofs: Of all rows, or None where no row has one.
        solids: Likewise.
        notes: What is drawn in a simpler form than its row asks for.
    """

    form: npt.NDArray[np.uint8]
    roofs: Roofs | None = None
    solids: Solids | None = None
    notes: list[Note] = field(default_factory=list)

    @property
    def all_prisms(self) -> bool:
        """Whether no building needs a mesh."""
        return self.roofs is None and self.solids is None

    def counts(self, rows: IntArray) -> dict[str, int]:
        """For the layer's report: how many of some rows have a roof or are solids, and `notes`."""
        kinds = {
            "roofs": int(np.count_nonzero(self.form[rows] == ROOF)),
            "solids": int(np.count_nonzero(self.form[rows] == SOLID)),
        }
        return {**{name: count for name, count in kinds.items() if count}, **totals(self.notes)}

    def place(self, rows: IntArray, bounds_deg: FloatArray, heights_m: FloatArray) -> IntArray:
        """Put solids where they are: what is known of the others comes from footprints and ground.

        Args:
            rows: Some rows, shape (k,).
            bounds_deg: In and out: west, south, east, north of each of them, shape (k, 4).
            heights_m: In and out: lowest and highest ellipsoidal height of all rows, shape (n, 2).

        Returns:
            Which of the k are solids.
        """
        solid = np.flatnonzero(self.form[rows] == SOLID)
        if self.solids is not None:
            places = self.solids.places(rows[solid])
            bounds_deg[solid] = self.solids.bounds_deg[places]
            heights_m[rows[solid]] = self.solids.heights_m[places]
        return solid


def read_forms(table: "pa.Table", footprints: "Footprints") -> Forms:
    """Forms of all rows of a table or of any part of one.

    Args:
        table: A layer of buildings; columns that it lacks hold nothing.
        footprints: Of its rows.
    """
    form = np.zeros(len(table), np.uint8)
    notes = Notes()
    roofs = read_roofs(table, footprints, notes)
    if roofs is not None:
        form[roofs.drawn] = ROOF
    solids = read_solids(table, notes)
    if solids is not None:
        form[solids.drawn] = SOLID
    return Forms(form, roofs, solids, notes.entries)


def build_meshes(forms: Forms, rows: IntArray, footprints: "Footprints", heights_m: FloatArray) -> Meshes:
    """Meshes of those of some rows that are no prisms, in the order of the rows but roofs before solids.

    Args:
        forms: Of the whole table.
        rows: Any of its rows, each good and placed.
        footprints: Of the whole table.
        heights_m: Ellipsoidal heights of bottom and top of each row of the table, shape (n, 2).
    """
    form = forms.form[rows]
    parts = []
    if forms.roofs is not None:
        parts.append(forms.roofs.build(rows[form == ROOF], footprints, heights_m))
    if forms.solids is not None:
        parts.append(forms.solids.build(rows[form == SOLID]))
    return Meshes.joined(parts)
