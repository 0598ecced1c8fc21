"""Outlines of meshes: of faces that share their edges, what is left when each edge cancels its opposite.

It is what a union would give, many times faster, and it knows where it does not hold: where faces overlap or
meet along parts of edges it gives nothing, and a union has to be made.
"""

import contextlib
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import shapely.errors

from shancheng.geo.arrays import FloatArray, IntArray

__all__ = ["mesh_outlines"]

Shapes = npt.NDArray[np.object_]
BoolArray = npt.NDArray[np.bool_]

_PER_METRE = 1000
"""Vertices within the same millimetre are one."""
_FARTHEST = 1 << 30
_SLIT_M2 = 1e-4
_MOST_MEETING = 64


# The library computes with infinities where rings are broken; what comes of it is looked at afterwards.
@np.errstate(invalid="ignore", over="ignore", divide="ignore")
def mesh_outlines(
    xy: FloatArray, ring_start: IntArray, hole: BoolArray, owner: IntArray, n_owners: int
) -> Shapes:
    """Outlines of the faces of each owner.

    Args:
        xy: Vertices of the faces' rings in metres, shape (n, 2); a ring's last does not repeat its first.
        ring_start: First vertex of each ring, shape (n_rings + 1,).
        hole: Which rings are holes, shape (n_rings,).
        owner: Whose each ring is, ascending, shape (n_rings,).
        n_owners: How many there are.

    Returns:
        Valid polygons or multipolygons, None where the faces are no mesh without overlaps, shape (n_owners,).
    """
    shapes: Shapes = np.full(n_owners, None, dtype=object)
    if len(xy) == 0:
        return shapes
    start, end, edge_owner = _edges(xy, ring_start, hole, owner)
    vertex, place = _vertices(xy, owner[_of_vertex(ring_start)])
    left, broken = _left(vertex[start], vertex[end], edge_owner, n_owners)
    first, last, whose = vertex[start[left]], vertex[end[left]], edge_owner[left]
    meeting = _meeting(first, last, whose, n_owners)
    # Where many meet, going through them at each visit takes too long; a union is made.
    touching, broken = meeting > 1, broken | (meeting > _MOST_MEETING)
    unclear = (broken | touching)[whose]
    way, ring = _ways(first[~unclear], last[~unclear])
    ways = [way[begin:end] for begin, end in zip(*_runs(ring), strict=True)]
    for row in np.flatnonzero(touching & ~broken).tolist():
        mine = whose == row
        ways += _traced(first[mine].tolist(), last[mine].tolist(), xy[place])
    _assemble(shapes, ways, xy[place], owner[_of_vertex(ring_start)[place]])
    shapes[broken | ~shapely.is_valid(shapes)] = None
    return shapes


def _of_vertex(ring_start: IntArray) -> IntArray:
    return np.repeat(np.arange(len(ring_start) - 1), np.diff(ring_start))


