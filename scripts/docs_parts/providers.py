"""Vendors, chains and aliases: for docs/providers.md."""

from __future__ import annotations

from docs_parts.markdown import table

from llm_router.nouns import Billing
from llm_router.plan.catalogue import Catalogue, data
from llm_router.providers import vendors as vendor_data
from llm_router.providers.vendors import Vendor
from llm_router.run import attempts


def vendors() -> str:
    rows = (
        (f"`{each.name}`", each.title, _set_up(each), str(each.billing), _spoken(each), _priced(each))
        for each in vendor_data.load().values()
    )
    return table(["name", "", "set up by", "paid", "dialect", "prices known"], rows)


def _set_up(vendor: Vendor) -> str:
    if vendor.is_cli:
        return f"`{vendor.executable}` on PATH, logged in"
    address = f"`{vendor.base_url_variables[1]}`"
    if vendor.assumed:
        return f"nothing, if it runs at {vendor.base_url}; else {address}"
    if vendor.key_optional:
        return f"{address} (its own default: {vendor.base_url})"
    keys = " or ".join(f"`{name}`" for name in vendor.key_env)
    needed = [f"`{names[0]}`" for name, names in vendor.variables.items() if f"{{{name}}}" in vendor.base_url]
    by_login = [
        f"`{vendor.variables[name][0]}`" for name in ("consent", "project") if name in vendor.variables
    ]
    instead = f", or {' and '.join(by_login)}" if by_login else ""
    return f"{' and '.join([keys, *needed])}{instead}"


def _spoken(vendor: Vendor) -> str:
    return ", ".join((vendor.dialect, *vendor.also))


def _priced(vendor: Vendor) -> str:
    if vendor.billing is not Billing.METERED:
        return ""
    return "yes" if vendor.prices else "no"


def chains() -> str:
    rows = (
        (f"`{profile}`", complexity, " → ".join(f"`{entry}`" for entry in row[complexity]))
        for profile, row in data("chains.toml")["profiles"].items()
        for complexity in attempts.LIMITS_S
    )
    return table(["profile", "complexity", "asked in this order"], rows)


def strategies() -> str:
    read = data("chains.toml")
    words = {
        name: [f"`{word}`" for word, meant in read["words"].items() if meant == name]
        for name in read["strategies"]
    }
    rows = (
        (
            ", ".join(words[name]),
            " → ".join(f"`{entry}`" for entry in row["any"]),
            "yes" if row["free_first"] else "no",
        )
        for name, row in read["strategies"].items()
    )
    return table(["named as model", "asked in this order", "free before paid"], rows)


def aliases() -> str:
    catalogue = Catalogue.load()
    names = ", ".join(f"`{alias}`" for alias in catalogue.aliases)
    return f"As of {catalogue.as_of}: {names}."
