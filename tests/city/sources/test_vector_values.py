"""What readers of tables share: JSON of columns, values of any type, ids, guesses, cutting lines."""

import math
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from shancheng.city.schema import LAYERS
from shancheng.city.sources import vector_attributes, vector_values
from shancheng.city.sources.vector_attributes import fragments, json_text, map_fragments, objects, sized
from shancheng.city.sources.vector_columns import choose_columns, fields_of, guess, normalised
from shancheng.city.sources.vector_ids import unique
from shancheng.city.sources.vector_shapes import plain_wkb
from shancheng.city.sources.vector_text import encoding_of
from shancheng.errors import SettingError

# --- JSON of columns

LEAVES = st.sampled_from([pa.int64(), pa.float64(), pa.string(), pa.bool_()])
NAMES = st.text(max_size=3, alphabet='ab"\\é')
TYPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(pa.list_),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda fields: pa.struct(list(fields.items()))),
        inner.map(lambda item: pa.map_(pa.string(), item)),
    ),
    max_leaves=4,
)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    if pa.types.is_int64(kind):
        found: Any = st.integers(-(2**63), 2**63 - 1)
    elif pa.types.is_floating(kind):
        found = st.floats()
    elif pa.types.is_string(kind):
        found = st.text(max_size=5)
    elif pa.types.is_boolean(kind):
        found = st.booleans()
    elif pa.types.is_map(kind):
        found = st.dictionaries(st.text(max_size=3), values_of(kind.item_type), max_size=3).map(
            lambda d: list(d.items())
        )
    elif pa.types.is_list(kind):
        found = st.lists(values_of(kind.value_type), max_size=3)
    else:
        found = st.fixed_dictionaries({field.name: values_of(field.type) for field in kind})
    return st.one_of(st.none(), found)


def expected(kind: Any, value: Any) -> Any:
    """What JSON says of a value: no NaN, and no keys without a value."""
    if value is None:
        return None
    if pa.types.is_floating(kind):
        return value if math.isfinite(value) else None
    if pa.types.is_list(kind):
        return [expected(kind.value_type, item) for item in value]
    if pa.types.is_map(kind):
        pairs = {key: expected(kind.item_type, item) for key, item in value}
    elif pa.types.is_struct(kind):
        pairs = {key: expected(kind.field(key).type, item) for key, item in value.items()}
    else:
        return value
    return {key: item for key, item in pairs.items() if item is not None}


@settings(max_examples=150)
@given(st.data())
def test_json_of_any_column_is_read_back(data: st.DataObject) -> None:
    kind = data.draw(TYPES)
    values = data.draw(st.lists(values_of(kind), max_size=5))
    start = data.draw(st.integers(0, 2))
    text = json_text(pa.array(values, kind)[start:])
    assert text is not None
    found = [None if one is None else orjson.loads(one) for one in text.to_pylist()]
    assert found == [expected(kind, value) for value in values[start:]]


def test_objects_leave_out_nulls_and_bytes() -> None:
    columns = {
        "a": pa.array([1, None, None]),
        'b"': pa.array(["x", "y", None]),
        "c": pa.array([b"x", b"y", b"z"]),
    }
    parts = fragments(columns)
    assert list(parts) == ["a", 'b"']
    assert objects(parts, 3).to_pylist() == ['{"a":1,"b\\"":"x"}', '{"b\\"":"y"}', None]
    assert objects({}, 2).to_pylist() == [None, None]


def test_maps_without_some_keys() -> None:
    column = pa.array([[("k", "v"), ("x", "1")], [("x", "2")], None, []], pa.map_(pa.string(), pa.string()))
    assert map_fragments(column[0:3], ["x"]).to_pylist() == [',"k":"v"', None, None]
    assert map_fragments(column[1:]).to_pylist() == [',"x":"2"', None, None]


def test_text_that_claims_to_be_json() -> None:
    column = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": [1, 2]}', "q", None, "{", "3"]))
    text = json_text(column)
    assert text is not None
    assert text.to_pylist() == ['{"a":[1,2]}', '"q"', None, '"{"', "3"]


def test_rows_that_say_too_much() -> None:
    text = pa.array(
        [
            "x" * vector_attributes.MAX_ATTRIBUTES_BYTES,
            "x" * (vector_attributes.MAX_ATTRIBUTES_BYTES + 1),
            None,
        ]
    )
    kept, long = sized(text)
    assert long == 1
    assert [one is None for one in kept.to_pylist()] == [False, True, True]


# --- values


def test_numbers_are_numbers_or_rejected() -> None:
    column = pa.array(["1", " 2.5 ", "-3e2", "1,5", "0x1F", "nan", "", None, "1e999", "12 m"])
    found = vector_values.numbers(column)
    np.testing.assert_array_equal(found.column, [1, 2.5, -300] + [np.nan] * 7)
    assert found.rejected.tolist() == [False] * 3 + [True] * 3 + [False] * 2 + [True] * 2
    ranged = vector_values.numbers(pa.array([1, 5, None, 9]), 2, 6)
    np.testing.assert_array_equal(ranged.column, [np.nan, 5, np.nan, np.nan])
    assert ranged.rejected.tolist() == [True, False, False, True]


def test_lengths_may_name_their_unit() -> None:
    found = vector_values.lengths(pa.array(["10", "40 ft", "1200 cm", "tall", None]), 0.1, 1000)
    np.testing.assert_allclose(found.column, [10, 12.192, 12, np.nan, np.nan])
    assert found.rejected.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("column", "truth"),
    [
        (
            pa.array(["T", "F", "yes", "no", "1", "0", "viaduct", None, " ", "否", "building_passage"]),
            [1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0],
        ),
        (pa.array([True, False, None]), [1, 0, 0]),
        (pa.array([2, 0, None]), [1, 0, 0]),
        (pa.array([1.0, float("nan")]), [1, 0]),
    ],
)
def test_words_of_truth(column: Any, truth: list[int]) -> None:
    assert vector_values.truths(column).tolist() == [bool(one) for one in truth]


