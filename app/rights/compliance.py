"""The compliance page, put together."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from adapters.http.compliance.desk import Checked, ComplianceDesk
from adapters.http.ports import Reader
from adapters.http.rights import RightsDesk
from adapters.proof.bundle import seal, verify
from adapters.rights.requests import access_cases
from app.erasing.desk import Desk
from app.erasing.proof import statement
from app.identities.review import ReviewDesk
from app.wiring import Wiring
from domain.proof import Statement
from queries.cases import Cases


def utc_now() -> datetime:
    """The clock of sessions and deadlines."""
    return datetime.now(UTC)


def compliance_desk(
    wiring: Wiring, reader: Reader, rights: RightsDesk, now: Callable[[], datetime] = utc_now
) -> ComplianceDesk:
    """Of one web process."""
    return ComplianceDesk(
        wiring.officers,
        reader,
        Cases(rights.exports, wiring.catalogue, wiring.receipts),
        rights,
        Desk(wiring),
        Bundles(wiring),
        lambda: access_cases(wiring.customers),
        wiring.audit,
        ReviewDesk(wiring),
        now,
    )


class Bundles:
    """Implements adapters.http.compliance.Proofs."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def bundle(self, request: UUID) -> bytes:
        """All stores are looked through for it. Raises LookupError, UnavailableError."""
        return seal(statement(self._wiring, request), self._wiring.signer)

    def check(self, bundle: bytes) -> Checked:
        """With the public key alone."""
        found = verify(bundle, self._wiring.signer.verifier)
        return Checked(found.holds, found.wrong, _facts(found.statement) if found.statement else ())

    def public_key(self) -> bytes:
        """In PEM."""
        return self._wiring.signer.verifier.pem()


def _facts(said: Statement) -> tuple[tuple[str, str], ...]:
    pending = ", ".join(each.what for each in said.pending if each.done_at is None)
    return (
        ("Request", str(said.request)),
        ("Requested", f"{said.requested_at:%Y-%m-%d}"),
        ("Made", f"{said.made_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Stage", said.stage.value),
        ("Streams", f"{len(said.streams)}, in a tree of {said.head.size}"),
        ("Swept", "; ".join(f"{each.store}: {each.removed} removed, {each.left} left" for each in said.sweeps)),
        ("Pending", pending or "nothing"),
    )
