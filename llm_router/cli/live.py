"""What the service is doing, asked of itself over HTTP: the upper half of `status`."""

from __future__ import annotations

import http.client
import json
import sys
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from llm_router import paths
from llm_router.cli import output
from llm_router.cli.render import table
from llm_router.cli.service import settings
from llm_router.errors import RouterError
from llm_router.service.clients import key_of
from llm_router.service.state import Service, running

ASK_S = 3.0
WATCH_EVERY_S = 1.0
LATELY = 5
_CLEAR = "\x1b[H\x1b[2J"
_COLUMNS = ["began", "model", "turn", "first", "ms", "tokens", "cost", "status", "client"]

Facts = dict[str, Any]


def service_facts() -> Facts | None:
    """Where the service is and what it says of itself; None where none runs. `error` where it does not answer."""
    service = running(paths.home())
    if service is None:
        return None
    known: Facts = {
        "url": service.url,
        "pid": service.pid,
        "version": service.version,
        "since": service.since,
    }
    try:
        return known | _asked(service)
    except (OSError, http.client.HTTPException, ValueError, RouterError) as error:
        return known | {"error": f"it does not answer: {error or type(error).__name__}"}


def show(facts: Facts | None) -> None:
    if facts is None:
        output.say("The service does not run; llm-router start")
        return
    since = datetime.fromtimestamp(facts["since"]).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006 - local, for people
    output.say(f"The service runs at {facts['url']} (pid {facts['pid']}, {facts['version']}, since {since})")
    if "error" in facts:
        output.note(f"error: {facts['error']}")
        return
    if facts["problem"]:
        output.note(f"error: its configuration was not taken: {facts['problem']['error']}")
    totals = facts["totals"]
    output.say(
        f"{totals['requests']} requests ({totals['errors']} failed), {totals['input_tokens']} tokens in,"
        f" {totals['output_tokens']} out, {output.money(round(totals['cost_usd'] * 1e6))};"
        f" {len(facts['under_way'])} under way"
    )
    answers = [
        each for each in facts["lately"] if "model" in each or each.get("endpoint", "").startswith("answer")
    ]
    rows = [_row(each) for each in (*facts["under_way"], *answers[::-1][:LATELY])]
    if rows:
        table(_COLUMNS, rows, right=["first", "ms", "tokens", "cost"])


def watch(*, as_json: bool) -> None:
    """Show it again every second, until Ctrl-C."""
    while True:
        facts = service_facts()
        if as_json:
            output.emit({"service": facts})
        else:
            if sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            show(facts)
        sys.stdout.flush()
        time.sleep(WATCH_EVERY_S)


def _asked(service: Service) -> Facts:
    where = urlsplit(service.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=ASK_S)
    key = key_of(settings())
    try:
        connection.request("GET", "/status", headers={"x-api-key": key} if key else {})
        answer = connection.getresponse()
        body: Facts = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != 200:
        raise RouterError(str(body.get("error", body)))
    return {name: body[name] for name in ("config", "problem", "under_way", "lately", "totals")}


def _row(each: Facts) -> list[str]:
    tokens = f"{each['input_tokens']}+{each.get('output_tokens', 0)}" if "input_tokens" in each else ""
    cost = each.get("cost_usd")
    began = datetime.fromtimestamp(each["time"]).strftime("%H:%M:%S")  # noqa: DTZ006 - local, for people
    return [
        began,
        f"{each['provider']}/{each['model']}" if "model" in each else each.get("asked", ""),
        each.get("turn", ""),
        f"{each['ttft_ms']:.0f}" if "ttft_ms" in each else "",
        f"{each['ms']:.0f}",
        tokens,
        "" if cost is None else output.money(round(cost * 1e6)),
        str(each.get("status", "")) if "ended" in each else "...",
        each.get("client", ""),
    ]