def test_times_are_utc() -> None:
    found = vector_values.times(
        pa.array(["2024-02-30", "2024-05-01", "2024-05-01T12:00:00+08:00", None, "soon"])
    )
    shown = [None if one is None else one.isoformat() for one in found.column.to_pylist()]
    assert shown == [None, "2024-05-01T00:00:00+00:00", "2024-05-01T04:00:00+00:00", None, None]
    assert found.rejected.tolist() == [True, False, False, False, True]


def test_angles_lists_and_colours() -> None:
    found = vector_values.angles(pa.array(["0;120;240", "90", "0 / 45", "361", "north", None, ""]))
    assert found.column.to_pylist() == [[0, 120, 240], [90], [0, 45], None, None, None, None]
    assert found.rejected.tolist() == [False, False, False, True, True, False, False]
    assert vector_values.angles(pa.array([12.5, None])).column.to_pylist() == [[12.5], None]
    assert vector_values.lists(pa.array(["1;2、3", "a b", None])).to_pylist() == [
        ["1", "2", "3"],
        ["a b"],
        None,
    ]
    colours = vector_values.colours(pa.array(["#FFAA00", "00ff00", "red", None]))
    assert colours.column.to_pylist() == ["#ffaa00", "#00ff00", None, None]
    assert colours.rejected.tolist() == [False, False, True, False]


# --- names, ids, bytes


def test_guesses_go_by_names_in_order_of_preference() -> None:
    assert normalised("Building:Levels ") == "buildinglevels"
    assert guess(("height_m", "height"), ["HEIGHT", "Height_M"]) == "Height_M"
    assert guess(("height",), ["heightft", "roof_height"]) is None
    mapped = choose_columns(fields_of("buildings"), ["type", "class", "name"], {"kind": "type"}, "a")
    assert mapped.theirs == {"kind": "type", "name": "name"}


def test_no_guess_speaks_of_feet_and_all_layers_have_fields() -> None:
    for layer in LAYERS:
        fields = fields_of(layer)
        assert {"id", "kind", "name"} <= set(fields)
        names = [normalised(name) for candidates in fields.values() for name in candidates]
        assert not [name for name in names if name.endswith(("ft", "feet", "foot", "inch"))]
    with pytest.raises(SettingError):
        fields_of("houses")


def test_unique_ids_never_collide() -> None:
    ids, changed, example = unique(pa.array(["a", "b", "a", "a~2", "a", "b"]))
    assert ids.to_pylist() == ["a", "b", "a~3", "a~2", "a~4", "b~2"]
    assert (changed, example) == (3, "a")
    assert unique(pa.array([], pa.string()))[1] == 0


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["a", "a~2", "a~2~2", "b", "a~3"]), max_size=12))
def test_unique_ids_of_any_list(words: list[str]) -> None:
    ids, changed, _ = unique(pa.array(words, pa.string()))
    found = ids.to_pylist()
    assert len(set(found)) == len(words)
    assert changed == len(words) - len(set(words))
    assert set(words) <= set(found)


def test_plain_bytes_stay_and_others_are_written_anew() -> None:
    shapes = np.array(
        [
            shapely.Point(1, 2),
            shapely.Point(1, 2, 3),
            shapely.box(0, 0, 1, 1),
            shapely.MultiPoint([(1, 2), (3, 4)]),
        ],
        dtype=object,
    )
    wkb = [
        shapely.to_wkb(shapes[0]),
        shapely.to_wkb(shapes[1], output_dimension=3),
        shapely.to_wkb(shapes[2], byte_order=0),
        shapely.to_wkb(shapes[3]),
    ]
    plain = shapely.to_wkb(shapes, byte_order=1, output_dimension=2).tolist()
    for kind in (pa.binary(), pa.large_binary()):
        assert plain_wkb(shapes, pa.array([b"skip", *wkb], kind)[1:]).to_pylist() == plain
    assert plain_wkb(shapes, None).to_pylist() == plain
    assert plain_wkb(shapes[:0], pa.array([], pa.binary())).to_pylist() == []


def test_encodings_are_found_out() -> None:
    for text, name in (("重庆", "gb18030"), ("重庆", "utf-8"), ("plain", "utf-8")):
        found = encoding_of(text.encode(name), whole=True)
        assert found is not None
        assert found.name == name
    assert encoding_of("été à Genève".encode("latin-1"), whole=True) is None
    assert encoding_of("重庆".encode()[:-1], whole=True) is None
    cut = encoding_of("重庆".encode()[:-1], whole=False)
    assert cut is not None
    assert cut.name == "utf-8"
