"""Measures the verifiers on answers known to be good and on the same answers made bad, and writes rates.toml.

    python scripts/measure_verifiers.py [--refusals FILE] [--write]

Good answers are real texts: modules of Python's standard library, its reference pages, its docstrings, and the functions
in scripts/verifiers/functions.py. Bad ones are made of them: mutated, misnamed, cut off, in another language (texts of
the `faker` package, which must be installed), too long, or against the schema. `--refusals` names a file of sentences
with which models decline, one a line, from a source that did not guide the verifier's own patterns.
Every draw comes from one seed. Without --write the table is printed and nothing changed.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import itertools
import json
import random
import shlex
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from verifiers.functions import CASES, Case
from verifiers.mutate import FORMS, logic, one_of_logic

from llm_router.checks import Check, Verify
from llm_router.nouns import Answer, Request, StopReason, Task, Text, Usage, ask
from llm_router.sandbox.instances import instance
from llm_router.verify import Workshop, rates
from llm_router.verify.code import lint, parse
from llm_router.verify.language import language
from llm_router.verify.prose import length, refusal, truncation
from llm_router.verify.schema import schema

SEED = 20260101
RATES = Path(rates.__file__).with_name("rates.toml")
MODULES, PARAGRAPHS, MUTANTS, PATCHES = 120, 250, 12, 40
LOCALES = (
    "en_US",
    "de_DE",
    "fr_FR",
    "es_ES",
    "it_IT",
    "pt_BR",
    "nl_NL",
    "ru_RU",
    "zh_CN",
    "ja_JP",
    "ko_KR",
    "ar_AA",
    "el_GR",
)
Labelled = tuple[bool, Check]
# Of the bad answers met in use, those that are bad in this way: assumed. Of code the measured mix has all ways.
SHARES = {"refusal": 0.1, "truncation": 0.1, "language": 0.05, "length": 0.1, "schema": 0.6, "patch": 0.5}
# For those that need a model nobody can rerun here: a handful of cases, so that they say little until measured.
ASSUMED = {"judge": (8, 2, 3, 7), "consistency": (7, 3, 4, 6)}


def answer(text: str, stop: StopReason = "end") -> Answer:
    return Answer((Text(text),), stop, Usage())


def modules(chance: random.Random) -> list[str]:
    """Whole modules of the standard library, of the size an answer may have."""
    found: list[str] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if 20 <= text.count("\n") <= 400 and "    return " in text:
            found.append(text)
    chance.shuffle(found)
    return found[:MODULES]


def paragraphs(chance: random.Random) -> list[str]:
    """Paragraphs of prose out of Python's reference pages."""
    from pydoc_data.topics import topics

    pieces = itertools.chain.from_iterable(text.split("\n\n") for _, text in sorted(topics.items()))
    flat = [" ".join(piece.split()) for piece in pieces]
    found = sorted({p for p in flat if 150 <= len(p) <= 900 and p[0].isupper() and p.endswith(".")})
    chance.shuffle(found)
    return found[:PARAGRAPHS]


# ── what each verifier is shown ──────────────────────────────────────────────


def code_cases(chance: random.Random) -> Iterator[tuple[str, Labelled]]:
    """Per module one good answer and two bad ones: half of those wrong in logic alone, which no reader can see."""
    request = ask("write the module", task=Task.CODE)
    for code in modules(chance):
        bad = [chance.choice(FORMS)(code, chance), one_of_logic(code, chance)]
        for is_good, each in [(True, code), *((False, each) for each in bad)]:
            given = answer(f"Here it is:\n\n```python\n{each}\n```\n\nIt needs nothing else.")
            yield "parse", (is_good, parse(request, given))
            yield "lint", (is_good, lint(request, given))


