"""Who may call a server of ours: the address it listens on, the key, the Host it is called by, the page that calls.

Shared by the doors that listen: without a key only this machine is served, and never a web page of another site
(which could otherwise reach us through a name that it makes point here, "DNS rebinding").
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import socket
from collections.abc import Collection, Mapping
from functools import lru_cache
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from llm_router.errors import RefusedError, UsageError
from llm_router.settings import GatewaySettings

ACCESS_KEY = "LLM_ROUTER_ACCESS_KEY"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
WILDCARDS = ("0.0.0.0", "::")


class Keys:
    """The keys that open a server, by name. Compared as digests in constant time, each with each."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._digests = {name: _digest(key.encode()) for name, key in keys.items() if key}

    @classmethod
    def of(cls, settings: GatewaySettings) -> Keys:
        keys = {name: key.get_secret_value() for name, key in settings.access_keys.items()}
        if settings.access_key is not None:
            keys["default"] = settings.access_key.get_secret_value()
        return cls(keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def name_of(self, headers: Mapping[bytes, bytes], query: bytes = b"") -> str | None:
        """Whose key was shown: in `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `?key=`; None if no one's."""
        found = None
        for given in _shown(headers, query):
            digest = _digest(given)
            for name, known in self._digests.items():
                if hmac.compare_digest(digest, known):
                    found = name
        return found


def _shown(headers: Mapping[bytes, bytes], query: bytes) -> list[bytes]:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    shown = [token.strip()] if scheme.lower() == b"bearer" else []
    shown += [headers[name] for name in (b"x-api-key", b"x-goog-api-key") if name in headers]
    if b"key=" in query:
        shown += parse_qs(query).get(b"key", [])
    return shown


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def key_needed() -> RefusedError:
    return RefusedError(401, f"an access key is needed: Authorization: Bearer ${ACCESS_KEY}")


def check_address(host: str, keys: Keys) -> None:
    """Raises UsageError where the address is open to others and no key protects it."""
    if not (keys or is_loopback(host)):
        raise UsageError(
            f"{host} can be reached from other machines, and no access key is set",
            fix=f"export {ACCESS_KEY}=<a long random text>, or leave --host out to serve this machine only",
        )


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Names:
    """The names a server goes by. Behind a wildcard address any name may lead here, so there the key alone protects.
    `local_pages`: pages that this machine serves under another port may call too.
    """

    def __init__(self, host: str, more: Collection[str] = (), *, local_pages: bool = False) -> None:
        self.any = host in WILDCARDS
        self._local_pages = local_pages
        self.known = frozenset(name.lower() for name in (*LOOPBACK_NAMES, bracketed(host), *more))

    def check(self, host: bytes, origin: bytes | None) -> None:
        """Raises RefusedError: 421 for a Host that is not ours, 403 for a page of another site."""
        if not self.any and _without_port(host) not in self.known:
            raise RefusedError(
                421,
                "this server does not go by the name in the Host header",
                fix="add that name to gateway.allowed_hosts",
            )
        if origin is not None and not self._same_site(origin, host):
            raise RefusedError(403, "web pages of other sites may not call this server")

    def _same_site(self, origin: bytes, host: bytes) -> bool:
        try:
            site = urlsplit(origin.decode("latin-1"))
            same = site.netloc.lower() == host.decode("latin-1").lower()
            return same or (self._local_pages and is_loopback(site.hostname or ""))
        except ValueError:
            return False


def bracketed(host: str) -> str:
    """An IPv6 address as a URL wants it."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


@lru_cache(256)
def _without_port(host: bytes) -> str:
    name, colon, port = host.decode("latin-1").lower().rpartition(":")
    return name if colon and port.isdigit() else host.decode("latin-1").lower()


def bind(host: str, port: int, *, backlog: int = 128) -> socket.socket:
    """A listening socket; port 0 is any free one. Raises UsageError where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            fix="choose another with --port, or --port 0 for any free one",
        ) from error
    return listener


def url_of(listener: socket.socket, host: str) -> str:
    """Where it can be called from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{bracketed(host)}:{listener.getsockname()[1]}"
