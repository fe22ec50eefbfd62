"""Pages for analysts: experiments and attribution, behind a session that an API key with ``reports:read`` begins."""

from adapters.http.analyst.pages import PATH, AnalystDesk, analyst_routes

__all__ = ["PATH", "AnalystDesk", "analyst_routes"]
