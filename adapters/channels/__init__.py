"""Channels: each turns its own payloads into commands, and knows nothing of what becomes of them."""
