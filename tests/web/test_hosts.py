import pytest

from shancheng.errors import SettingError
from shancheng.web.hosts import HostPolicy

LOCAL = HostPolicy.of("127.0.0.1", 8000)


@pytest.mark.parametrize(
    "header", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000", "[0:0:0:0:0:0:0:1]:8000"]
)
def test_answers_to_the_names_of_this_machine(header: str) -> None:
    assert LOCAL.allows(header)


@pytest.mark.parametrize(
    "header",
    [
        "evil.example:8000",
        "localhost.evil.example:8000",
        "127.0.0.1.evil.example:8000",
        "localhost:8001",
        "localhost",
        "127.0.0.1",
        "192.168.0.7:8000",
        "::1:8000",
        "[::1:8000",
        "[::g]:8000",
        "localhost:8000:8000",
        "localhost:",
        "localhost:80000000",
        "localhost:８０００",
        "user@localhost:8000",
        "localhost:8000/",
        " localhost:8000",
        "localhost\t:8000",
        "",
    ],
)
def test_refuses_every_other_name(header: str) -> None:
    assert not LOCAL.allows(header)


def test_the_default_port_is_left_out_of_the_header() -> None:
    assert HostPolicy.of("127.0.0.1", 80).allows("localhost")
    assert HostPolicy.of("127.0.0.1", 80).allows("[::1]")
    assert not HostPolicy.of("127.0.0.1", 8000).allows("localhost")


def test_answers_to_the_host_that_it_listens_on() -> None:
    policy = HostPolicy.of("twin.local", 8000)
    assert policy.allows("Twin.Local:8000")
    assert not policy.allows("other.local:8000")


def test_a_server_on_all_interfaces_answers_to_addresses_but_not_to_names() -> None:
    policy = HostPolicy.of("0.0.0.0", 8000)  # noqa: S104
    assert policy.allows("192.168.0.7:8000")
    assert policy.allows("[fe80::1]:8000")
    assert not policy.allows("192.168.0.7:9000")
    assert not policy.allows("evil.example:8000")


def test_an_allowed_host_without_port_is_allowed_on_any_and_with_port_on_that_one() -> None:
    policy = HostPolicy.of("127.0.0.1", 8000, ("twin.example.org", "other.example.org:8443"))
    assert policy.allows("twin.example.org")
    assert policy.allows("twin.example.org:443")
    assert policy.allows("other.example.org:8443")
    assert not policy.allows("other.example.org")


@pytest.mark.parametrize("text", ["", "http://twin.example.org", "twin.example.org/", "[::1", "a b"])
def test_an_allowed_host_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingError, match="allowed host"):
        HostPolicy.of("127.0.0.1", 8000, (text,))
