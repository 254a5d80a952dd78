#!/bin/sh
# Start `llm-router mcp` for a plugin host: the installed program, else the one of this folder's own environment, else
# through uv or pipx, which install it on first use. Hosts started from a desktop have a short PATH, hence the folders.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
for each in "$(command -v llm-router)" "$root/.venv/bin/llm-router" "$HOME/.local/bin/llm-router" \
  /opt/homebrew/bin/llm-router /usr/local/bin/llm-router; do
  [ -n "$each" ] && [ -x "$each" ] && exec "$each" mcp "$@"
done
if [ -f "$root/pyproject.toml" ]; then
  command -v uvx >/dev/null && exec uvx --quiet --from "$root" llm-router mcp "$@"
  command -v pipx >/dev/null && exec pipx run --quiet --spec "$root" llm-router mcp "$@"
fi
echo "llm-router is not installed; fix: pipx install '$root' (or: uv tool install '$root')" >&2
exit 1
