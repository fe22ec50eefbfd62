"""Policy: what may be recommended."""


def may_show(available: int | None) -> bool:
    """Whether a product may be recommended: never one that nobody can buy. None: nobody counts it."""
    return available is None or available > 0
