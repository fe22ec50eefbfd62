"""What can go wrong when an answer is made again."""


class UnknownGenerationError(LookupError):
    """What an answer was made of is no longer kept; the text names the part."""

    def __init__(self, part: str) -> None:
        super().__init__(f"the {part} that this answer was made of is no longer kept")
        self.part = part


class ErasedError(LookupError):
    """The person was erased: nothing of their answers can be made again."""

    def __init__(self) -> None:
        super().__init__("the person of this decision was erased")
