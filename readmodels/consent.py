"""What may be done with what is known of a person, asked at the instant of each use. Pure."""

from msgspec.structs import replace

from domain.values import Channel, Purpose
from readmodels.customer import Consent, CustomerRecord, consents, told
from readmodels.features import CHILD

#: Purposes for which a profile is needed: of nobody known to be a child, and of nobody who opted out of sharing.
PROFILES = frozenset({Purpose.PERSONALISATION, Purpose.PROFILING, Purpose.TRAINING})
#: Nobody is written to who has not said yes (Directive 2002/58/EC, Art. 13).
ASKED_FIRST = frozenset({Purpose.EMAIL, Purpose.PUSH})
EVERYWHERE = ""
#: What a browser's header stands for, as the policy under which the objection was made.
SIGNAL = "Sec-GPC"


def may(record: CustomerRecord, purpose: Purpose, medium: Channel | None = None, at_ms: int | None = None) -> bool:
    """Whether a purpose may be pursued in a medium (None: anywhere, so that every medium's word counts) at a moment,
    milliseconds since 1970 (None: by the last word, whenever that counts from).

    The latest word counts, on the medium or on all of them. A yes counts from when it was said, a no at once. Without a
    word e-mail and push are refused, all else is allowed. Of somebody known to be under 16 no profile is made and no
    consent counts (Art. 8 GDPR). An opt-out of sharing stands against profiles too, until a later yes to the purpose.
    """
    age = told(record, "age_range")
    if age == CHILD and purpose in PROFILES | ASKED_FIRST:
        return False
    said = [word for word in record.consent if word.purpose == purpose.value]
    words = _standing(said, medium)
    if any(not word.given or (at_ms is not None and word.at > at_ms) for word in words):
        return False
    if purpose in PROFILES and not _after_opt_out(record, words):
        return False
    return bool(words) or purpose not in ASKED_FIRST


def agreed(record: CustomerRecord) -> frozenset[str]:
    """The purposes to which a yes stands, and a no in no medium."""
    purposes = {word.purpose for word in record.consent}
    standing = {name: _standing([w for w in record.consent if w.purpose == name], None) for name in purposes}
    return frozenset(name for name, words in standing.items() if all(word.given for word in words))


def objected(record: CustomerRecord, at_ms: int) -> CustomerRecord:
    """The record with an opt-out in it, as whoever asks with the signal in their request has made one."""
    no = Consent(Purpose.SHARING.value, EVERYWHERE, at_ms, 1 << 32, False, "", SIGNAL)
    return replace(record, consent=consents((*(w for w in record.consent if w.purpose != no.purpose), no)))


def opted_out(record: CustomerRecord) -> bool:
    """Whether sharing is refused by the last word on it."""
    return any(not word.given for word in _standing([w for w in record.consent if w.purpose == Purpose.SHARING], None))


def _standing(said: list[Consent], medium: Channel | None) -> list[Consent]:
    """The words on one purpose that count: a later word on all media is the last one on each."""
    everywhere = next((word for word in said if word.medium == EVERYWHERE), None)
    if medium is not None:
        said = [word for word in said if word.medium in (EVERYWHERE, medium.value)]
        return [max(said, key=lambda word: (_when(word), not word.given))] if said else []
    return [word for word in said if everywhere is None or word is everywhere or _when(word) >= _when(everywhere)]


def _after_opt_out(record: CustomerRecord, words: list[Consent]) -> bool:
    """Whether no opt-out stands, or a yes to the purpose came after it."""
    outs = [w for w in _standing([w for w in record.consent if w.purpose == Purpose.SHARING], None) if not w.given]
    if not outs:
        return True
    last = max(map(_when, outs))
    return bool(words) and any(_when(word) > last for word in words)


def _when(word: Consent) -> tuple[int, int]:
    """What words are ordered by. Of two on different media in one moment, the no is the last."""
    return word.at, word.tag
