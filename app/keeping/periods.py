"""How long each class is kept, as the settings have it."""

from collections.abc import Mapping

from app.settings import Settings
from domain.event import Retention


def months_kept(kept: Settings) -> Mapping[Retention, int]:
    """Class → months. How a stream began is kept until it is known that an anonymous visitor stays away."""
    return {
        Retention.BEHAVIOUR: kept.keep_behaviour_months,
        Retention.IDENTITY: max(kept.keep_identity_months, kept.keep_anonymous_months),
        Retention.TRANSACTION: kept.keep_transaction_months,
        Retention.CONSENT: kept.keep_consent_months,
    }
