"""The event log on PostgreSQL, encrypted field by field."""
