"""The hint: what is put beside a prompt so that the host's model calls our tool before it works itself.

Only where that pays: the prompt stands by itself, the classifier is sure, a model other than the host's own would
answer, and the extra call costs the host less than answering. Where in doubt there is no hint: a missing one costs a
little money, a wrong one costs the user an answer.
"""

import os
import sys

import costs
import prompts


def _set(table: str) -> "frozenset[str]":
    return frozenset(table.split())


SURE = 0.5  # confidence of the classifier
_ROUTED = ("query", "research", "analyze", "generate", "code")
_LEVELS = ("simple", "moderate", "complex", "deep_reasoning")

# What the host's model would produce if it answered itself, in tokens: (words of the answer, thinking before them)
# for each level. Assumptions of the usual size, not measurements: they decide whether a hint is worth it and are
# shown as "up to about", never as savings. What was really saved is counted afterwards, from used answers.
_WORK = {
    "query": ((300, 150), (600, 400), (1200, 1200), (2000, 4000)),
    "research": ((600, 400), (1200, 1000), (2000, 2500), (3000, 5000)),
    "generate": ((350, 150), (900, 400), (2000, 1200), (3500, 3000)),
    "analyze": ((400, 400), (800, 1000), (1500, 3000), (2500, 8000)),
    "code": ((300, 200), (900, 700), (2000, 2500), (3500, 7000)),
}
_CONTEXT = 12_000  # tokens of a conversation that has just begun
# dollars a million, in and out: only their ratio matters when the baseline is unknown
_USUAL_PRICES = (5.0, 25.0)

_WRITES = _set("write draft compose author pen prepare")
_ADDS = _set("add create make produce")
_CONTENT = _set("""card cards spec specs specification story stories ticket tickets docs documentation readme changelog notes note
    email mail letter post blog article announcement summary description proposal report rfc adr prd brief outline
    copy faq guide tutorial message poem haiku essay speech tweet newsletter memo agenda bio slogan tagline runbook
    handbook manual whitepaper postmortem invitation reply text paragraph page-copy persona checklist""")
_SNIPPETS = _set(
    "function regex regexp script query one-liner oneliner snippet command class program algorithm macro formula"
)
_TREATS = _set(
    "explain convert translate review refactor simplify optimize optimise fix debug what what's why rewrite port"
)
_ASK = 40  # words before a snippet; more than that is the report of a fault in a project
_MAKES = _set("write create implement generate give show code make build produce")


def hint(prompt: str, state: dict, snapshot: dict) -> "tuple[str, dict] | None":
    """(the block, the route) or None. The route: {"task", "complexity", "tool", "soft"}.

    `state` is the agent's own: its key "failed" (routes in a row whose call failed or never came) silences the hint, for
    a router that does not answer must not stand in the way. `snapshot["call_name"]`, if any, turns the tool's plain
    name into the one this host knows it by; `snapshot["transcript"]`, if any, tells how long the conversation is.
    """
    if _count(state.get("failed")) > 1 or snapshot.get("mcp") is False:
        return None
    lacks = prompts.needs(prompt)
    if lacks not in ("", "project", "news"):
        return None
    judged = _classified(prompt)
    if judged is None or judged.task not in _ROUTED:
        return None
    task, complexity, sure = judged.task, judged.complexity, judged.confidence
    soft = _is_content(prompt, task)
    if soft:
        task = "generate"
    elif lacks == "project" or sure < SURE or (task == "code" and not _is_snippet(prompt)):
        return None
    via = _via(complexity, snapshot)
    if via is None or (lacks == "news" and not _searches(via)):
        return None
    context = costs.context(snapshot.get("transcript") or "")
    saved = gain(prompt, task, complexity, snapshot.get("baseline"), context or _CONTEXT)
    if saved is None:
        return None
    route = {"task": task, "complexity": complexity, "tool": f"llm_{task}", "soft": soft}
    return _block(route, via, saved, snapshot), route


