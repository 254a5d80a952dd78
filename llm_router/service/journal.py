"""Where the service's log is, and one of its lines as people read it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "gateway.log"


def path_in(root: Path) -> Path:
    return root / "logs" / FILE


def line_for_people(facts: Mapping[str, Any]) -> str:
    """`12:00:01 200 POST /v1/messages, openai/gpt, 812 ms, first after 300 ms, 1200+80 tokens, $0.001200, think, d_...`."""
    at = datetime.fromtimestamp(float(facts.get("time", time.time()))).strftime("%H:%M:%S")  # noqa: DTZ006 - local, for people
    if "event" in facts:
        return f"{at} {facts['event']}"
    parts = [f"{at} {facts.get('status', '-')} {facts.get('method', '')} {facts.get('path', '')}"]
    if "model" in facts:
        parts.append(f"{facts.get('provider')}/{facts['model']}")
    parts.append(f"{float(facts.get('ms', 0)):.0f} ms")
    if "ttft_ms" in facts:
        parts.append(f"first after {float(facts['ttft_ms']):.0f} ms")
    if "input_tokens" in facts:
        parts.append(f"{facts['input_tokens']}+{facts.get('output_tokens', 0)} tokens")
    if "cost_usd" in facts:
        parts.append(f"${float(facts['cost_usd']):.6f}")
    parts += [str(facts[name]) for name in ("turn", "decision", "error") if name in facts]
    return ", ".join(parts)
