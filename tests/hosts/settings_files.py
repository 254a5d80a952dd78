"""Settings files as people have them, for every host: with comments where the host reads them, and others' entries."""

CLAUDE_SETTINGS = """{
  "model": "opus",
  "permissions": {
    "allow": [
      "Bash(npm run test:*)",
      "mcp__github"
    ],
    "deny": ["Read(./.env)"],
    "defaultMode": "acceptEdits"
  },
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Bash",
        "hooks": [
          {"type": "command", "command": "/usr/local/bin/guard.sh", "timeout": 5}
        ]
      }
    ],
    "Notification": [{"hooks": [{"type": "command", "command": "notify-send 'Claude needs you'"}]}]
  },
  "someSettingOfTomorrow": {"a": [1, 2.50, true, null]}
}
"""
CLAUDE_STATE = (
    '{"numStartups":7,"tipsHistory":{"a":1},"projects":{"/home/me/x":{"allowedTools":[],"history":['
    '{"display":"say \\"hi\\" {"}]}},"mcpServers":{"github":{"type":"http","url":"https://example.org/mcp"}},'
    '"oauthAccount":{"emailAddress":"me@example.org"}}'
)
CODEX_CONFIG = """# my codex
model = "gpt-x"   # the good one
model_reasoning_effort = 'high'

[mcp_servers.docs]
command = "npx"
args = [
    "-y", # yes
    "docs-server",
]

[mcp_servers.docs.env]
TOKEN = "a#b"

[projects."/home/me/a b"]
trust_level = "trusted"

[tui]
theme = "dark"
notes = \"\"\"
[mcp_servers.not_a_table]
\"\"\"
"""
CODEX_HOOKS = """{
    "hooks": {
        "Stop": [ { "hooks": [ { "type": "command", "command": "say done" } ] } ]
    }
}
"""
GEMINI_SETTINGS = """{
\t// signed in with a key
\t"security": { "auth": { "selectedType": "gemini-api-key" } },
\t"ui": { "theme": "Ayu" }, /* light */
\t"mcpServers": {
\t\t"files": { "command": "files-mcp", "trust": false }
\t}
}
"""
VSCODE_MCP = """{
    // servers of this user
    "servers": {
        "playwright": {
            "command": "npx",
            "args": ["@playwright/mcp@latest"], // newest
        },
    },
    "inputs": [
        {"type": "promptString", "id": "key", "description": "Key", "password": true},
    ],
}
"""
PLAIN_MCP = """{
  "mcpServers": {
    "memory": {"command": "npx", "args": ["-y", "memory"], "env": {"API_KEY": "abc"}}
  }
}"""
OPENCODE = """// mine
{
  "$schema": "https://opencode.ai/config.json",
  "theme": "tokyonight", // night
  /* none yet
  "mcp": {},
  */
  "keybinds": { "leader": "ctrl+x" },
}
"""
ZED = """// Zed settings
//
// For information on how to configure Zed, see the docs.
{
  "theme": {
    "mode": "system",
    "light": "One Light", // not often
    "dark": "One Dark",
  },
  // "context_servers": { "old": {} },
  "languages": { "Python": { "tab_size": 4 } },
  "buffer_font_size": 15.0
}
"""
DESKTOP = """{
  "globalShortcut": "",
  "mcpServers": {}
}
"""

# host -> {file below home: text}
USER = {
    "claude": {".claude/settings.json": CLAUDE_SETTINGS, ".claude.json": CLAUDE_STATE},
    "codex": {".codex/config.toml": CODEX_CONFIG, ".codex/hooks.json": CODEX_HOOKS},
    "gemini-cli": {".gemini/settings.json": GEMINI_SETTINGS},
    "vscode": {".config/Code/User/mcp.json": VSCODE_MCP},
    "cursor": {".cursor/mcp.json": PLAIN_MCP},
    "windsurf": {".codeium/windsurf/mcp_config.json": PLAIN_MCP},
    "opencode": {".config/opencode/opencode.jsonc": OPENCODE},
    "zed": {".config/zed/settings.json": ZED},
    "claude-desktop": {".config/Claude/claude_desktop_config.json": DESKTOP},
}

# host -> {file below the project: text}
PROJECT = {
    "claude": {".mcp.json": PLAIN_MCP, ".claude/settings.local.json": CLAUDE_SETTINGS},
    "codex": {".codex/config.toml": CODEX_CONFIG, ".codex/hooks.json": CODEX_HOOKS},
    "gemini-cli": {".gemini/settings.json": GEMINI_SETTINGS},
    "vscode": {".vscode/mcp.json": VSCODE_MCP},
    "cursor": {".cursor/mcp.json": PLAIN_MCP},
    "opencode": {"opencode.jsonc": OPENCODE},
    "zed": {".zed/settings.json": ZED},
}

# what a file may look like otherwise, with the same content
STYLES = {
    "as written": lambda text: text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "no newline at the end": lambda text: text.rstrip("\n").encode(),
    "blank lines at the end": lambda text: (text + "\n\n").encode(),
}
