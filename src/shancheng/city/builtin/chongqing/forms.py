"""Own forms of the best-known landmarks: simple, closed, of the right height, told apart at a glance.

A form is a function of a part's length, width, bottom and top in metres; z is 0 at the level of the ground,
and the bottom of what stands on it lies lower, so that no gap opens on a slope. Proportions are by eye from
public pictures; none is surveyed.
"""

from collections.abc import Callable
from typing import Final

from shancheng.city.builtin.chongqing import forms_halls as halls
from shancheng.city.builtin.chongqing import forms_towers as towers
from shancheng.city.builtin.chongqing.shells import Shell

__all__ = ["FORMS", "Form"]

Form = Callable[[float, float, float, float], Shell]
"""Length along, width across, bottom, top; all in metres."""

FORMS: Final[dict[str, Form]] = {
    "bowl": halls.bowl,
    "cable_station": towers.cable_station,
    "chimney": towers.chimney,
    "courtyards": halls.courtyards,
    "crowned": towers.crowned,
    "hip_hall": halls.hip_hall,
    "lattice": towers.lattice,
    "monument": towers.monument,
    "pagoda": towers.pagoda,
    "round_hall": halls.round_hall,
    "sail": towers.sail,
    "ship": halls.ship,
    "stilt_houses": halls.stilt_houses,
    "terraces": halls.terraces,
    "through_block": towers.through_block,
    "tube": towers.tube,
    "vault": halls.vault,
    "wheel": towers.wheel,
}
"""By the word that ``landmark_parts.csv`` has in its column ``form``."""
