"""Uitnodigingen: one address or a whole list, looked over before anything is sent; again, corrected, withdrawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from securemail import ids
from securemail.errors import Conflict, InvalidInput
from securemail.i18n import LOCALES
from securemail.identity import invitation_lists, invitations
from securemail.identity.invitation_lists import Line
from securemail.identity.invitation_rows import Invitation
from securemail.identity.invitations import Judged, Verdict
from securemail.organisations import organisations
from securemail.organisations.administrators import Administrator
from securemail.web import forms, paging, present, session
from securemail.web.auth import administrator
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.languages import language
from securemail.web.viewmodels import Person

pages = Blueprint("invitations", __name__)
_AT_ONCE: Final = 25
"""So many in one transaction: a thousand at once would keep everybody else from writing for seconds."""
_EXAMPLE: Final = "Lotte Wiersma <lotte@example.org>"
_LANGUAGES: Final = (("nl", "Nederlands"), ("en", "English"))
_LARGEST_FILE: Final = 1_000_000


@pages.get("/admin/invitations")
def overview() -> str:
    """Who was invited and has not joined yet, and who joined lately."""
    everybody = _listing()
    waiting = [one for one in everybody if one.state != "joined"]
    joined = [one for one in everybody if one.state == "joined"]
    page = paging.page_of(waiting, paging.asked())
    return render(
        "invitations/overview.html",
        waiting=_with_person(page.rows),
        joined=_with_person(joined[: paging.A_PAGE]),
        page=page,
        notice_text=_notice(),
    )


@pages.route("/admin/invitations/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Whom to invite; then what will happen to every line."""
    if request.method == "GET":
        return _form("", Errors())
    if forms.text("edit"):
        return _form(forms.text("people"), Errors())
    try:
        lines = _lines(administrator())
    except InvalidInput as error:
        return _form(forms.text("people"), forms.errors_of(error, field="people")), 422
    return _preview(lines)


@pages.post("/admin/invitations/send")
def send() -> ResponseReturnValue:
    """Send those that can be sent; the lines that cannot come back to be mended."""
    mine = administrator()
    lines = invitation_lists.read(forms.text("people"), label=_label(mine))
    done = _send(mine, lines, again=forms.checked("again"))
    if done.rest:
        people, judged = invitation_lists.write(done.rest), _judge(mine, done.rest)
        return _form(people, Errors(), notice=_said(done.invited, done.asked), judged=judged)
    return redirect(url_for("invitations.overview", sent=done.invited or None, asked=done.asked or None), 303)


@pages.post("/admin/invitations/<identifier:invitation>/again")
def again(invitation: bytes) -> ResponseReturnValue:
    """A new link by a new mail; the older link stops working."""
    url = session.runtime().settings.public_url
    try:
        done = invitations.send_again(session.current(), administrator(), invitation, public_url=url)
    except Conflict:
        return _changed()
    return redirect(url_for("invitations.overview", again=1 if done == "invited" else None, asked=_one(done)), 303)


@pages.get("/admin/invitations/<identifier:invitation>/withdraw")
def confirm_withdraw(invitation: bytes) -> str:
    """The question, in a dialog or on a page of its own."""
    found = invitations.find(session.current(), administrator(), invitation)
    return render("invitations/withdraw.html", "dialog", invitation=found, text_id=ids.to_text(found.id))


@pages.post("/admin/invitations/<identifier:invitation>/withdraw")
def withdraw(invitation: bytes) -> ResponseReturnValue:
    """The link says from now on that it was withdrawn."""
    try:
        invitations.withdraw(session.current(), administrator(), invitation)
    except Conflict:
        return _changed()
    return redirect(url_for("invitations.overview", withdrawn=1), 303)


@pages.route("/admin/invitations/<identifier:invitation>/address", methods=["GET", "POST"])
def correct(invitation: bytes) -> ResponseReturnValue:
    """Another address: the old invitation ends, and a new one is mailed."""
    mine, url = administrator(), session.runtime().settings.public_url
    if request.method == "GET":
        return _address_form(invitations.find(session.current(), mine, invitation), Errors())
    try:
        done = invitations.correct(session.current(), mine, invitation, forms.text("address"), public_url=url)
    except InvalidInput as error:
        found = invitations.find(session.current(), mine, invitation)
        return _address_form(found, forms.errors_of(error)), 422
    except Conflict:
        return _changed()
    return redirect(url_for("invitations.overview", corrected=1, asked=_one(done)), 303)


@dataclass
class _Done:
    invited: int
    asked: int
    rest: list[Line]


def _send(mine: Administrator, lines: Sequence[Line], *, again: bool) -> _Done:
    """A few in each transaction. What was sent stays sent, whatever becomes of the others."""
    done = _Done(0, 0, [])
    settings = session.runtime().settings
    mailed_in = forms.text("language") if forms.text("language") in LOCALES else language()
    session.settle(success=True)
    once = list(_once(lines))
    for begin in range(0, len(once), _AT_ONCE):
        with session.write_apart() as ctx:
            for line in once[begin : begin + _AT_ONCE]:
                try:
                    verdict = invitations.invite(
                        ctx, mine, line, language=mailed_in, public_url=settings.public_url, again=again
                    )
                except InvalidInput:
                    done.rest.append(line)
                    continue
                done.invited += verdict == "new" or (verdict == "invited" and again)
                done.asked += verdict == "known"
    return done


