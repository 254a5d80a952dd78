"""Put the Gemini CLI extension together: one folder that `gemini extensions install` takes.

    python3 scripts/pack_extension.py OUT

Gemini CLI reads an extension's hooks from its own hooks/hooks.json, and the one of this repository is Claude Code's; and
it copies the folder it installs. So the extension is the folder extensions/gemini with the hooks' code and the
classifier added. Standard library only; OUT must not exist yet.
"""

import argparse
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = {
    "extensions/gemini": ".",
    "extensions/mcp.sh": "mcp.sh",
    "hooks": "hooks",
    "llm_router/classify": "llm_router/classify",
    "skills": "skills",
    "LICENSE": "LICENSE",
}


def pack(out: Path) -> Path:
    """Raises FileExistsError rather than mix with what is there."""
    out.mkdir(parents=True)
    for source, place in PARTS.items():
        origin, target = ROOT / source, out / place
        if origin.is_dir():
            skip = shutil.ignore_patterns("__pycache__", *(["*.json"] if source == "hooks" else []))
            shutil.copytree(origin, target, ignore=skip, dirs_exist_ok=True)
        else:
            shutil.copyfile(origin, target)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT")
    out = parser.parse_args().out
    try:
        pack(out)
    except FileExistsError:
        print(f"error: {out} exists; fix: remove it, or name another folder", file=sys.stderr)
        return 1
    print(f"gemini extensions install {out} --consent --skip-settings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
