"""llm-router: every prompt to the cheapest model that can do it well."""

__version__ = "0.1.0"
