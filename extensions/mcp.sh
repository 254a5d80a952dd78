#!/bin/sh
# Start `llm-router mcp` for a plugin host: the installed program, else that of the checkout this file is part of, else
# the checkout through uv or pipx. Hosts started from a desktop have a short PATH, hence the folders.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
[ -f "$root/llm_router/__main__.py" ] && [ -f "$root/pyproject.toml" ] || root=
for each in "$(command -v llm-router)" "${root:+$root/.venv/bin/llm-router}" "$HOME/.local/bin/llm-router" \
  /opt/homebrew/bin/llm-router /usr/local/bin/llm-router; do
  [ -n "$each" ] && [ -x "$each" ] && exec "$each" mcp "$@"
done
if [ -n "$root" ]; then
  command -v uvx >/dev/null && exec uvx --quiet --from "$root" llm-router mcp "$@"
  command -v pipx >/dev/null && exec pipx run --quiet --spec "$root" llm-router mcp "$@"
fi
echo "llm-router is not installed; fix: pipx install '${root:-llm-router}'" >&2
exit 1
