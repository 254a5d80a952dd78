"""The MCP server on a scripted application: the prompt says how the call goes. Notes what happens in $FAKE_NOTES.

hang        one model is tried and never answers
progress    one fails, the next answers
fail        all of them fail
break       a defect of ours
size        answers how long the prompt is
print       everything that could print to stdout does
"""

import asyncio
import atexit
import os
import subprocess
import sys
from pathlib import Path

from llm_router.errors import AllFailedError, ConfigError
from llm_router.mcp_server import warm
from llm_router.nouns import (
    Answer,
    Assessment,
    Attempt,
    Billing,
    Candidate,
    Complexity,
    Decision,
    Done,
    Failed,
    FailureKind,
    Model,
    Plan,
    Reply,
    Task,
    Text,
    Trying,
    Usage,
    Verdict,
    ask,
)

LOCAL = Model("ollama", "qwen3", billing=Billing.LOCAL)
PAID = Model("openai", "gpt")


def note(text):
    with Path(os.environ["FAKE_NOTES"]).open("a") as notes:
        notes.write(text + "\n")


def attempt(model, outcome="ok", cost=0, status=None):
    usage = Usage(1200, 300) if outcome == "ok" else None
    return Attempt(
        model.provider,
        model.id,
        outcome,
        0.0,
        10.0,
        status=status,
        usage=usage,
        cost=cost,
        billing=model.billing,
    )


def decided(request, *attempts, cost=0):
    return Decision(
        id="d_1",
        at=0.0,
        request=request,
        assessment=Assessment(request.task or Task.QUERY, Complexity.SIMPLE, 0.9, 0.1, ("short",)),
        verdict=Verdict(),
        plan=Plan((Candidate(LOCAL, "free", 0, 0), Candidate(PAID, "next", 40, 90))),
        attempts=attempts,
        total_ms=640.4,
        cost=cost,
    )


def replied(request, model, cost=0, stop="end"):
    answer = Answer(
        (Text(f"{request.task}: {request.prompt}|{request.system}|{request.session}"),),
        stop,
        Usage(1200, 300),
    )
    return Done(Reply(answer, decided(request, attempt(model, cost=cost), cost=cost)))


class FakeKeeper:
    def touch(self):
        pass


class FakeApp:
    keeper = FakeKeeper()

    @classmethod
    def build(cls, *, serves):
        broken = os.environ.get("FAKE_BROKEN_UNLESS")
        if broken and not Path(broken).exists():
            raise ConfigError("config.yaml:2:3: unknown key `provider`", fix="write `providers`")
        return cls()

    async def dry_run(self, request):
        return decided(request)

    async def stream(self, request):
        note(f"asked {request.prompt}")
        try:
            async for event in self.events(request, request.prompt.split("\n")[0]):
                yield event
        except asyncio.CancelledError:
            note(f"cancelled {request.prompt}")
            await asyncio.sleep(0)  # closing an upstream takes a turn of the loop
            note(f"closed {request.prompt}")
            raise

    async def events(self, request, script):
        yield Trying(Candidate(LOCAL, "free"))
        if script.startswith("hang"):
            await asyncio.Event().wait()
        elif script == "progress":
            yield Failed(attempt(LOCAL, FailureKind.RATE_LIMITED, status=429))
            yield Trying(Candidate(PAID, "next"))
            yield replied(request, PAID, cost=1234)
        elif script == "fail":
            tried = [attempt(LOCAL, FailureKind.RATE_LIMITED, status=429)]
            raise AllFailedError("nobody answered", tried, fix="wait a minute")
        elif script == "break":
            raise LookupError("sk-secret")
        elif script.startswith("size"):
            yield replied(ask(f"{len(request.prompt)}"), LOCAL)
        elif script == "unpriced":
            yield replied(request, PAID, cost=None)
        elif script == "long":
            yield replied(request, PAID, cost=20_000, stop="length")
        else:
            if script == "print":
                print("noise from print", flush=True)
                os.write(1, b"noise from C\n")
                subprocess.run([sys.executable, "-c", "print('noise of a child'); input()"], check=False)  # noqa: ASYNC221
            yield replied(request, LOCAL)

    async def aclose(self):
        note("app closed")


warm._app_class = lambda: FakeApp

if os.environ.get("FAKE_BROKEN_SDK"):
    sys.modules["mcp"] = None
if modules := os.environ.get("FAKE_MODULES"):
    atexit.register(lambda: Path(modules).write_text("\n".join(sys.modules)))

if __name__ == "__main__":
    from llm_router.mcp_server.front import main

    sys.exit(main(sys.argv[1:]))
