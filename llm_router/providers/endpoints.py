"""Where a provider is and how to get in: settings before environment before the vendor's row, and never ourselves.

Inside a host that talks through our own gateway, `ANTHROPIC_BASE_URL` and its like name that gateway. Following them
would route our own call again, for ever; so they are ignored there, and whoever wants another address for us says so
in the settings or in `LLM_ROUTER_<VENDOR>_BASE_URL`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from llm_router.dialects.failures import redact
from llm_router.nouns import Billing
from llm_router.providers.vendors import Vendor
from llm_router.settings import GatewaySettings, ProviderSettings

# Set by Claude Code in everything it starts. https://code.claude.com/docs/en/env-vars
_CLAUDE_CODE_MARKS = ("CLAUDECODE", "CLAUDE_CODE_SESSION_ID")
_OLLAMA_PORT = 11434
SCHEME_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`problem` says why it cannot be called, `fix` what to do about it; both are empty when it can."""

    base_url: str = ""
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: str = ""
    fix: str = ""

    @property
    def shown(self) -> str:
        """The address for people: a password in it is blotted out."""
        return redact(self.base_url)


def locate(
    vendor: Vendor, settings: ProviderSettings, gateway: GatewaySettings, environ: Mapping[str, str]
) -> Endpoint:
    """The endpoint of a vendor that is called over HTTP. Reads nothing but its arguments."""
    key = settings.api_key.get_secret_value().strip() if settings.api_key else ""
    key = key or _first_set(vendor.key_env, environ)
    variables = {
        name: value for name, names in vendor.variables.items() if (value := _first_set(names, environ))
    }
    named = _named_base_url(vendor, settings, gateway, environ)
    problem, fix = _problem(vendor, named, key, variables)
    base_url = named
    if not named and not problem:
        base_url = vendor.base_url.format_map({k: v.rstrip("/") for k, v in variables.items()})
    if points_at_gateway(base_url, gateway):
        problem = f"its address {redact(base_url)} is llm-router's own gateway"
        fix = f"set providers.{vendor.name}.base_url to the vendor's address"
    headers = dict(vendor.headers)
    headers |= {
        name: value for name, source in vendor.headers_env.items() if (value := _set(source, environ))
    }
    return Endpoint(base_url, key or None, headers, variables, problem, fix)


def _named_base_url(
    vendor: Vendor, settings: ProviderSettings, gateway: GatewaySettings, environ: Mapping[str, str]
) -> str:
    """The address the user named; "" where it is the vendor's default."""
    ours, *shared = vendor.base_url_variables
    explicit = settings.base_url or _set(ours, environ)
    if explicit:
        return _normal(vendor, explicit)
    if vendor.name == "anthropic" and any(_set(mark, environ) for mark in _CLAUDE_CODE_MARKS):
        return ""
    for variable in shared:
        url = _normal(vendor, _set(variable, environ))
        if url and not points_at_gateway(url, gateway):
            return url
    return ""


def _problem(vendor: Vendor, named: str, key: str, variables: Mapping[str, str]) -> tuple[str, str]:
    if named and not named.startswith(("http://", "https://")):
        return (
            f"its address {redact(named)!r} is not an http or https URL",
            f"correct {vendor.base_url_variables[1]}",
        )
    if not (key.isascii() and key.isprintable()):  # no header takes it, and the error of who tries quotes it
        return "its key holds a line break or a character that no key has", f"set {vendor.key_env[0]} again"
    signed_in = "project" in variables and variables.get("consent", "").lower() in {"1", "true"}
    if not key and not vendor.key_optional and not signed_in:
        by_login = "project" in vendor.variables
        instead = ", or GOOGLE_GENAI_USE_VERTEXAI=true GOOGLE_CLOUD_PROJECT=..." if by_login else ""
        return (
            f"{vendor.key_env[0]} is not set",
            f"export {vendor.key_env[0]}=...{instead}  (get one at {vendor.help})",
        )
    if named:
        return "", ""
    for name, names in vendor.variables.items():
        if f"{{{name}}}" in vendor.base_url and name not in variables:
            return f"{names[0]} is not set", f"export {names[0]}=...  (see {vendor.help})"
    if vendor.key_optional and not vendor.assumed:
        default = vendor.base_url or f"http://...  or set providers.{vendor.name}.base_url"
        hint = f"  ({vendor.install})" if vendor.install else ""
        return "its address is not set", f"export {vendor.base_url_variables[1]}={default}{hint}"
    return "", ""


def paid(own: ProviderSettings) -> Billing:
    """How an endpoint of the user's own is paid: on this machine nothing is, unless it says otherwise."""
    if own.billing:
        return Billing(own.billing)
    return Billing.LOCAL if is_loopback(urlsplit(own.base_url or "").hostname or "") else Billing.METERED


def _set(variable: str, environ: Mapping[str, str]) -> str:
    return environ.get(variable, "").strip()


def _first_set(variables: tuple[str, ...], environ: Mapping[str, str]) -> str:
    return next((value for name in variables if (value := _set(name, environ))), "")


def _normal(vendor: Vendor, url: str) -> str:
    url = url.strip().rstrip("/")
    return ollama_url(url) if url and vendor.dialect == "ollama" else url


def ollama_url(host: str) -> str:
    """What OLLAMA_HOST may hold: `host`, `host:port`, `:port` or a URL; the address to listen on means this machine."""
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = "http", host
    parts = urlsplit(f"{scheme}://{rest}")
    try:
        port = parts.port or (SCHEME_PORTS.get(scheme, _OLLAMA_PORT) if separator else _OLLAMA_PORT)
    except ValueError:
        return host  # not a port: `_problem` or the call itself names it
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(
        parts.hostname or "", parts.hostname or ""
    )
    path = parts.path.rstrip("/").removesuffix("/api").removesuffix("/v1")
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}{path}"


def points_at_gateway(url: str, gateway: GatewaySettings) -> bool:
    """Whether a call to `url` would reach our own gateway. Asks no name server."""
    if not url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port or SCHEME_PORTS.get(parts.scheme)
    except ValueError:
        return False
    host = (parts.hostname or "").rstrip(".")
    same_host = host == gateway.host.lower() or (is_loopback(host) and is_loopback(gateway.host))
    return port == gateway.port and same_host


def is_loopback(host: str) -> bool:
    """Whether it names the same machine, in any spelling: localhost, 127.0.0.1, 127.1, 2130706433, ::1, 0.0.0.0, ::ffff:127.0.0.1."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address is not None and (address.is_loopback or address.is_unspecified)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # 127.1 and 0x7f000001 are addresses too
    except (OSError, ValueError):
        return None
