"""Which Host headers are ours: the guard against DNS rebinding.

A page of a stranger can make its own name resolve to 127.0.0.1 and then read what a local server answers,
as of the same origin; but its requests still carry the stranger's name in Host. So only known names are
answered. A Host that is an IP address cannot be rebound, therefore any address is answered where the server
listens on all of them.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from shancheng.errors import SettingError

__all__ = ["HostPolicy"]

LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "::1")
WILDCARDS: Final = ("0.0.0.0", "::", "")  # noqa: S104 -- compared with, never bound to
DEFAULT_PORT: Final = 80
# RFC 3986, 3.2.2: a literal in brackets, or a name; then an optional port.
HOST: Final = re.compile(
    r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True)
class HostPolicy:
    """The names that the server answers to.

    ``exact`` pairs a name with its port; ``any_port`` are names behind a proxy, whose port is not ours.
    """

    port: int
    exact: frozenset[tuple[str, int]]
    any_port: frozenset[str]
    any_address: bool

    @classmethod
    def of(cls, host: str, port: int, allowed_hosts: tuple[str, ...] = ()) -> "HostPolicy":
        """The policy of a server that listens on ``host`` and ``port``.

        Raises:
            SettingError: An allowed host is neither ``name`` nor ``name:port``.
        """
        exact = {(name, port) for name in LOCAL_NAMES} | {(_normal(host), port)}
        any_port = set()
        for text in allowed_hosts:
            name, named_port = _split(text)
            if name is None:
                raise SettingError(f"allowed host {text!r}: must be a name or name:port, as twin.example.org")
            if named_port is None:
                any_port.add(name)
            else:
                exact.add((name, named_port))
        return cls(port, frozenset(exact), frozenset(any_port), host in WILDCARDS)

    def allows(self, header: str) -> bool:
        """Whether a request with this Host header is for us."""
        name, named_port = _split(header)
        if name is None:
            return False
        port = DEFAULT_PORT if named_port is None else named_port
        if (name, port) in self.exact or name in self.any_port:
            return True
        return self.any_address and port == self.port and _is_address(name)


def _split(text: str) -> tuple[str | None, int | None]:
    """Name in its normal form and port; the name is None where the text is no host."""
    match = HOST.fullmatch(text)
    if match is None:
        return None, None
    if match["literal"] is not None and not _is_address(match["literal"]):
        return None, None
    port = match["port"]
    return _normal(match["literal"] or match["name"]), None if port is None else int(port)


def _normal(name: str) -> str:
    """Lower case; an IPv6 address in its one shortest form."""
    bare = name.strip("[]").lower()
    return str(ipaddress.ip_address(bare)) if _is_address(bare) else bare


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
