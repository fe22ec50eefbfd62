"""What can go wrong with an embedded server."""


class EmbeddedServerError(RuntimeError):
    """An embedded server cannot be started, reached or stopped. The message says what to do about it."""


class NoAnswerError(EmbeddedServerError):
    """Servers that another process owns do not answer now: it is starting them again, or has lost them."""
