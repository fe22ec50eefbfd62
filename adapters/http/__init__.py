"""HTTP: routes, keys, limits, problems, metrics and logs. What it calls stands in ``ports``.

Names are looked up when they are asked for: settings need keys, and every process has settings, but only the web
process has use for a web framework, which takes a fifth of a second to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.http.app import create_app
    from adapters.http.auth import Access
    from adapters.http.keys import ApiKey, ApiKeys, Scope, generate
    from adapters.http.metrics import Metrics

__all__ = ["Access", "ApiKey", "ApiKeys", "Metrics", "Scope", "create_app", "generate"]
_PLACES = {"create_app": "app", "Access": "auth", "Metrics": "metrics"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'keys')}"), name)
