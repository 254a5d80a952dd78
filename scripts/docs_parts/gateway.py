"""The tables of docs/gateway.md: endpoints, and what each client needs."""

from __future__ import annotations

from docs_parts.markdown import table

from llm_router.gateway.routes import ROUTES
from llm_router.service.clients import NO_KEY, clients

_URL = "http://127.0.0.1:8484"


def endpoints() -> str:
    return table(["endpoint", ""], [(f"`{each.method} {each.path}`", each.summary) for each in ROUTES])


def environment() -> str:
    rows = [
        (each.title, f"`{name}`", f"`{value}`")
        for each in clients(_URL)
        for name, value in (*each.variables.items(), *((key, NO_KEY) for key in each.keys if not each.file))
    ]
    files = [
        f"{each.title}, in `{each.file}`:\n\n```{_language(each.file)}\n{each.text.strip()}\n```"
        for each in clients(_URL)
        if each.file
    ]
    return "\n\n".join([table(["client", "variable", "value"], rows), *files])


def _language(file: str) -> str:
    return file.rpartition(".")[2]
