"""What the main product told the hooks: `<home>/snapshot.json`, each key checked; what is wrong or missing is the default.

    {"version": 1, "written_at": 1795000000.0, "enforce": "smart", "profile": "balanced",
     "baseline": {"model": "...", "input_per_million": 5.0, "output_per_million": 25.0} | null,
     "routes": {"simple": "ollama/qwen3", "moderate": ...},
     "spend_today": micro-dollars | null, "budget_left": micro-dollars | null, "saved_today": micro-dollars | null,
     "quota": {"name": "5h", "used": 0.4} | null,
     "warm": ["qwen3"], "ollama_url": "http://127.0.0.1:11434", "mcp": true, "show_answers": true}

LLM_ROUTER_ENFORCE and LLM_ROUTER_PROFILE stand above the file. A host that sends its requests to our gateway is routed
there, and hints would only send the routed model to another: there the mode is "off".
"""

import os
import time

import codec
import files

MODES = ("smart", "hard", "soft", "off", "shadow")
PROFILES = ("budget", "balanced", "premium")
_LIMIT = 256 << 10
_QUOTA_S = 3600
# where a host sends its requests; Codex keeps that in a file of its own
_BASE_URLS = {"claude": "ANTHROPIC_BASE_URL", "gemini-cli": "GOOGLE_GEMINI_BASE_URL"}


def read(home: str, host: str = "") -> dict:
    """Every key of the module's docstring, always."""
    try:
        found = codec.loads(files.read(os.path.join(home, "snapshot.json"), _LIMIT))
    except (OSError, ValueError, RecursionError):
        found = {}
    told = found if isinstance(found, dict) else {}
    at = _number(told.get("written_at")) or 0.0
    today = _same_day(at)
    return {
        "version": 1,
        "written_at": at,
        "enforce": _one_of(
            MODES,
            os.environ.get("LLM_ROUTER_ENFORCE"),
            "off" if _is_behind_gateway(home, host) else told.get("enforce"),
            "smart",
        ),
        "profile": _one_of(PROFILES, os.environ.get("LLM_ROUTER_PROFILE"), told.get("profile"), "balanced"),
        "baseline": _baseline(told.get("baseline")),
        "routes": _texts(told.get("routes")),
        "spend_today": _micros(told.get("spend_today")) if today else None,
        "saved_today": _micros(told.get("saved_today")) if today else None,
        "budget_left": _micros(told.get("budget_left")) if today else None,
        "quota": _quota(told.get("quota"), at),
        "warm": _names(told.get("warm")),
        "ollama_url": _text(told.get("ollama_url")),
        "mcp": told.get("mcp") is not False,
        "show_answers": told.get("show_answers") is not False,
    }


def _is_behind_gateway(home: str, host: str) -> bool:
    """Whether this host's requests go to the service of this home."""
    named = os.environ.get(_BASE_URLS.get(host, ""))
    if not named:
        return False
    try:
        service = codec.loads(files.read(os.path.join(home, "service.json"), _LIMIT))
    except (OSError, ValueError, RecursionError):
        return False
    url = _text(service.get("url")) if isinstance(service, dict) else ""
    return bool(url) and f"{_address(named)}/".startswith(f"{_address(url)}/")


def _address(url: str) -> str:
    return url.strip().lower().rstrip("/").replace("://localhost", "://127.0.0.1")


def _one_of(allowed: tuple, *values: object) -> str:
    spoken = (value.strip().lower() for value in values if isinstance(value, str))
    return next(value for value in spoken if value in allowed)


def _number(value: object) -> "float | None":
    """A finite number; True is none."""
    return float(value) if type(value) in (int, float) and abs(value) < 1e15 else None


def _micros(value: object) -> "int | None":
    number = _number(value)
    return None if number is None else int(number)


def _text(value: object) -> str:
    return value[:500] if isinstance(value, str) else ""


def _texts(value: object) -> dict:
    return {k: v for k, v in value.items() if isinstance(v, str) and v} if isinstance(value, dict) else {}


def _names(value: object) -> list:
    return [name for name in value if isinstance(name, str) and name][:8] if isinstance(value, list) else []


def _baseline(value: object) -> "dict | None":
    """The model savings are measured against; None unless it has a name and both prices."""
    if not isinstance(value, dict) or not _text(value.get("model")):
        return None
    prices = {key: _number(value.get(key)) for key in ("input_per_million", "output_per_million")}
    return None if None in prices.values() else {"model": _text(value["model"]), **prices}


def _quota(value: object, at: float) -> "dict | None":
    """How much of the host's own allowance is used, 0 to 1; unknown when it was read too long ago."""
    if not isinstance(value, dict) or not 0 <= time.time() - at < _QUOTA_S:
        return None
    used = _number(value.get("used"))
    return None if used is None else {"name": _text(value.get("name")), "used": min(max(used, 0.0), 1.0)}


def _same_day(at: float) -> bool:
    try:
        return time.localtime(at)[:3] == time.localtime()[:3]
    except (OverflowError, ValueError, OSError):
        return False