def prose_cases(chance: random.Random) -> Iterator[tuple[str, Labelled]]:
    request = ask("explain it", task=Task.QUERY)
    for text in paragraphs(chance):
        cut = text[: chance.randrange(len(text) // 2, len(text) - 3)]
        yield "truncation", (True, truncation(request, answer(text)))
        yield "truncation", (False, truncation(request, answer(cut)))
        yield "refusal", (True, refusal(request, answer(text)))
        sentences = text.replace("e.g. ", "").split(". ")
        one = ask("what is it? Answer in one sentence.", task=Task.QUERY)
        if len(sentences) > 3:
            yield "length", (True, length(one, answer(sentences[0] + ".")))
            yield "length", (False, length(one, answer(text)))
        words = len(text.split())
        yield "length", (True, length(ask(f"sum it up in under {words + 10} words"), answer(text)))
        yield "length", (False, length(ask(f"sum it up in under {max(5, words // 2)} words"), answer(text)))


def refusal_cases(path: Path | None, chance: random.Random) -> Iterator[tuple[str, Labelled]]:
    if path is None:
        return
    request, more = (
        ask("how do I do it?"),
        ("", " with that.", " this request. Is there something else I can do?"),
    )
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield "refusal", (False, refusal(request, answer(line.strip() + chance.choice(more))))


def language_cases() -> Iterator[tuple[str, Labelled]]:
    from faker import Faker

    fakes = {name: Faker(name) for name in LOCALES}
    for n, fake in enumerate(fakes.values()):
        fake.seed_instance(SEED + n)
    for name, fake in fakes.items():
        for other in LOCALES:
            for _ in range(10 if other == name else 1):
                request = ask(fake.text(200))
                yield "language", (other == name, language(request, answer(fakes[other].text(400))))


def schema_cases(chance: random.Random) -> Iterator[tuple[str, Labelled]]:
    for n in range(60):
        names = [f"field{i}" for i in range(1 + n % 6)]
        kinds = [chance.choice(("string", "integer", "boolean", "array")) for _ in names]
        wanted = {
            "type": "object",
            "properties": {
                k: {"type": t} | ({"items": {"type": "number"}} if t == "array" else {})
                for k, t in zip(names, kinds, strict=True)
            },
            "required": names,
            "additionalProperties": False,
        }
        request, good = Request(ask("as JSON").messages, schema=wanted), instance(wanted)
        text = json.dumps(good)
        broken = dict(good)
        del broken[chance.choice(names)]
        wrong = good | {chance.choice(names): None}
        for each in (text, f"```json\n{text}\n```"):
            yield "schema", (True, schema(request, answer(each)))
        for each in (
            json.dumps(broken),
            json.dumps(wrong),
            json.dumps(good | {"more": 1}),
            text[:-2],
            f"Here: {text}",
        ):
            yield "schema", (False, schema(request, answer(each)))


# ── what has to be run ───────────────────────────────────────────────────────


async def tried_cases(chance: random.Random) -> list[tuple[str, Labelled]]:
    shop, slots = Workshop(seconds=10), asyncio.Semaphore(2)

    async def one(name: str, is_good: bool, check: Callable[[], object]) -> tuple[str, Labelled]:
        async with slots:
            return name, (is_good, await check())  # type: ignore[misc]

    jobs = [one(*job) for job in (*_test_jobs(shop, chance), *_patch_jobs(shop, chance))]
    return list(await asyncio.gather(*jobs))


def _test_jobs(shop: Workshop, chance: random.Random) -> Iterator[tuple[str, bool, Callable[[], object]]]:
    """Versions that behave like the original on the case's inputs are good, however they are written."""
    for case in CASES:
        mutants = list(dict.fromkeys(logic(case.code)))
        chance.shuffle(mutants)
        for code in [case.code, *mutants[:MUTANTS]]:
            tests = "\n".join(f"assert {each}" for each in case.tests)
            verify = Verify("always", tests=_command(case, tests), file=f"{case.name}.py")
            given = answer(f"```python\n{code}\n```")
            yield (
                "tests",
                _alike(case, code),
                lambda verify=verify, given=given: shop.tests(verify, given, seconds=10),
            )


def _command(case: Case, tests: str) -> str:
    return f"python3 -c {shlex.quote(f'from {case.name} import {case.name}{chr(10)}{tests}')}"


def _alike(case: Case, code: str) -> bool:
    return _behaviour(case, case.code) == _behaviour(case, code)


def _behaviour(case: Case, code: str) -> list[str]:
    """What it gives for the inputs, and for what the tests ask: who fails a test behaves differently."""
    space: dict[str, object] = {}
    exec(code, space)
    asked = [_limited(space[case.name], arguments) for arguments in eval(case.inputs)]
    return asked + [_limited(lambda test=test: eval(test, space), ()) for test in case.tests]


def _limited(function: object, arguments: tuple[object, ...], most: int = 20_000) -> str:
    """In this process, but under a limit of steps: a mutant may not end."""
    steps = itertools.count()

    def step(*_: object) -> object:
        if next(steps) > most:
            raise TimeoutError
        return step

    sys.settrace(step)  # type: ignore[arg-type]
    try:
        return repr(function(*arguments))  # type: ignore[operator]
    except Exception as error:
        return type(error).__name__
    finally:
        sys.settrace(None)


def _patch_jobs(shop: Workshop, chance: random.Random) -> Iterator[tuple[str, bool, Callable[[], object]]]:
    """A patch of one change to a module; bad ones are against another text, another file, or damaged."""
    for n, code in enumerate(modules(chance)[:PATCHES]):
        folder = Path(tempfile.mkdtemp(prefix="measure-"))
        (folder / "module.py").write_text(code, encoding="utf-8")
        lines = code.splitlines(keepends=True)
        at = chance.randrange(len(lines) // 4, 3 * len(lines) // 4)
        changed = [*lines[:at], "# changed here\n", *lines[at + 1 :]]
        diff = "".join(difflib.unified_diff(lines, changed, "a/module.py", "b/module.py"))
        moved = diff.replace("module.py", "other.py")
        stale = "\n".join(
            f" {line[1:]}x" if line.startswith(" ") and line.strip() else line for line in diff.splitlines()
        )
        for is_good, each in ((True, diff), (False, (moved, stale)[n % 2])):
            given, verify = answer(f"```diff\n{each}\n```"), Verify("always", tree=str(folder))
            yield "patch", is_good, lambda verify=verify, given=given: shop.patch(verify, given)


# ── the table ────────────────────────────────────────────────────────────────


def measured(refusals: Path | None) -> dict[str, Counter[str]]:
    chance = random.Random(SEED)
    found = [
        *code_cases(chance),
        *prose_cases(chance),
        *refusal_cases(refusals, chance),
        *language_cases(),
        *schema_cases(chance),
        *asyncio.run(tried_cases(chance)),
    ]
    counts: dict[str, Counter[str]] = {}
    for name, (is_good, check) in found:
        counts.setdefault(name, Counter())[f"{'good' if is_good else 'bad'}_{check.finding}"] += 1
    return counts


def as_toml(counts: dict[str, Counter[str]]) -> str:
    today = datetime.now(UTC).date().isoformat()
    lines = [
        "# Made by scripts/measure_verifiers.py: how many good and how many bad answers each verifier passed and failed.",
        "# `share` is assumed, and so are the counts of what was not measured.",
        f'measured_on = "{today}"',
        "",
    ]
    rows = {
        name: (c["good_pass"], c["good_fail"], c["bad_pass"], c["bad_fail"], True)
        for name, c in counts.items()
    }
    rows |= {name: (*assumed, False) for name, assumed in ASSUMED.items()}
    for name, row in sorted(rows.items()):
        keys = ("good_passed", "good_failed", "bad_passed", "bad_failed")
        lines += [
            f"[verifiers.{name}]",
            *(f"{key} = {value}" for key, value in zip(keys, row[:4], strict=True)),
        ]
        lines += [f"share = {SHARES[name]}"] if name in SHARES else []
        lines += ["measured = false"] * (not row[4]) + [""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--refusals", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    counts = measured(given.refusals)
    print(f"{'verifier':12} {'good':>17} {'bad':>17}   recall  false alarm  precision")
    for name, c in sorted(counts.items()):
        row = rates.Rates(c["good_pass"], c["good_fail"], c["bad_pass"], c["bad_fail"])
        shown = [
            "/".join(str(c[f"{kind}_{f}"]) for f in ("pass", "fail", "unknown")) for kind in ("good", "bad")
        ]
        print(
            f"{name:12} {shown[0]:>17} {shown[1]:>17}   {row.recall:6.3f}  {row.false_alarm:11.3f}  {row.precision:9.3f}"
        )
    if given.write:
        RATES.write_text(as_toml(counts), encoding="utf-8")


if __name__ == "__main__":
    main()
