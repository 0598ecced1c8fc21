import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.web.negotiation import choose_encoding, matches_etag

BOTH = ("br", "gzip")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], "identity"),
        ([""], "identity"),
        (["gzip, deflate, br, zstd"], "br"),
        (["gzip"], "gzip"),
        (["x-gzip"], "gzip"),
        (["GZIP"], "gzip"),
        (["br;q=0.5, gzip;q=0.8"], "gzip"),
        (["br;q=0.5,gzip ; q=0.5"], "br"),
        (["br;q=0, gzip;q=0"], "identity"),
        (["br;q=0, *"], "gzip"),
        (["*"], "br"),
        (["*;q=0"], "identity"),
        (["identity"], "identity"),
        (["identity;q=0.5, br;q=0.2"], "identity"),
        (["identity;q=0, gzip"], "gzip"),
        (["br;q=nonsense, gzip"], "gzip"),
        (["br;q=7, gzip"], "gzip"),
        (["deflate, zstd"], "identity"),
        (["gzip", "br"], "br"),
        (["br;foo=1;q=0.1, gzip;q=0.2"], "gzip"),
    ],
)
def test_chooses_by_quality_then_by_size(accept: list[str], expected: str) -> None:
    assert choose_encoding(accept, BOTH) == expected


def test_chooses_only_what_exists() -> None:
    assert choose_encoding(["br, gzip"], ("gzip",)) == "gzip"
    assert choose_encoding(["br, gzip"], ()) == "identity"


@given(st.text(max_size=60))
def test_any_header_gives_an_encoding_that_exists(text: str) -> None:
    assert choose_encoding([text], BOTH) in {"br", "gzip", "identity"}


@given(q_br=st.integers(0, 10), q_gzip=st.integers(0, 10))
def test_never_an_encoding_of_quality_zero(q_br: int, q_gzip: int) -> None:
    chosen = choose_encoding([f"br;q={q_br / 10}, gzip;q={q_gzip / 10}"], BOTH)
    quality = {"br": q_br, "gzip": q_gzip, "identity": 1}
    assert quality[chosen] > 0
    assert chosen == "identity" or quality[chosen] == max(q_br, q_gzip)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (['"a"'], True),
        (['W/"a"'], True),
        (['"b", "a"'], True),
        (['"b"', '"a"'], True),
        (["*"], True),
        (['"b"'], False),
        (["a"], False),
        ([], False),
    ],
)
def test_if_none_match_compares_weakly(header: list[str], *, expected: bool) -> None:
    assert matches_etag(header, '"a"') is expected
