"""The vendors as data: `vendors.toml`, read once and validated."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from llm_router.nouns import Billing

_FILE = Path(__file__).with_name("vendors.toml")


@dataclass(frozen=True, slots=True)
class Vendor:
    """One row. What each field means is said at the top of `vendors.toml`."""

    name: str
    title: str
    dialect: str
    billing: Billing
    also: tuple[str, ...] = ()
    stands_for: str = ""  # the vendor whose models an endpoint of the user's has; never in the file
    help: str = ""
    updated: date | None = None
    base_url: str = ""
    base_url_env: tuple[str, ...] = ()
    key_env: tuple[str, ...] = ()
    key_optional: bool = False
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    prices: str | None = None
    discover: bool = False
    assumed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    headers_env: Mapping[str, str] = field(default_factory=dict[str, str])
    executable: str = ""
    install: str = ""

    @property
    def is_cli(self) -> bool:
        """Called as a program, not over HTTP."""
        return bool(self.executable)

    @property
    def base_url_variables(self) -> tuple[str, ...]:
        """Variables that name its address; the first is ours alone, the rest it shares with other programs."""
        prefix = variable_prefix(self.name)
        return (f"LLM_ROUTER_{prefix}_BASE_URL", f"{prefix}_BASE_URL", *self.base_url_env)


def variable_prefix(name: str) -> str:
    """`gemini-cli` -> `GEMINI_CLI`."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


@cache
def load() -> Mapping[str, Vendor]:
    """All vendors by name, in the file's order. Raises TypeError or ValueError when a row is not well formed."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({name: _vendor(name, row) for name, row in rows.items()})


def _vendor(name: str, row: dict[str, Any]) -> Vendor:
    variables = {key: tuple(names) for key, names in row.pop("variables", {}).items()}
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}  # type: ignore[reportUnknownArgumentType]
    fields["billing"] = Billing(row["billing"])
    return Vendor(name=name, variables=variables, **fields)
