"""Tills, by the ARTS POSLog."""

from adapters.channels.poslog.poslog import Poslog

__all__ = ["Poslog"]