def gain(
    prompt: str, task: str, complexity: str, baseline: "dict | None", context: int = _CONTEXT
) -> "float | None":
    """Dollars that a call saves the host's model at most, None if none; 0.0 when its prices are unknown but it pays.

    Answering:  (answer + thinking) written.
    Routing:    the call written, prompt included, which is why long prompts do not pay; call and answer read; the
                conversation (`context` tokens) read once more, which is why little pays late in a long one.
    Not in it: what the routed model costs (nothing, if it is local), and what the host repeats of the answer.
    """
    answer, thinking = _WORK[task][_LEVELS.index(complexity)]
    known = baseline is not None
    price_in = baseline["input_per_million"] if known else _USUAL_PRICES[0]
    price_out = baseline["output_per_million"] if known else _USUAL_PRICES[1]
    answering = (answer + thinking) * price_out
    asked = len(prompt.encode("utf-8", "replace")) / costs.CHARS
    routing = costs.routing(asked, answer, context, price_in, price_out)
    if answering <= routing:
        return None
    return (answering - routing) / 1e6 if known else 0.0


def _classified(prompt: str) -> "object | None":
    """The product's own classifier, loaded by its path: beside the hooks in a checkout, above them in an installation."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(root, "llm_router", "classify"), os.path.join(root, "classify")):
        if os.path.isfile(os.path.join(folder, "judge.py")):
            if folder not in sys.path:
                sys.path.insert(0, folder)
            import judge

            return judge.classify(prompt)
    return None


def _via(complexity: str, snapshot: dict) -> "str | None":
    """Who would answer: "" when unknown, None when nobody can or it is the host's own model anyway."""
    routes, baseline = snapshot.get("routes") or {}, snapshot.get("baseline") or {}
    via = routes.get(complexity, "")
    if not via:
        return None if snapshot.get("written_at") or complexity not in _LEVELS[:2] else ""
    own = baseline.get("model", "")
    return None if own and via.rpartition("/")[2] == own.rpartition("/")[2] else via


def _searches(via: str) -> bool:
    return via.startswith("perplexity/") or "sonar" in via or "search" in via


def _is_content(prompt: str, task: str) -> bool:
    """Writing something: worth a suggestion even where the project must be looked at to place it."""
    words = _words(prompt)
    for place, word in enumerate(words[:6]):
        near = words[place + 1 : place + 7]
        if word in _WRITES and (task == "generate" or not _CONTENT.isdisjoint(near)):
            return _SNIPPETS.isdisjoint(near) or task == "generate"
        if word in _ADDS and not _CONTENT.isdisjoint(near[:3]):
            return True
    return False


def _is_snippet(prompt: str) -> bool:
    """Code that needs no repository: the snippet is in the prompt, or a single small thing is to be written."""
    words = _words(prompt)
    if prompt.count("```") > 1 and len(prompt.partition("```")[0].split()) < _ASK:
        return not _TREATS.isdisjoint(words[:6])
    starts = [place for place, word in enumerate(words[:8]) if word in _MAKES]
    return any(not _SNIPPETS.isdisjoint(words[place + 1 : place + 7]) for place in starts)


def _words(prompt: str) -> "list[str]":
    return [word.strip(".,;:!?()\"'`") for word in prompt[:400].lower().split()]


def _count(value: object) -> int:
    return value if type(value) is int else 0


def _block(route: dict, via: str, saved: float, snapshot: dict) -> str:
    """Fewer than 900 characters, whatever the names in it."""
    name = snapshot.get("call_name") or "{}"
    call = name.format(route["tool"])[:120]
    lines = [
        f"task:   {route['task']} ({route['complexity']})",
        f'action: {call}(prompt="<the request, whole>", context="<text it needs, if any>")',
    ]
    lines.append(f"via:    {via[:80] or 'the cheapest model that can do it'}")
    if saved:
        lines.append(f"saves:  up to about {_dollars(saved)} against {snapshot['baseline']['model'][:60]}")
    return "\n".join(
        (_top(route["soft"]), *(f"│ {line}" for line in lines), "└" + "─" * 40, _after(route["soft"]))
    )


def _top(soft: bool) -> str:
    return (
        "┌─ SUGGESTED ROUTE ─ llm-router ─────────" if soft else "┌─ MANDATORY ROUTE ─ llm-router ─────────"
    )


def _after(soft: bool) -> str:
    if soft:
        return (
            "Have the text written by this call first, then place it with your own tools. "
            "Skip it when the text depends on files you would have to quote at length."
        )
    return (
        "Make this call before any other tool (load it with ToolSearch if only its name is listed). "
        "Give the user its answer as it is; do not work it out again. If the call fails, answer yourself."
    )


def _dollars(amount: float) -> str:
    """One digit: the estimate is no better than that."""
    return f"${float(f'{amount:.1g}'):f}".rstrip("0").rstrip(".")
