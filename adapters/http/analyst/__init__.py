"""Pages for analysts: experiments and attribution, behind a session that an API key with ``reports:read`` begins."""

from adapters.http.analyst.desk import PATH, AnalystDesk, house
from adapters.http.analyst.pages import analyst_routes
from adapters.http.analyst.people import Analysts

__all__ = ["PATH", "AnalystDesk", "Analysts", "analyst_routes", "house"]
