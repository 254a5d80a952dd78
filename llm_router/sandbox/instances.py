"""The smallest JSON value that fits a JSON Schema: what a model that obeys a schema might answer."""

from __future__ import annotations

from typing import Any

from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import as_dict, as_list

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "sandbox@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
}
_DEPTH = 16


def instance(schema: Any, text: str = "sandbox") -> Any:
    """`text` fills free strings. Handles $ref, allOf, anyOf, oneOf, const, enum, and the bounds of each type;
    `pattern` and `not` are beyond it.
    """
    return _fit(schema, as_dict(schema) if isinstance(schema, dict) else {}, text, 0)


def _fit(schema: Any, root: JsonDict, text: str, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEPTH:
        return None
    node = _resolved(as_dict(schema), root, depth)
    if "const" in node:
        return node["const"]
    if node.get("enum"):
        return node["enum"][0]
    kind = _kind(node)
    if kind == "object":
        return _object(node, root, text, depth)
    if kind == "array":
        item = node.get("items", {"type": "string"})
        return [_fit(item, root, text, depth + 1) for _ in range(int(node.get("minItems", 0)))]
    if kind in ("integer", "number"):
        return _number(node, whole=kind == "integer")
    return {"boolean": False, "null": None}.get(kind) if kind != "string" else _string(node, text)


def _resolved(node: JsonDict, root: JsonDict, depth: int) -> JsonDict:
    """Follow $ref, merge allOf, take the first alternative that is not null."""
    for _ in range(_DEPTH - depth + 1):
        if "$ref" in node:
            node = _pointed(root, str(node["$ref"])) | {k: v for k, v in node.items() if k != "$ref"}
        elif "allOf" in node:
            node = _merged(node, root, depth)
        elif options := node.get("anyOf") or node.get("oneOf"):
            some = [as_dict(o) for o in as_list(options)]
            first = next((o for o in some if o.get("type") != "null"), some[0])
            node = {k: v for k, v in node.items() if k not in ("anyOf", "oneOf")} | first
        else:
            break
    return node


def _merged(node: JsonDict, root: JsonDict, depth: int) -> JsonDict:
    whole = {k: v for k, v in node.items() if k != "allOf"}
    for part in as_list(node["allOf"]):
        piece = _resolved(as_dict(part), root, depth + 1)
        properties = whole.get("properties", {}) | piece.get("properties", {})
        required = [*whole.get("required", []), *piece.get("required", [])]
        whole = whole | piece | {"properties": properties, "required": required}
    return whole


def _pointed(root: JsonDict, ref: str) -> JsonDict:
    node: Any = root
    for step in ref.removeprefix("#").strip("/").split("/"):
        node = as_dict(node)[step.replace("~1", "/").replace("~0", "~")] if step else node
    return as_dict(node)


def _kind(node: JsonDict) -> str:
    """Gemini writes types in capitals; a list of types stands for its first that is not null."""
    kind = node.get("type")
    if isinstance(kind, list):
        kind = next((k for k in as_list(kind) if k != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in node else "array" if "items" in node else "string"
    return str(kind).lower()


def _object(node: JsonDict, root: JsonDict, text: str, depth: int) -> JsonDict:
    properties = as_dict(node.get("properties") or {})
    wanted = as_list(node.get("required") or []) or list(properties)
    return {str(name): _fit(properties.get(name, {}), root, text, depth + 1) for name in wanted}


def _number(node: JsonDict, *, whole: bool) -> float:
    low = node.get("minimum", node.get("exclusiveMinimum"))
    high = node.get("maximum", node.get("exclusiveMaximum"))
    value = 0 if low is None else low
    if "exclusiveMinimum" in node and value == low:
        value += 1 if whole or high is None else (high - value) / 2
    if high is not None and value > high:
        value = high
    if step := node.get("multipleOf"):
        value = -(-value // step) * step
    return int(value) if whole else value


def _string(node: JsonDict, text: str) -> str:
    value = _FORMATS.get(str(node.get("format")), text)
    least, most = int(node.get("minLength", 0)), node.get("maxLength")
    return value.ljust(least, ".")[: None if most is None else int(most)]
