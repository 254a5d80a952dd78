"""Write llm_router/mcp_server/manifest.json anew: run this after a change of tools, resources, prompts or the SDK."""

import asyncio
import json

from llm_router.mcp_server.manifest import make
from llm_router.mcp_server.static import MANIFEST

text = json.dumps(asyncio.run(make()), indent=1, ensure_ascii=False)
MANIFEST.write_text(f"{text}\n", encoding="utf-8")
print(f"{MANIFEST.name}: {len(text):,} characters")
