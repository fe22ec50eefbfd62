"""Web and mobile, by the Segment spec: identify, track, page, screen, alias, group, batch."""

from adapters.channels.segment.segment import Segment

__all__ = ["Segment"]
