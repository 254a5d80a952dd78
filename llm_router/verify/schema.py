"""Is the answer JSON of the schema that was asked for. Pure: references to other places are not fetched."""

from __future__ import annotations

import json
from typing import Any

from llm_router.checks import Check
from llm_router.nouns import Answer, Request
from llm_router.verify.blocks import blocks


def schema(request: Request, answer: Answer) -> Check:
    """A single fence around the JSON is forgiven here, since every caller's parser meets it; prose is not."""
    if request.schema is None:
        return Check("schema", "unknown")
    try:
        found: Any = json.loads(_bare(answer.text))
    except (ValueError, RecursionError) as error:
        return Check("schema", "fail", f"no JSON: {error}"[:160])
    return _against(request.schema, found)


def _bare(text: str) -> str:
    fenced = blocks(text)
    return fenced[0].code if len(fenced) == 1 and text.strip().startswith(("```", "~~~")) else text


def _against(wanted: dict[str, Any], found: Any) -> Check:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(wanted)
    try:
        kind.check_schema(wanted)
        wrong = next(iter(kind(wanted, registry=Registry()).iter_errors(found)), None)
    except (SchemaError, Unresolvable, RecursionError) as error:
        return Check("schema", "unknown", f"the schema itself cannot be used: {error}"[:160])
    if wrong is None:
        return Check("schema", "pass")
    return Check("schema", "fail", f"{wrong.json_path}: {wrong.message}"[:160])
