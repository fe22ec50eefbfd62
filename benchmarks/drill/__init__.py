"""Fault drills: whatever is killed, nothing acknowledged is lost, nothing doubled, and the read models are right."""
