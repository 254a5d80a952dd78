"""What the sandbox says of JSON. It takes nothing from the nouns: the stand-ins run on bare Python, without packages."""

from typing import Any

JsonDict = dict[str, Any]