def _edges(
    xy: FloatArray, ring_start: IntArray, hole: BoolArray, owner: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """First and last vertex and owner of each edge; faces lie to the left."""
    ring = _of_vertex(ring_start)
    start = np.arange(len(xy))
    end = start + 1
    end[ring_start[1:] - 1] = ring_start[:-1]
    local = xy - xy[ring_start[ring]]
    cross = local[start, 0] * local[end, 1] - local[start, 1] * local[end, 0]
    area = np.add.reduceat(cross, ring_start[:-1])
    backwards = ((area > 0) == hole)[ring]
    return np.where(backwards, end, start), np.where(backwards, start, end), owner[ring]


def _vertices(xy: FloatArray, owner: IntArray) -> tuple[IntArray, IntArray]:
    """One number for all vertices of an owner at the same place, and a vertex that stands there."""
    whole = np.clip(np.rint(xy * _PER_METRE), -_FARTHEST, _FARTHEST).astype(np.int64)
    place = (whole[:, 0] + _FARTHEST) * (2 * _FARTHEST + 1) + whole[:, 1] + _FARTHEST
    order = np.lexsort((place, owner))
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (place[order][1:] != place[order][:-1]) | (owner[order][1:] != owner[order][:-1])
    vertex = np.empty(len(order), dtype=np.int64)
    vertex[order] = np.cumsum(new) - 1
    return vertex, order[new]


def _left(start: IntArray, end: IntArray, owner: IntArray, n_owners: int) -> tuple[IntArray, BoolArray]:
    """Edges that no opposite one cancels, and owners of whom an edge is left twice."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    sign = np.where(start < end, 1, -1)
    sign[start == end] = 0
    edge, first, number = np.unique(
        low * (int(high.max()) + 1) + high, return_index=True, return_inverse=True
    )
    net = np.bincount(number, weights=sign, minlength=len(edge)).astype(np.int64)
    broken = np.zeros(n_owners, dtype=np.bool_)
    broken[owner[first[np.abs(net) > 1]]] = True
    # Of the two directions the one that is left over; three of an edge leave one of the majority.
    kept = np.flatnonzero((net[number] == sign) & (sign != 0))
    _, once = np.unique(number[kept], return_index=True)
    return kept[once], broken


def _meeting(start: IntArray, end: IntArray, owner: IntArray, n_owners: int) -> IntArray:
    """How many edges leave one vertex, or arrive there, at most; of each owner."""
    most = np.zeros(n_owners, dtype=np.int64)
    for ends in (start, end):
        _, number, count = np.unique(ends, return_inverse=True, return_counts=True)
        np.maximum.at(most, owner, count[number])
    return most


def _ways(start: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
    """Closed ways along edges, of which one leaves each vertex and one arrives.

    Returns:
        The vertices of one way after the other, and the number of the way of each.
    """
    known = np.sort(start)
    following = np.empty(len(known), dtype=np.int64)
    following[np.searchsorted(known, start)] = np.searchsorted(known, end)
    root, steps = _ranked(following)
    order = np.lexsort((-steps, root))
    return known[order], np.cumsum(np.diff(root[order], prepend=-1) != 0) - 1


def _ranked(following: IntArray) -> tuple[IntArray, IntArray]:
    """The smallest member of the cycle of each, and how many steps lead there: by doubling the stride."""
    root, stride = np.arange(len(following)), following
    doublings = max(len(following).bit_length(), 1)
    for _ in range(doublings):
        root = np.minimum(root, root[stride])
        stride = stride[stride]
    at_root = root == np.arange(len(following))
    steps, stride = np.where(at_root, 0, 1), np.where(at_root, root, following)
    for _ in range(doublings):
        steps = steps + steps[stride]
        stride = stride[stride]
    return root, steps


def _runs(ring: IntArray) -> tuple[list[int], list[int]]:
    """Where each ring begins and ends."""
    begin = np.flatnonzero(np.diff(ring, prepend=-1)).tolist()
    return begin, [*begin[1:], len(ring)] if begin else []


def _traced(start: list[int], end: list[int], xy: FloatArray) -> list[IntArray]:
    """Closed ways where outlines touch: each is cut wherever it comes back to a vertex.

    At such a vertex the next edge is the first one clockwise from the one that arrived, so that the face
    between them is the one on the left; then no two ways cross.
    """
    leaving: dict[int, list[int]] = {}
    for edge, vertex in enumerate(start):
        leaving.setdefault(vertex, []).append(edge)
    ways: list[IntArray] = []
    while leaving:
        vertex = next(iter(leaving))
        path, position = [vertex], {vertex: 0}
        while path and path[-1] in leaving:
            edge = _next_edge(leaving, path, end, xy)
            vertex = end[edge]
            if vertex in position:
                cut = position[vertex]
                ways.append(np.array(path[cut:], dtype=np.int64))
                for gone in path[cut + 1 :]:
                    del position[gone]
                del path[cut + 1 :]
            else:
                position[vertex] = len(path)
                path.append(vertex)
    return [way for way in ways if len(way) > 2]  # noqa: PLR2004 - there and back encloses nothing


def _next_edge(leaving: dict[int, list[int]], path: list[int], end: list[int], xy: FloatArray) -> int:
    """Take the edge that goes on from the end of the path."""
    vertex = path[-1]
    edges = leaving[vertex]
    chosen = 0
    if len(edges) > 1 and len(path) > 1:
        back = _direction(xy, vertex, path[-2])
        turns = [(back - _direction(xy, vertex, end[edge])) % (2 * math.pi) for edge in edges]
        chosen = turns.index(min(turns))
    edge = edges.pop(chosen)
    if not edges:
        del leaving[vertex]
    return edge


def _direction(xy: FloatArray, vertex: int, other: int) -> float:
    return math.atan2(xy[other, 1] - xy[vertex, 1], xy[other, 0] - xy[vertex, 0])


def _assemble(shapes: Shapes, ways: list[IntArray], xy: FloatArray, owner_of_vertex: IntArray) -> None:
    """Polygons from closed ways, in place: outlines run to the left around their area, holes to the right."""
    if not ways:
        return
    owner = owner_of_vertex[[way[0] for way in ways]]
    way = np.concatenate(ways)
    ring = np.repeat(np.arange(len(ways)), [len(one) for one in ways])
    lines: Any = shapely.linearrings(xy[way], indices=ring)
    # Where a face ends in the middle of another's edge, a slit is left that has no area.
    wide = shapely.area(shapely.polygons(lines)) >= _SLIT_M2
    lines, owner = lines[wide], owner[wide]
    outline = shapely.is_ccw(lines)
    outlines = np.bincount(owner[outline], minlength=len(shapes))
    order = np.lexsort((~outline, owner))
    simple = order[(outlines == 1)[owner[order]]]
    if len(simple):
        number = np.unique(owner[simple], return_inverse=True)[1]
        rings: Any = lines[simple]
        shapes[outlines == 1] = shapely.polygons(rings, indices=number)
    for row in np.flatnonzero(outlines > 1).tolist():
        mine = owner == row
        if outline[mine].all():
            shapes[row] = shapely.multipolygons(shapely.polygons(lines[mine]))
        else:
            # Which hole lies in which outline is for the library to find.
            with contextlib.suppress(shapely.errors.GEOSException):
                shapes[row] = shapely.build_area(shapely.multilinestrings(lines[mine]))
