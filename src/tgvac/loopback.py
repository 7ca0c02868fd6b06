"""Pages that are served on this machine: which addresses only it reaches, and whether another site is asking."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_names(host: str) -> list[str]:
    """The names under which a page of this machine is opened; under others it is asked for by another site."""
    return ["127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host]


def is_foreign(headers: dict[bytes, bytes]) -> bool:
    """Whether a browser says that a request comes from a page of another site, or from none that it names."""
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2].lower() != headers.get(b"host", b"").lower()
