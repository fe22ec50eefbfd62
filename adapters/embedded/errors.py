"""What can go wrong with an embedded server."""


class EmbeddedServerError(RuntimeError):
    """An embedded server cannot be started, reached or stopped. The message says what to do about it."""
