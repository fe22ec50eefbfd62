"""Whom a Segment message is about, and how much of that its sender may claim."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from adapters.channels import identity_token
from adapters.channels.items import BadItemError, Id, identifier, text
from adapters.channels.segment.messages import Context, Message, Traits
from domain.identity import Identifier, IdentifierKind

_SECRET = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32,128}|[A-Za-z0-9_-]{22,128}", re.ASCII
)
_DISTINCT = 8


def is_secret(value: str) -> bool:
    """Whether it has the form of a random secret of 128 bits: UUID, 32 hexadecimal digits, 22 of base64url.

    A random one has 8 distinct characters but for one case in 10^9; ``visitor-visitor-visitor`` has 7.
    """
    return _SECRET.fullmatch(value) is not None and len(set(value)) >= _DISTINCT


@dataclass(slots=True)
class Caller:
    """Who sends: ``trusted`` is a server of the shop, otherwise a browser or an app with a public key."""

    trusted: bool
    secret: bytes | None
    now: datetime
    _known: dict[tuple[IdentifierKind, str], Identifier] = field(default_factory=dict)

    def identifiers(self, message: Message, context: Context, traits: Traits | None) -> tuple[Identifier, ...]:
        """Everything that names the person. Raises BadItemError."""
        found = [
            self._one(IdentifierKind.USER, message.user_id, "userId"),
            *(self._told(traits, "traits") if traits else self._told(context.traits, "context.traits")),
            self._one(IdentifierKind.ANONYMOUS, message.anonymous_id, "anonymousId"),
        ]
        named = tuple(one for one in found if one)
        if not self.trusted:
            self._refuse_forged(named, context)
        if not named:
            raise BadItemError("anonymousId", "anonymousId or userId is needed")
        return named

    def previous(self, message: Message) -> Identifier:
        """Whom ``alias`` joins to its user: an anonymous id by its form, or else an earlier user id.

        A public key may name anonymous ids alone. Raises BadItemError.
        """
        value = text(message.previous_id)
        if value is None:
            raise BadItemError("previousId", "is needed")
        if is_secret(value):
            return identifier(IdentifierKind.ANONYMOUS, value, "previousId")
        if not self.trusted:
            raise BadItemError("previousId", "must be a secret of at least 128 bits, such as a UUID")
        return identifier(IdentifierKind.USER, value, "previousId")

    def _told(self, traits: Traits | None, path: str) -> list[Identifier | None]:
        if traits is None or not self.trusted:
            return []
        return [
            self._one(IdentifierKind.LOYALTY, traits.loyalty_id, f"{path}.loyalty_id"),
            self._one(IdentifierKind.EMAIL, traits.email, f"{path}.email"),
            self._one(IdentifierKind.PHONE, traits.phone, f"{path}.phone"),
        ]

    def _one(self, kind: IdentifierKind, value: Id, path: str) -> Identifier | None:
        said = text(value)
        if said is None:
            return None
        if (kind, said) not in self._known:
            self._known[kind, said] = identifier(kind, said, path)
        return self._known[kind, said]

    def _refuse_forged(self, named: tuple[Identifier, ...], context: Context) -> None:
        kinds = {one.kind: one.value for one in named}
        anonymous, user = kinds.get(IdentifierKind.ANONYMOUS), kinds.get(IdentifierKind.USER)
        if anonymous is None:
            raise BadItemError("anonymousId", "is needed with a public key")
        if not is_secret(anonymous):
            raise BadItemError("anonymousId", "must be a secret of at least 128 bits, such as a UUID")
        if user is not None and not self._vouched(user, context.identity_token):
            raise BadItemError("context.identity_token", "a valid identity token is needed with userId", 403)

    def _vouched(self, user: str, token: str | None) -> bool:
        return self.secret is not None and identity_token.check(self.secret, user, token, self.now)
