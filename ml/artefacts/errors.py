"""What can be wrong with an artefact."""


class ArtefactError(Exception):
    """An artefact is unknown, damaged, or cannot be written. The text names the field, never its value."""
