"""An answer tried out: its patch applied and the caller's tests run, in a copy of the caller's folder."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from llm_router.checks import Check, Verify
from llm_router.nouns import Answer
from llm_router.verify.blocks import Block, blocks, patch
from llm_router.verify.confined import Confinement, Ended, copied, dependencies

MOST_BYTES, MOST_FILES = 100 << 20, 20_000
_GIT_S = 20.0
_SUFFIXES: Mapping[str, str] = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "ruby": "rb",
    "php": "php",
    "c": "c",
    "cpp": "cpp",
    "kotlin": "kt",
    "swift": "swift",
    "csharp": "cs",
    "shell": "sh",
}
_NOT_FOUND = 127  # of a shell: no such command
_NO_TESTS = 5  # of pytest: nothing was collected


@dataclass(frozen=True, slots=True)
class Workshop:
    """How answers are tried out. `unisolated`: where the system permits no isolation, run tests with limits alone."""

    seconds: float = 60.0
    unisolated: bool = False
    confinement: Confinement = field(default_factory=Confinement)

    async def patch(self, verify: Verify, answer: Answer) -> Check:
        """Whether the answer's patch applies to the tree; unknown where either is missing."""
        if not verify.tree or not patch(answer.text):
            return Check("patch", "unknown")
        with _folder() as folder:
            trouble = await _put(verify, answer, Path(folder))
        return Check("patch", trouble.finding, trouble.detail) if trouble else Check("patch", "pass")

    async def tests(self, verify: Verify, answer: Answer, *, seconds: float) -> Check:
        """Whether the command `verify.tests` ends with 0 once the answer's patch or code is in place.

        A test that never ends, dies or leaves processes behind has failed, and costs no more than its time.
        """
        if not verify.tests:
            return Check("tests", "unknown")
        seconds = min(seconds, self.seconds)
        with _folder() as folder:
            work = Path(folder)
            if trouble := await _put(verify, answer, work):
                return trouble
            at = Path(verify.tree) if verify.tree else work
            argv = ["/bin/sh", "-c", verify.tests]
            packages = await asyncio.to_thread(dependencies, Path(verify.tree)) if verify.tree else []
            ended = await self.confinement.run(argv, work, timeout_s=seconds, at=at, beside=packages)
            if ended.error and self.unisolated:
                bare = Confinement(False, self.confinement.limits, self.confinement.environ)
                ended = await bare.run(argv, work, timeout_s=seconds)
        return _found(ended, verify.tests, seconds)

    async def javascript(self, answer: Answer) -> Check:
        """Node's own parser, where Node is installed: finds more than unbalanced brackets."""
        found = [b for b in blocks(answer.text) if b.language == "javascript"]
        path = self.confinement.environ.get("PATH")
        if not found or shutil.which("node", path=path) is None:
            return Check("parse", "unknown")
        with _folder() as folder:
            names: list[str] = []
            for n, block in enumerate(found):
                is_module = any(line.startswith(("import ", "export ")) for line in block.code.splitlines())
                names.append(f"block{n}.{'mjs' if is_module else 'cjs'}")
                (Path(folder) / names[-1]).write_text(block.code, encoding="utf-8", errors="replace")
            script = " && ".join(f"node --check {name}" for name in names)
            ended = await self.confinement.run(
                ["/bin/sh", "-c", script], Path(folder), timeout_s=min(10.0, self.seconds)
            )
        if ended.code == 0:
            return Check("parse", "pass")
        wrong = next((line for line in ended.output.splitlines() if "Error:" in line), "")
        return Check("parse", "fail", f"javascript: {wrong}"[:160]) if wrong else Check("parse", "unknown")


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="llm-router-trial-", ignore_cleanup_errors=True)


