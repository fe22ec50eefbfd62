"""An identity model that needs no training, and people who are nearly alike."""

import time

from app.identities.model import in_use
from app.wiring import Wiring
from domain.values import Details
from ml.artefacts import Position, write
from ml.identity.model import IdentityModel
from ml.identity.stored import draft
from tests.ml.identity.test_online import scorer

#: The same person to the model, and somebody of whom it is not sure.
ANNA = Details(name="Anna Novak", birth_date="1980-02-03", street="12 Mill Lane", city="Rome", postcode="10115")
SAME = ANNA.model_copy(update={"name": "Anna Novac"})
MAYBE = Details(name="Anna Novak", street="12 Mill Lane", city="Bern")


def use_model(wiring: Wiring) -> IdentityModel:
    """Puts it into use."""
    digest = write(wiring.settings.models_folder(), draft(scorer().model, Position(dataset="0" * 64), {})).digest
    wiring.models.promote(digest, at_ms=time.time_ns() // 1_000_000, by="test")
    return in_use(wiring)
