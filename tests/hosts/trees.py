"""Folders of settings: written, read, and looked at byte by byte."""

from llm_router.hosts import jsonc


def tree(folder):
    """Every file with its bytes and mode, every link with its target, every folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = (oct(path.stat().st_mode & 0o777), path.read_bytes())
        else:
            found[name] = "folder"
    return found


def write(folder, files, style=str.encode):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(style(text))


def read_json(path):
    return jsonc.parse(path.read_bytes().decode("utf-8-sig"), str(path)).value
