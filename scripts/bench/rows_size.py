"""What a client has to read before the first call, and what an installation puts on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from figures import Row, Target, say
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from processes import Child, opening_by_discovery, opening_by_handshake, product

PRODUCT = "llm-router"
NAMED = ("mcp", "httpx", "pydantic", "openai", "anthropic", "google-genai", "ollama")
UNWANTED = "litellm"


def tools_list(_: int | None) -> Iterator[Row]:
    say("tools-list: one of each protocol era")
    for era, opening in (("handshake", opening_by_handshake()), ("discover", opening_by_discovery())):
        with Child(product("mcp")) as server:
            result = server.open(opening)["result"]
        size = len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode())
        what, note = "`tools/list` answer", f"{len(result['tools'])} tools, protocol era: {era}"
        yield Row(f"tools-list-{era}", what, "bytes", [size], target=Target(10_000, "median"), note=note)
        tokens = Target(2500, "median")
        note = "bytes / 4, the usual estimate"
        yield Row(f"tools-list-{era}-tokens", what, "tokens", [size / 4], target=tokens, note=note)


def installed(_: int | None) -> Iterator[Row]:
    say("size: what is installed")
    ours, named = closure([PRODUCT]), closure(NAMED)
    extra = {name: size_mb(dist) for name, dist in ours.items() if name not in named and name != PRODUCT}
    listed = ", ".join(f"{name} {mb:.1f}" for name, mb in sorted(extra.items(), key=lambda e: -e[1]))
    yield Row(
        "size",
        "installed beyond the named SDKs and what they need",
        "MB",
        [sum(extra.values())],
        f"{', '.join(NAMED)} and what they need: {len(named)} packages",
        [sum(map(size_mb, named.values()))],
        held=(f"no {UNWANTED}", UNWANTED not in ours),
        note=f"{len(extra)} packages: {listed}; files as installed, without byte code",
    )


def closure(names: Iterable[str]) -> dict[str, Distribution]:
    """These packages and everything they require, by normalised name; as far as it is installed."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        needed = map(Requirement, found[name].requires or ())
        waiting += [each for each in needed if _applies(each, extras)]
    return found


def _applies(needed: Requirement, extras: Iterable[str]) -> bool:
    marker = needed.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def size_mb(dist: Distribution) -> float:
    """Megabytes (10^6) of the files its installer recorded."""
    paths = [Path(str(file.locate())) for file in dist.files or () if "__pycache__" not in file.parts]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