def _found(ended: Ended, command: str, seconds: float) -> Check:
    last = [line.strip() for line in ended.output.splitlines() if line.strip()][-1:]
    told = last[0][:200] if last else ""
    if ended.error:
        fix = "routing.unisolated_tests runs them with resource limits alone"
        return Check("tests", "unknown", f"{ended.error}; {fix}"[:300])
    if ended.timed_out:
        return Check("tests", "fail", f"not done after {seconds:.0f} s")
    if ended.signal is not None:
        return Check("tests", "fail", f"killed by signal {ended.signal}")
    if ended.code == _NOT_FOUND or (ended.code == _NO_TESTS and "pytest" in command):
        return Check("tests", "unknown", f"`{command}` could not test: {told}"[:200])
    if ended.code:
        return Check("tests", "fail", f"exit {ended.code}: {told}")
    return Check("tests", "pass", told)


async def _put(verify: Verify, answer: Answer, work: Path) -> Check | None:
    """The tree copied to `work` and the answer put into it; else a check that says why not."""
    tree = Path(verify.tree) if verify.tree else None
    if tree is not None:
        try:
            refused = await asyncio.to_thread(
                copied, tree, work, most_bytes=MOST_BYTES, most_files=MOST_FILES
            )
        except OSError as error:
            refused = f"{tree} cannot be copied: {error}"
        if refused:
            return Check("tests", "unknown", refused[:200])
    kept = _tests_of(verify.tests, work)
    if diff := patch(answer.text):
        if wrong := await _applied(diff, work):
            return Check("patch", "fail", wrong)
    elif not _written(blocks(answer.text), verify.file, work):
        return Check("tests", "fail", "the answer has neither code nor a patch to test")
    try:
        for path, content in kept.items():
            _restore(path, content, work)
    except OSError:
        return Check("tests", "fail", "the answer puts something else in place of the tests")
    return None


def _restore(path: Path, content: bytes, work: Path) -> None:
    """An answer may not change what it is tested by, nor lead our own hand out of the copy with a link."""
    inside = work.resolve()
    for place in (*reversed(path.parents), path):
        if place.is_relative_to(work) and place.is_symlink() and not place.resolve().is_relative_to(inside):
            place.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _tests_of(command: str, work: Path) -> dict[Path, bytes]:
    with suppress(ValueError):
        words = [word.partition("::")[0] for word in shlex.split(command)]
        return {
            work / w: (work / w).read_bytes()
            for w in words
            if (work / w).is_file() and not Path(w).is_absolute()
        }
    return {}


async def _applied(diff: str, work: Path) -> str:
    """Empty when it applies. git refuses paths that leave the folder; models miscount the lines of a hunk."""
    said = ""
    for strip in ("1", "0"):
        code, said = await _git(["apply", "--recount", "--whitespace=nowarn", f"-p{strip}", "-"], diff, work)
        if code == 0:
            return ""
    return f"the patch does not apply: {said}"[:200]


async def _git(arguments: list[str], given: str, work: Path) -> tuple[int, str]:
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(work), "LC_ALL": "C"}
    env |= {"GIT_CEILING_DIRECTORIES": str(work.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    try:
        process = await asyncio.create_subprocess_exec(
            *("git", *arguments),
            cwd=work,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return 1, f"git cannot be run: {error}"
    try:
        async with asyncio.timeout(_GIT_S):
            _, said = await process.communicate(given.encode("utf-8", "replace"))
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return process.returncode or 0, " ".join(said.decode("utf-8", "replace").split())


def _written(found: list[Block], file: str, work: Path) -> bool:
    """Put code where it says it belongs, else where the caller wants it, else into `answer.py` or its like."""
    code = [block for block in found if block.language in _SUFFIXES or block.file]
    nameless = [block for block in code if not block.file]
    if file and len(code) == 1 and not nameless:
        nameless, code = code, []
    for block in code:
        if block.file:
            _write(work, block.file, block.code + "\n")
    if nameless:
        language = max(nameless, key=lambda b: len(b.code)).language
        joined = "\n\n".join(block.code for block in nameless if block.language == language) + "\n"
        _write(work, file or f"answer.{_SUFFIXES.get(language, 'txt')}", joined)
    return bool(code or nameless)


def _write(work: Path, name: str, text: str) -> None:
    """Nothing is written outside the copy, whatever the answer calls its files."""
    target = (work / name.lstrip("/")).resolve()
    if not target.is_relative_to(work.resolve()):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", errors="replace")
