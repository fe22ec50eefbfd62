"""The routes of the page, all below /compliance."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from litestar.response import Stream
from pydantic import ValidationError

from adapters.channels.channel import RejectedError
from adapters.http.compliance import forms
from adapters.http.compliance.answers import HANDLERS, HOME, SAFE, STATIC, AnyRequest, file, page, see
from adapters.http.compliance.desk import ComplianceDesk
from adapters.http.compliance.forms import Form
from adapters.http.compliance.officers import Officer, Role
from adapters.http.rights import Correction, Format, download, wrong
from adapters.http.sessions import Doors, House, LockedError
from adapters.http.sessions import Session as AnySession
from adapters.http.shop.answers import files
from domain.identity import IdentifierKind
from domain.privacy import Ground, Method
from domain.values import Details
from queries.cases import Case
from queries.moment import Moment
from queries.recommend.words import words
from queries.review import Verdict, pair_of
from queries.timeline import LONGEST_PLACE, Page

Session = AnySession[Officer]
Answer = TypeVar("Answer")
_Request = Annotated[str | None, Parameter(query="request", max_length=200, required=False)]
_Place = Annotated[str | None, Parameter(max_length=LONGEST_PLACE, required=False)]
Shown = Callable[[AnyRequest, Session], Awaitable[Response[bytes]]]
LARGEST_BUNDLE = 32 << 20
_OPTIONS: dict[str, Any] = {"include_in_schema": False, "exception_handlers": HANDLERS, "opt": {"channel": "api"}}


def compliance_routes(desk: ComplianceDesk) -> Sequence[HTTPRouteHandler]:
    """All of them."""
    pages = _Pages(desk)

    def read(path: str, name: str, handler: Any) -> HTTPRouteHandler:
        return get(f"{HOME}{path}", operation_id=name, **_OPTIONS)(handler)

    def write(path: str, name: str, handler: Any, **more: Any) -> HTTPRouteHandler:
        return post(f"{HOME}{path}", operation_id=name, status_code=200, **_OPTIONS, **more)(handler)

    return [
        read("", "complianceHome", pages.home),
        write("/login", "complianceLogin", pages.login),
        write("/logout", "complianceLogout", pages.logout),
        write("/search", "complianceSearch", pages.search),
        read("/person/{person:uuid}", "compliancePerson", pages.person),
        write("/person/{person:uuid}/export", "complianceExport", pages.export),
        write("/person/{person:uuid}/correct", "complianceCorrect", pages.correct),
        write("/person/{person:uuid}/erase", "complianceErase", pages.erase),
        read("/requests/{number:uuid}", "complianceRequest", pages.request_),
        write("/requests/{number:uuid}/bundle", "complianceBundle", pages.bundle),
        write("/requests/{number:uuid}/{action:str}", "complianceDecide", pages.decide),
        read("/review", "complianceReview", pages.review),
        write("/review", "complianceReviewed", pages.reviewed),
        read("/verify", "complianceVerify", pages.verify),
        write("/verify", "complianceCheck", pages.check, request_max_body_size=LARGEST_BUNDLE),
        read("/public-key", "compliancePublicKey", pages.public_key),
        get(f"{HOME}/static/{{name:str}}", operation_id="complianceStatic", **_OPTIONS)(files(STATIC)),
    ]


class _Pages:
    """One method a page."""

    def __init__(self, desk: ComplianceDesk) -> None:
        house = House("officer", HOME, _login, lambda then: HOME, see)
        self._desk, self._doors = desk, Doors(desk.officers, house, desk.now)

    async def home(self, request: AnyRequest) -> Response[bytes]:
        """Search, and requests with their deadlines; the login, where nobody is logged in."""

        async def show(_: AnyRequest, session: Session) -> Response[bytes]:
            erasures, asked = await self._desk.requests()
            return self._page("home.html", session, erasures=erasures, asked=asked, kinds=list(IdentifierKind))

        return await self._read(request, show)

    async def login(self, request: AnyRequest) -> Response[bytes]:
        """A key becomes a session."""
        return await self._doors.enter(request, await forms.read(request))

    async def logout(self, request: AnyRequest) -> Response[bytes]:
        """Ends it."""
        return await self._write(request, lambda session, form: self._doors.leave(session))

    async def search(self, request: AnyRequest) -> Response[bytes]:
        """By an identifier or an id, sent as a form: neither stands in an address that is logged."""

        async def find(session: Session, form: Form) -> Response[bytes]:
            purpose = forms.text(form, "purpose", 60) or None
            stream = await self._desk.find(session.who, forms.who(form), purpose)
            return see(f"{HOME}/person/{stream}")

        return await self._write(request, find)

    async def person(
        self,
        request: AnyRequest,
        person: UUID,
        as_of: str | None = None,
        part: bool = False,
        answers: _Request = None,
        before: _Place = None,
        after: _Place = None,
    ) -> Response[bytes]:
        """All about one person, as it was at a moment, and a page of the timeline; ``part``: without what stands around
        it."""

        async def show(_: AnyRequest, session: Session) -> Response[bytes]:
            moment = Moment(forms.moment_of(as_of)) if as_of else Moment()
            case = await self._desk.case(
                session.who, person, moment, Page(forms.place_of(before, "before"), forms.place_of(after, "after"))
            )
            values: dict[str, Any] = {"case": case, "stream": person, "moment": moment.as_of, "reason": _reasons(case)}
            values["answers"] = answers or ""
            if part:
                return self._page("case.html", session, **values)
            readings = await self._desk.readings(case)
            fields, methods = list(Details.model_fields), list(Method)
            return self._page(
                "person.html",
                session,
                readings=readings,
                fields=fields,
                methods=methods,
                **values,
            )

        return await self._read(request, show)

    async def export(self, request: AnyRequest, person: UUID) -> Response[bytes] | Stream:
        """The files that a person may have."""

        async def make(session: Session, form: Form) -> Response[bytes] | Stream:
            kind = Format.HTML if form.get("format") == Format.HTML else Format.JSON
            found = await self._desk.export(session.who, person, forms.text(form, "request", 200) or None)
            answer = download(found, kind)
            answer.headers.update(SAFE)
            return answer

        return await self._write(request, make)

    async def correct(self, request: AnyRequest, person: UUID) -> Response[bytes]:
        """One detail is put right, or cleared where nothing is filled in."""

        async def put(session: Session, form: Form) -> Response[bytes]:
            field, value = forms.text(form, "field", 40), forms.text(form, "value", 200)
            told = {"details": {field: value}} if value else {"cleared": [field]}
            try:
                correction = Correction.model_validate(told | {"reason": forms.text(form, "reason", 500)})
                await self._desk.correct(session.who, person, correction)
            except ValidationError as error:
                raise wrong(error) from None
            return see(f"{HOME}/person/{person}")

        return await self._write(request, put)

    async def erase(self, request: AnyRequest, person: UUID) -> Response[bytes]:
        """A request to erase; somebody else approves it."""

        async def ask(session: Session, form: Form) -> Response[bytes]:
            method = forms.one_of(Method, form.get("verified"), "verified")
            found = await self._desk.erase(session.who, person, method)
            return see(f"{HOME}/requests/{found.request}")

        return await self._write(request, ask)

    async def request_(self, request: AnyRequest, number: UUID) -> Response[bytes]:
        """What became of a request, and what can be done."""

        async def show(_: AnyRequest, session: Session) -> Response[bytes]:
            found = await self._desk.one(number)
            own = found.requested_by == session.who.actor
            approver = Role.APPROVER in session.who.roles
            return self._page("request.html", session, of=found, own=own, approver=approver, grounds=list(Ground))

        return await self._read(request, show)

    async def decide(self, request: AnyRequest, number: UUID, action: str) -> Response[bytes]:
        """approve, cancel, hold, release."""

        async def put(session: Session, form: Form) -> Response[bytes]:
            if action not in ("approve", "cancel", "hold", "release"):
                raise RejectedError("action", "there is no such action", 404)
            ground = forms.one_of(Ground, form.get("ground"), "ground") if action == "hold" else None
            await self._desk.decide(session.who, number, action, ground)
            return see(f"{HOME}/requests/{number}")

        return await self._write(request, put)

    async def bundle(self, request: AnyRequest, number: UUID) -> Response[bytes]:
        """The signed proof, as a file."""

        async def make(session: Session, form: Form) -> Response[bytes]:
            return file(await self._desk.bundle(session.who, number), f"erasure-{number}.proof")

        return await self._write(request, make)

    async def review(self, request: AnyRequest) -> Response[bytes]:
        """Pairs of streams that may be one person."""

        async def show(_: AnyRequest, session: Session) -> Response[bytes]:
            try:
                found, why_not = await self._desk.pairs(session.who), ""
            except RejectedError as error:
                found, why_not = [], error.reason
            return self._page("review.html", session, pairs=found, why_not=why_not)

        return await self._read(request, show)

    async def reviewed(self, request: AnyRequest) -> Response[bytes]:
        """One person, or two."""

        async def put(session: Session, form: Form) -> Response[bytes]:
            verdict, reason = forms.one_of(Verdict, form.get("decision"), "decision"), forms.text(form, "reason", 500)
            if not reason:
                raise RejectedError("reason", "say why", 422)
            try:
                pair = pair_of(forms.text(form, "pair", 80))
            except ValueError as error:
                raise RejectedError("pair", f"the pair {error}", 422) from None
            await self._desk.review(session.who, pair, verdict, reason)
            return see(f"{HOME}/review")

        return await self._write(request, put)

    async def verify(self, request: AnyRequest) -> Response[bytes]:
        """Where a proof can be checked."""

        async def show(_: AnyRequest, session: Session) -> Response[bytes]:
            return self._page("verify.html", session, checked=None)

        return await self._read(request, show)

    async def check(self, request: AnyRequest) -> Response[bytes]:
        """A proof, checked with the public key alone."""

        async def put(session: Session, form: Form) -> Response[bytes]:
            upload = form.get("bundle")
            content = await upload.read() if isinstance(upload, UploadFile) else b""
            return self._page("verify.html", session, checked=self._desk.proofs.check(content))

        return await self._write(request, put)

    async def public_key(self, request: AnyRequest) -> Response[bytes]:
        """What proofs are verified with."""

        async def show(_: AnyRequest, __: Session) -> Response[bytes]:
            return file(self._desk.proofs.public_key(), "bespoke-proofs.pem", "application/x-pem-file")

        return await self._read(request, show)

    async def _read(self, request: AnyRequest, show: Shown) -> Response[bytes]:
        try:
            session = await self._doors.session(request)
        except LockedError:
            return self._doors.locked(request, status=200 if request.url.path == HOME else 401)
        return self._doors.stays(request, session.token, await show(request, session))

    async def _write(
        self, request: AnyRequest, do: Callable[[Session, Form], Awaitable[Answer]]
    ) -> Answer | Response[bytes]:
        form = await forms.read(request)
        try:
            session = await self._doors.posted(request, form)
        except LockedError:
            return self._doors.locked(request, "Your session has ended. Nothing was changed.", 401)
        return await do(session, form)

    def _page(self, template: str, session: Session, **values: Any) -> Response[bytes]:
        return page(template, officer=session.who, csrf=session.csrf, now=self._desk.now(), **values)


def _login(csrf: str, words: str, status: int, _: str) -> Response[bytes]:
    return page("login.html", status=status, csrf=csrf, words=words)


def _reasons(case: Case) -> Callable[[Any], str]:
    def reason(item: Any) -> str:
        product = case.products.get(item.because) if item.because else None
        return words(item.reason, product.title if product else item.because, product.category if product else None)

    return reason
