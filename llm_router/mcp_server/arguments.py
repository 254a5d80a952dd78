"""What each tool takes: one model per tool, the source of its JSON schema and of its validation."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llm_router.nouns import Complexity, JsonDict, Profile


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextTask(StrEnum):
    """The tasks whose answer is text."""

    QUERY = "query"
    RESEARCH = "research"
    GENERATE = "generate"
    ANALYZE = "analyze"
    CODE = "code"


Prompt = Annotated[str, Field(min_length=1)]


class Ask(Arguments):
    """Common to all tools that answer. `context` keeps what the prompt is about apart from what is asked."""

    prompt: Prompt
    context: str | None = Field(None, description="Text it needs: files, logs. The model sees nothing else")
    system: str | None = None
    complexity: Complexity | None = Field(None, description="Overrides the classifier")
    model: str | None = Field(None, description="provider/model or alias; omit to route")
    profile: Profile | None = None
    max_cost_usd: float | None = Field(None, ge=0)
    max_output_tokens: int | None = Field(None, ge=1)


class AskCode(Ask):
    language: str | None = None


class AskRouted(Ask):
    task: TextTask | None = Field(None, description="Overrides the classifier")
    dry_run: bool = Field(False, description="Explain the choice, call nobody")


class Classify(Arguments):
    prompt: Prompt


class UsageOf(Arguments):
    period: Literal["day", "week", "month", "all"] = "day"
    by: Literal["model", "task", "provider", "project", "day"] = "model"


class Rate(Arguments):
    decision: Prompt
    good: bool


class Nothing(Arguments):
    pass


def input_schema(arguments: type[Arguments]) -> JsonDict:
    """The model's JSON Schema in as few tokens as say the same: without titles, references and null branches."""
    schema = arguments.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)  # the docstring, which is ours
    return {"type": "object", **cast("JsonDict", _compact(schema, definitions))}


def _compact(node: Any, definitions: JsonDict) -> Any:
    if isinstance(node, list):
        return [_compact(each, definitions) for each in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    node = cast("JsonDict", node)
    if "$ref" in node:
        node = {
            **definitions[node["$ref"].rsplit("/", 1)[-1]],
            **{k: v for k, v in node.items() if k != "$ref"},
        }
        node.pop("description", None)
    if "anyOf" in node:
        (branch,) = (each for each in node["anyOf"] if each.get("type") != "null")
        outside = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
        return {**_compact(branch, definitions), **_compact(outside, definitions)}
    dropped = {"title"} if isinstance(node.get("title", ""), str) else set[str]()
    return {key: _compact(value, definitions) for key, value in node.items() if key not in dropped}


def complaint(error: ValidationError, schema: JsonDict) -> str:
    """What is wrong with the arguments, field by field, with what is allowed: text a model can act on."""
    allowed = ", ".join(schema.get("properties", {})) or "none"
    lines: list[str] = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        field = ".".join(str(part) for part in each["loc"]) or "arguments"
        if each["type"] == "extra_forbidden":
            lines.append(f"{field}: no such argument; allowed: {allowed}")
        elif each["type"] == "missing":
            lines.append(f"{field}: required")
        else:
            lines.append(f"{field}: {each['msg']}")
    return "; ".join(lines)
