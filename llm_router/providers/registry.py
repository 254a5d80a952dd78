"""The providers of one user: which there are, what each still needs, and one of each, built when it is first used.

Importing this module, and asking `configured` for everything, loads no SDK: a provider's file does that.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llm_router import hops
from llm_router.errors import CredentialsError, NotFoundError
from llm_router.nouns import Billing
from llm_router.ports import Provider, Readiness
from llm_router.providers import vendors
from llm_router.providers.endpoints import SCHEME_PORTS, Endpoint, is_loopback, locate, paid
from llm_router.providers.vendors import Vendor
from llm_router.settings import ProviderSettings, Settings
from llm_router.wire import Wire

if TYPE_CHECKING:
    from llm_router.providers.codex_cli import CodexCli
    from llm_router.providers.gemini_cli import GeminiCli
    from llm_router.providers.listing import Listing

_LISTING = frozenset({"openai_chat", "openai_responses", "ollama"})


class Registry:
    """Implements `ports.Providers`. `mark` names this installation to upstreams that are llm-routers too. `patience`: how
    many times as long as usual a server may take to list its models.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        mark: Callable[[], str] = lambda: "here",
        *,
        patience: float = 1.0,
    ) -> None:
        self._settings, self._environ, self._mark, self._patience = settings, environ, mark, patience
        self._vendors = {name: self._adjusted(vendor) for name, vendor in vendors.load().items()}
        custom = (name for name in settings.providers if name not in self._vendors)
        self._vendors |= {name: self._custom(name) for name in custom}
        self._built: dict[str, Provider] = {}
        self._carriers: dict[str, Provider] = {}
        self._listings: dict[str, Listing] = {}
        self._wire = Wire()
        self._endpoints: dict[str, Endpoint] = {}

    def names(self) -> Sequence[str]:
        """Every provider that is not switched off, the known ones first."""
        return [name for name in self._vendors if self._own(name).enabled]

    def vendor(self, name: str) -> Vendor:
        """The row of a provider, made up for a custom endpoint. Raises NotFoundError."""
        if name not in self._vendors:
            from difflib import get_close_matches

            near = get_close_matches(name, self._vendors, n=1)
            raise NotFoundError(
                f"there is no provider {name!r}",
                fix=f"did you mean {near[0]!r}?"
                if near
                else f"give it an address: providers.{name}.base_url",
            )
        return self._vendors[name]

    def configured(self, name: str) -> Readiness:
        """Whether the key, the address or the program is there; nothing is called. Never raises."""
        try:
            vendor = self.vendor(name)
        except NotFoundError as error:
            return Readiness(ready=False, detail=error.message, fix=error.fix)
        own = self._own(name)
        if not own.enabled:
            return Readiness(ready=False, detail="switched off", fix=f"set providers.{name}.enabled to true")
        if own.stands_for and own.stands_for not in vendors.load():
            fix = f"set providers.{name}.stands_for to one of {', '.join(vendors.load())}"
            return Readiness(
                ready=False,
                detail=f"it stands for {own.stands_for!r}, which is no vendor known here",
                fix=fix,
            )
        if vendor.is_cli:
            path = self._executable(vendor)
            detail = path or f"no `{vendor.executable}` on PATH"
            return Readiness(ready=bool(path), detail=detail, fix="" if path else vendor.install)
        endpoint = self._endpoint(vendor)
        if endpoint.problem:
            return Readiness(ready=False, detail=endpoint.problem, fix=endpoint.fix)
        return Readiness(
            ready=True, detail=endpoint.shown or f"project {endpoint.variables.get('project', '')}"
        )

    def reaching(self, vendor: str) -> Sequence[str]:
        """By whom this vendor is asked in its own dialect, of those that are set up: itself, then who stands for it."""
        own = vendors.load()[vendor].dialect
        return [
            name
            for name in sorted(self.names(), key=lambda each: each != vendor)
            if vendor in (name, self.vendor(name).stands_for)
            and own in (self.vendor(name).dialect, *self.vendor(name).also)
            and self.configured(name).ready
        ]

    def get(self, name: str) -> Provider:
        """Raises NotFoundError for a name nobody has, CredentialsError for one that is not ready."""
        if name not in self._built:
            vendor, readiness = self.vendor(name), self.configured(name)
            if not readiness.ready:
                raise CredentialsError(
                    f"{vendor.title} cannot be called: {readiness.detail}", fix=readiness.fix
                )
            self._built.setdefault(name, self._build(vendor))  # a listing may build it in a thread meanwhile
        return self._built[name]

    def carrier(self, name: str) -> Provider:
        """Likewise, over our own wire where the vendor can be reached so: for the gateway, which relays bytes."""
        if name not in self._carriers:
            vendor, readiness = self.vendor(name), self.configured(name)
            if vendor.is_cli or vendor.name == "vertex" or not readiness.ready:
                return self.get(name)
            from llm_router.providers.raw import RawProvider

            self._carriers[name] = RawProvider(vendor, self._called(vendor), self._wire)
        return self._carriers[name]

    def guest(self, name: str, login: Mapping[str, str]) -> Provider:
        """The vendor as somebody else reaches it: with the headers of a login that is not ours."""
        from llm_router.providers.raw import RawProvider

        vendor = self.vendor(name)
        endpoint = self._called(vendor)
        theirs = replace(
            endpoint,
            base_url=endpoint.base_url or vendor.base_url,
            api_key=None,
            headers={**endpoint.headers, **login},
        )
        return RawProvider(vendor, theirs, self._wire, signed_in=True)

    def listing(self, name: str) -> Listing:
        """Whom to ask for the models of a vendor with `discover`. The first one imports an HTTP client: 40 ms."""
        if name not in self._listings:
            from llm_router.providers.listing import Listing

            vendor, num_ctx = self.vendor(name), self._own(name).num_ctx
            made = Listing(vendor, self._called(vendor), num_ctx=num_ctx, patience=self._patience)
            self._listings.setdefault(name, made)  # asked for in threads
        return self._listings[name]

    async def login(self, name: str) -> Readiness:
        """Whether somebody is logged in to a command-line client. Starts it: up to a second."""
        return await self._build_cli(self.vendor(name)).readiness()

    def fingerprint(self, name: str) -> str:
        """A few digits that change with the provider's key, and from which no key can be found; "" without one."""
        vendor = self._vendors.get(name)
        key = self._endpoint(vendor).api_key if vendor is not None and not vendor.is_cli else None
        return sha256(f"llm-router:{name}:{key}".encode()).hexdigest()[:8] if key else ""

    def local_address(self, name: str) -> tuple[str, int] | None:
        """Host and port of a provider on this machine, where asking whether anybody listens costs nothing."""
        vendor = self.vendor(name)
        parts = urlsplit("" if vendor.is_cli else self._endpoint(vendor).base_url)
        here = is_loopback(parts.hostname or "")
        return (parts.hostname or "", parts.port or SCHEME_PORTS[parts.scheme]) if here else None

    async def aclose(self) -> None:
        opened = (*self._built.values(), *self._listings.values())
        self._built, self._carriers, self._listings = {}, {}, {}
        for each in opened:
            await each.aclose()
        await self._wire.aclose()

    def _own(self, name: str) -> ProviderSettings:
        return self._settings.providers.get(name) or ProviderSettings()

    def _endpoint(self, vendor: Vendor) -> Endpoint:
        if vendor.name not in self._endpoints:  # settings and environment do not change under us
            own = self._own(vendor.name)
            self._endpoints[vendor.name] = locate(vendor, own, self._settings.gateway, self._environ)
        return self._endpoints[vendor.name]

    def _called(self, vendor: Vendor) -> Endpoint:
        """The endpoint as it is called."""
        endpoint = self._endpoint(vendor)
        return replace(endpoint, headers={hops.HEADER: self._mark(), **endpoint.headers})

    def _executable(self, vendor: Vendor) -> str | None:
        return shutil.which(vendor.executable, path=self._environ.get("PATH", ""))

    def _adjusted(self, vendor: Vendor) -> Vendor:
        own = self._own(vendor.name)
        billing = Billing(own.billing) if own.billing else vendor.billing
        also = own.also or (() if own.dialect else vendor.also)
        dialect, stands_for = own.dialect or vendor.dialect, own.stands_for or ""
        return replace(vendor, dialect=dialect, also=also, billing=billing, stands_for=stands_for)

    def _custom(self, name: str) -> Vendor:
        """An endpoint of the user's own. Without declared models it is asked for them: no catalogue knows it."""
        own = self._own(name)
        whose = vendors.load().get(own.stands_for or "")
        dialect = own.dialect or (whose.dialect if whose else "openai_chat")
        return Vendor(
            name=name,
            title=name,
            dialect=dialect,
            also=own.also,
            stands_for=whose.name if whose else "",
            prices=whose.prices if whose else None,
            billing=paid(own),
            key_env=(f"{vendors.variable_prefix(name)}_API_KEY",),
            key_optional=True,
            discover=whose.discover if whose else not own.models and dialect in _LISTING,
        )

    def _build(self, vendor: Vendor) -> Provider:
        if vendor.is_cli:
            return self._build_cli(vendor)
        endpoint = self._called(vendor)
        match vendor.dialect:
            case "anthropic":
                from llm_router.providers.anthropic_sdk import AnthropicSdk

                return AnthropicSdk(vendor, endpoint)
            case "gemini":
                from llm_router.providers.google_sdk import GoogleSdk

                return GoogleSdk(vendor, endpoint)
            case "ollama":
                from llm_router.providers.ollama_sdk import OllamaSdk

                return OllamaSdk(vendor, endpoint)
            case _:
                from llm_router.providers.openai_sdk import OpenAiSdk

                return OpenAiSdk(vendor, endpoint)

    def _build_cli(self, vendor: Vendor) -> CodexCli | GeminiCli:
        executable = self._executable(vendor) or vendor.executable
        if vendor.name == "codex":
            from llm_router.providers.codex_cli import CodexCli

            return CodexCli(executable, environ=self._environ)
        from llm_router.providers.gemini_cli import GeminiCli

        return GeminiCli(executable, environ=self._environ)
