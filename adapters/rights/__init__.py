"""Exports of everything about a person, as files and streams: JSON for machines, HTML for people."""
