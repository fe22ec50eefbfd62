"""Decisions made again from the log, and compared with their receipts."""
