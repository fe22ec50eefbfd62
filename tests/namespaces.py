"""Namespaces of their own for tests, on servers that run already."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from app.settings import Settings
from app.wiring import Wiring


@contextmanager
def namespace(settings: Settings, **changes: Any) -> Iterator[Wiring]:
    """A provisioned namespace with these settings changed, dropped afterwards."""
    own = settings.model_copy(update={"namespace": f"t_{uuid4().hex[:12]}", **changes})
    with Wiring(own) as built:
        built.provision()
        try:
            yield built
        finally:
            built.drop()
