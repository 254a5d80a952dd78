"""The parts of the MCP SDK that serve, without what else it has.

Whoever imports `mcp.server.lowlevel` runs `mcp/__init__.py` and `mcp/server/__init__.py` first, and these import all of
it: the client, the high-level server, cryptography; 14 MB, none of which is used here. So these two packages run when
somebody asks them for a name, and until then only say where their modules are.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType

_PACKAGES = ("mcp", "mcp.server")


class _OnUse(ModuleType):
    """A package that has not run yet, and does so for the first name that is missing."""

    def __getattr__(self, name: str) -> object:
        spec = self.__spec__
        looked_at = name.startswith("__") and name != "__all__"  # which is not use
        if looked_at or spec is None or spec.loader is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__class__ = ModuleType  # pyright: ignore[reportAttributeAccessIssue]
        spec.loader.exec_module(self)
        return getattr(self, name)


def prepare() -> None:
    """To be called before the SDK is imported; later it changes nothing. Raises ImportError where there is no SDK."""
    for name in _PACKAGES:
        if name in sys.modules or (spec := find_spec(name)) is None:
            continue
        package = sys.modules[name] = module_from_spec(spec)
        package.__class__ = _OnUse
        parent, _, child = name.rpartition(".")
        if parent:  # as the import of a package does
            setattr(sys.modules[parent], child, package)