def _once(lines: Sequence[Line]) -> Iterator[Line]:
    """Somebody who stands in the list twice gets one mail."""
    seen: set[str] = set()
    for line in lines:
        address = line.address.strip().casefold()
        if not address or address not in seen:
            seen.add(address)
            yield line


def _lines(mine: Administrator) -> list[Line]:
    label, upload = _label(mine), request.files.get("file")
    lines = invitation_lists.read(forms.text("people"), label=label)
    if upload is not None and upload.filename:
        content = upload.stream.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise InvalidInput("file", "large")
        lines += invitation_lists.read_file(content, label=label)
    if not lines:
        raise InvalidInput("people", "empty")
    if len(lines) > invitation_lists.MOST:
        raise InvalidInput("people", "many")
    return lines


def _label(mine: Administrator) -> str:
    return organisations.policy_of(session.current(), mine.organisation).reference_label


def _judge(mine: Administrator, lines: Sequence[Line]) -> list[tuple[Judged, str]]:
    judged = invitations.judge(session.current(), mine, lines)
    return [(one, _words(one)) for one in judged]


def _words(one: Judged) -> str:
    if one.wrong is not None:
        return forms.input_error(one.wrong)
    words: dict[Verdict, str] = {
        "new": _("Krijgt een uitnodiging"),
        "invited": _("Al uitgenodigd"),
        "known": _("Heeft een account: krijgt de vraag het te beveiligen"),
        "secured": _("Is al lid en heeft 2FA: er wordt niets verstuurd"),
        "yourself": _("Dit ben je zelf"),
        "double": _("Staat dubbel in de lijst"),
        "impossible": "",
    }
    return words[one.verdict]


def _preview(lines: Sequence[Line]) -> str:
    mine = administrator()
    judged = _judge(mine, lines)
    count = {verdict: sum(one.verdict == verdict for one, _said in judged) for verdict in _VERDICTS}
    return render(
        "invitations/preview.html",
        judged=judged,
        count=count,
        people=invitation_lists.write(lines),
        language=forms.text("language"),
        label=_label(mine) if any(line.reference for line in lines) else "",
    )


_VERDICTS: Final[tuple[Verdict, ...]] = ("new", "invited", "known", "secured", "yourself", "double", "impossible")


def _form(people: str, errors: Errors, *, notice: str = "", judged: Sequence[tuple[Judged, str]] = ()) -> str:
    return render(
        "invitations/new.html",
        values={"people": people, "language": forms.text("language") or language()},
        example=_EXAMPLE,
        languages=_LANGUAGES,
        errors=errors,
        label=_label(administrator()),
        notice_text=notice,
        judged=judged,
    )


def _address_form(found: Invitation, errors: Errors) -> str:
    typed = forms.text("address") or found.address
    return render(
        "invitations/address.html", invitation=found, text_id=ids.to_text(found.id), typed=typed, errors=errors
    )


def _with_person(rows: Sequence[Invitation]) -> list[tuple[Invitation, Person]]:
    return [(one, present.person(one.name or one.address, one.address)) for one in rows]


def _listing() -> list[Invitation]:
    return invitations.listing(session.current(), administrator())


def _changed() -> ResponseReturnValue:
    return redirect(url_for("invitations.overview", changed=1), 303)


def _one(verdict: Verdict) -> int | None:
    return 1 if verdict == "known" else None


def _notice() -> str:
    """What was just done, in a sentence; the numbers come from our own redirect and say nothing secret."""
    said = [_said(_count("sent"), _count("asked")), *(words for name, words in _sentences() if _count(name))]
    return " ".join(part for part in said if part)


def _said(sent: int, asked: int) -> str:
    said = []
    if sent:
        said.append(ngettext("%(num)s uitnodiging verstuurd.", "%(num)s uitnodigingen verstuurd.", sent))
    if asked:
        said.append(
            ngettext(
                "%(num)s bestaand account is gevraagd 2FA in te stellen.",
                "%(num)s bestaande accounts zijn gevraagd 2FA in te stellen.",
                asked,
            )
        )
    return " ".join(said)


def _sentences() -> list[tuple[str, str]]:
    return [
        ("again", _("Opnieuw verstuurd. De oude link werkt niet meer.")),
        ("corrected", _("De oude uitnodiging is ingetrokken en er is een nieuwe verstuurd.")),
        ("withdrawn", _("De uitnodiging is ingetrokken.")),
        ("changed", _("Deze uitnodiging was net al gebruikt, vervangen of ingetrokken. Er is niets gewijzigd.")),
    ]


def _count(name: str) -> int:
    typed = request.args.get(name, "")
    return min(int(typed), invitation_lists.MOST) if typed.isascii() and typed.isdigit() and len(typed) <= 4 else 0
