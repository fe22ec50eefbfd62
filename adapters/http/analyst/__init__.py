"""Pages for analysts: experiments and attribution, behind a session that an API key with ``reports:read`` begins."""

from adapters.http.analyst.desk import PATH, AnalystDesk
from adapters.http.analyst.pages import analyst_routes

__all__ = ["PATH", "AnalystDesk", "analyst_routes"]
