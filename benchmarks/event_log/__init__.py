"""How fast the event log takes, keeps and gives events: ``make bench-log``."""
