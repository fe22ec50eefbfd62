"""``python -m app.cli`` is ``bespoke``."""

from app.cli import main

main()
