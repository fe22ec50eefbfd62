"""A proof as a file: one line with the signature, then the payload, whose bytes are signed as they stand.

``bespoke-erasure-proof 1 ed25519 KEY-ID SIGNATURE`` and a line feed; KEY-ID is SHA-256 of the public key, SIGNATURE is
of ``bespoke erasure proof 1``, a line feed and the payload, both in small hexadecimal digits. The payload is a
domain.proof.Statement as JSON in ASCII, keys sorted, without spaces. docs/adr/0007-proof-bundles.md says why.
"""

import json
import re
from dataclasses import dataclass

from pydantic import ValidationError

from adapters.proof.signing import OF_A_BUNDLE, Signer, Verifier
from domain.proof import Statement, problems

LINE = re.compile(rb"bespoke-erasure-proof 1 ed25519 ([0-9a-f]{64}) ([0-9a-f]{128})\n")
MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Verified:
    """``wrong``: what does not hold; nothing: the proof holds. ``statement``: None where nothing signed could be
    read."""

    wrong: tuple[str, ...]
    statement: Statement | None = None

    @property
    def holds(self) -> bool:
        """Whether all of it does."""
        return not self.wrong


def payload(statement: Statement) -> bytes:
    """The bytes that are signed."""
    told = statement.model_dump(mode="json")
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode("ascii")


def seal(statement: Statement, signer: Signer) -> bytes:
    """The bundle's file."""
    said = payload(statement)
    signature = signer.sign(OF_A_BUNDLE + said).hex()
    return f"bespoke-erasure-proof 1 ed25519 {signer.verifier.key_id} {signature}\n".encode() + said


def verify(bundle: bytes, verifier: Verifier) -> Verified:
    """Checks everything that a bundle says of itself, with the public key alone; asks no server, reads no setting.

    Nothing of the payload is looked at before its signature is found good.
    """
    line = LINE.match(bundle) if len(bundle) <= MOST_BYTES else None
    if line is None:
        return Verified(("this is no proof of erasure in a format that is known here",))
    if line[1].decode() != verifier.key_id:
        return Verified(("it was signed with another key",))
    said = bundle[line.end() :]
    if not verifier.signed(OF_A_BUNDLE + said, bytes.fromhex(line[2].decode())):
        return Verified(("the signature is not of this content",))
    try:
        statement = Statement.model_validate_json(said)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        return Verified((f"the payload is not as it should be, at {where}",))
    return Verified(tuple(problems(statement, verifier.signed_head)), statement)
