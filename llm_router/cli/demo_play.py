"""Plays the scenes of the demo and says what did not go as intended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from llm_router import paths
from llm_router.app import App
from llm_router.cli.demo_scenes import FREE, Act, Scene
from llm_router.errors import RouterError
from llm_router.nouns import Attempt, Decision, Done, Event, Failed, JsonDict, Reply, TextDelta, ask
from llm_router.sandbox import Sandbox, digest

PATIENCE = 60.0  # the sandbox always answers, on a busy machine late


@dataclass(slots=True)
class Played:
    """What came of a scene. `problems` is empty where it went as intended; `story` is the ledger's, read at the end."""

    number: int
    act: Act
    scene: Scene
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    pieces: list[str] = field(default_factory=list[str])
    reply: Reply | None = None
    error: RouterError | None = None
    problems: list[str] = field(default_factory=list[str])
    story: JsonDict | None = None

    @property
    def decision(self) -> Decision | None:
        if self.reply is not None:
            return self.reply.decision
        return self.error.decision if self.error else None

    def see(self, event: Event) -> None:
        match event:
            case Failed(attempt):
                self.attempts.append(attempt)
            case TextDelta(text):
                self.pieces.append(text)
            case Done(reply):
                self.reply, self.attempts = reply, list(reply.decision.attempts)
            case _:
                pass


class Stage:
    """The sandbox and a folder to live in. Nothing of the user's home or environment is seen from here."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self._box, self._folder, self._bin = box, folder, folder / "bin"
        self.root, self._project = folder / "home", folder / "project"
        self._project.mkdir()
        (self._project / paths.PROJECT_FILE).touch()  # so that none is looked for in the folders above
        box.codex(self._bin)

    def open(self, act: Act) -> App:
        """The application of a user who has set up what the act says."""
        called = [name for name in act.providers if name != "codex"]
        path = str(self._bin) if "codex" in act.providers else ""
        absent = {f"providers.{name}.enabled": False for name in FREE if name not in act.providers}
        app = App.build(
            root=self.root,
            cwd=self._project,
            environ=self._box.environ(called) | {"HOME": str(self._folder), "PATH": path},
            flags={**absent, **act.flags},
            patience=PATIENCE,
        )
        app.health.reset()
        return app

    async def warm(self, app: App, act: Act) -> None:
        """Load the SDKs and look around once, so that the times shown are those of a process that runs."""
        for name in act.providers:
            await asyncio.to_thread(app.providers.get, name)
        await app.dry_run(ask("warm up"))

    async def play(self, played: Played, app: App) -> None:
        scene = played.scene
        for vendor, fault in scene.faults.items():
            self._box.fault(vendor, fault)
        if scene.codex:
            self._box.codex(self._bin, fault=scene.codex)
        try:
            async with aclosing(app.stream(scene.request())) as events:
                async for event in events:
                    played.see(event)
        except RouterError as error:
            played.error = error
        finally:
            self._box.clear()
            if scene.codex:
                self._box.codex(self._bin)
        played.problems += _problems(played)


def _problems(played: Played) -> Iterator[str]:
    scene = played.scene
    tried = " ".join(f"{each.provider}:{each.outcome}" for each in played.attempts)
    if not fnmatchcase(tried, scene.tried):
        yield f"expected the attempts {scene.tried!r}, saw {tried!r}"
    code = played.error.code if played.error else ""
    if code != scene.code:
        yield f"expected {scene.code or 'no'} error, got {code or 'none'}: {played.error or ''}"
    skipped = played.decision.plan.skipped if played.decision else ()
    reasons = [f"{each.ref}: {each.reason}" for each in skipped]
    if scene.left_out and not any(fnmatchcase(reason, scene.left_out) for reason in reasons):
        yield f"expected {scene.left_out!r} among those left out, saw {reasons}"
    if played.reply is not None:
        yield from _wrong_answer(played, played.reply)


def _wrong_answer(played: Played, reply: Reply) -> Iterator[str]:
    """The simulator marks each answer with its prompt's digest; what Codex is sent wraps the prompt."""
    scene, winner = played.scene, reply.decision.winner
    schema: JsonDict | None = scene.asked.get("schema")
    if schema is not None:
        if not _has_keys(reply.text, schema):
            yield f"expected JSON of the schema, got {reply.text[:80]!r}"
    elif winner is None or _scripted(scene, winner.provider):
        return
    elif winner.provider != "codex" and digest(scene.prompt) not in reply.text:
        yield f"the answer is not to this prompt: {reply.text[:80]!r}"
    if scene.asked.get("stream") and "".join(played.pieces) != reply.text:
        yield "the streamed pieces do not make up the answer"


def _scripted(scene: Scene, provider: str) -> bool:
    return provider in scene.faults and scene.faults[provider].kind == "says"


def _has_keys(text: str, schema: JsonDict) -> bool:
    try:
        found: JsonDict | list[Any] | str | float | None = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and set(found) == set(schema["required"])
