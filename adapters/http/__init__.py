"""HTTP: routes, keys, limits, problems, metrics and logs. What it calls stands in ``ports``."""

from adapters.http.app import create_app
from adapters.http.keys import ApiKey, ApiKeys, Scope, generate
from adapters.http.metrics import Metrics

__all__ = ["ApiKey", "ApiKeys", "Metrics", "Scope", "create_app", "generate"]
