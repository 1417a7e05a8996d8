"""What a stranger asks to find out what nobody tells them: pairs of questions with one answer, one true and one false.

Whatever lies before a question (a right password, a code by SMS, a limit that was reached) is made ready untimed, and
every question finds the same rows.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import pyotp
from flask import Flask
from sqlalchemy import delete, select, update
from werkzeug.test import EnvironBuilder

from benchmarks.measure import Ready
from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.guests import checks, claiming, gate
from securemail.guests.checks import NONE, Check
from securemail.identity import arrivals, vault
from securemail.identity.vault import Totp
from securemail.messages import renewal, revocation
from securemail.messages.sending import Sent
from securemail.store.models import Attempt, BrowserSession, GuestLink, Outbox, OutboxLock, Pending, SessionLink
from securemail.web.session import ARRIVING, GUEST, REMEMBERED_GUEST, STRANGER
from tests.guests.test_gate import ask_for_sms
from tests.house import House

PEOPLE: Final = 8
AGREED, NUMBER = "vier groene lampen", "+31612345678"
SEED: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
_INVENTED: Final = write_message_code(MessageCode(bytes(range(16))))
_SECRET: Final = SessionSecret(bytes(range(32)))
_LEAVES: Final = (Attempt, OutboxLock, Outbox, Pending, SessionLink, BrowserSession)
Pair = tuple[Ready, Ready]


@dataclass(frozen=True)
class Desk:
    """The product on one database, and where the choices come from."""

    house: House
    app: Flask
    chance: random.Random

    def clean(self) -> None:
        """Nothing is left of the questions before."""
        with self.house.work() as ctx:
            for table in _LEAVES:
                ctx.db.execute(delete(table))
            ctx.db.execute(update(GuestLink).where(GuestLink.tries > 0).values(tries=0))

    def question(
        self, method: str, path: str, *, status: int, form: Mapping[str, str] | None = None,
        held: Mapping[str, SessionSecret] | None = None,
    ) -> Callable[[], object]:  # fmt: skip
        """One request as a browser with these cookies makes it, and the status that its answer must have."""
        jar = {STRANGER: _SECRET, **(held or {})}
        cookie = "; ".join(f"{name}={cookies.write_cookie(secret)}" for name, secret in jar.items())
        data = {"csrf_token": cookies.form_token(_SECRET), **form} if form is not None else None
        environ = EnvironBuilder(
            path, base_url="http://localhost:8000", method=method, data=data, headers={"Cookie": cookie},
            environ_base={"REMOTE_ADDR": "198.51.100.7"},
        ).get_environ()  # fmt: skip
        return partial(_answered, self.app, environ, status)


def _answered(app: Flask, environ: dict[str, Any], status: int) -> None:
    told: list[str] = []

    def start_response(line: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
        told.append(line)
        return told.append  # type: ignore[return-value]

    answer = app(environ, start_response)
    try:
        b"".join(answer)
    finally:
        answer.close()  # type: ignore[attr-defined]
    if not told[0].startswith(str(status)):
        raise AssertionError(f"{environ['PATH_INFO']} answered {told[0]}")


def pairs(desk: Desk) -> dict[str, Pair]:
    """By goal, and first what nobody is told."""
    return {
        **_of_addresses(desk),
        **_of_links(desk),
        **_of_checks(desk),
        "T15-step": (partial(_step, desk, nearly), partial(_step, desk, wrong)),
        "T15-sms": _sms(desk),
        "T15-password": _password(desk),
    }


def told_apart(desk: Desk) -> dict[str, Pair]:
    """What the answer itself tells apart, for reading beside the goals."""
    letters = _letters(desk, "bekend")
    return {
        "a link that was made / one that was not": (
            lambda: _landing(desk, letters), lambda: desk.question("GET", _path(ids.new_id()), status=404)
        ),
        "a right second step / a wrong one": (partial(_step, desk, _right, 303), partial(_step, desk, wrong)),
    }  # fmt: skip


# --- addresses ---


def _of_addresses(desk: Desk) -> dict[str, Pair]:
    known, unknown = ([f"{name}{number}@vandalenbakker.example" for number in range(PEOPLE)] for name in ("lid", "gat"))
    for address in known:
        desk.house.join((address, "Lid"))
    asked: dict[str, tuple[str, int, dict[str, str]]] = {
        "T15-address": ("/login", 422, {"password": "fout fout fout"}),
        "T15-sign-up": ("/signup", 200, {}),
        "T15-recovery": ("/recovery", 200, {}),
    }
    return {
        goal: (partial(_address, desk, known, *page), partial(_address, desk, unknown, *page))
        for goal, page in asked.items()
    }


def _address(
    desk: Desk, addresses: Sequence[str], path: str, status: int, form: Mapping[str, str]
) -> Callable[[], object]:
    desk.clean()
    return desk.question("POST", path, status=status, form={"address": desk.chance.choice(addresses), **form})


# --- links ---


def _letters(desk: Desk, name: str, check: Check = NONE) -> list[Sent]:
    people = [(f"{name}{number}@example.org", "Fatima El Amrani") for number in range(PEOPLE)]
    return [desk.house.send((*person, check)) for person in people]


def _of_links(desk: Desk) -> dict[str, Pair]:
    alive, withdrawn, renewed, claimed = (_letters(desk, name) for name in ("blijft", "dicht.", "nieuw.", "thuis."))
    for sent in withdrawn:
        with desk.house.work() as ctx:
            revocation.revoke_from_conversation(ctx, desk.house.marieke, sent.message, 0)
    for sent in renewed:
        with desk.house.work() as ctx:
            renewal.new_code(ctx, desk.house.marieke, _link(desk, sent).id)
    for number, sent in enumerate(claimed):
        _claim(desk, sent, f"thuis.{number}@example.org")
    seen = {"withdrawn": withdrawn, "renewed": renewed, "claimed": claimed}
    landing = {f"T15-{goal}": _pair(desk, _landing, letters, alive) for goal, letters in seen.items()}
    return {
        **landing,
        "T15-code": _pair(desk, _wrong_code, withdrawn, alive),
        "T15-cookie": _pair(desk, _invented_cookie, withdrawn, alive),
    }


def _of_checks(desk: Desk) -> dict[str, Pair]:
    plain, checked = _letters(desk, "zonder"), _letters(desk, "metsms", Check("sms", NUMBER))
    return {"T15-check": _pair(desk, _wrong_code, checked, plain)}


def _pair(desk: Desk, ask: Callable[[Desk, Sequence[Sent]], Callable[[], object]], *sides: Sequence[Sent]) -> Pair:
    left, right = (partial(ask, desk, letters) for letters in sides)
    return left, right


def _landing(desk: Desk, letters: Sequence[Sent]) -> Callable[[], object]:
    return desk.question("GET", _any(desk, letters), status=200)


def _wrong_code(desk: Desk, letters: Sequence[Sent]) -> Callable[[], object]:
    desk.clean()
    return desk.question("POST", _any(desk, letters), status=422, form={"code": _INVENTED})


def _invented_cookie(desk: Desk, letters: Sequence[Sent]) -> Callable[[], object]:
    return desk.question("GET", _any(desk, letters), status=200, held={REMEMBERED_GUEST: _SECRET, GUEST: _SECRET})


def _claim(desk: Desk, sent: Sent, address: str) -> None:
    guest, _secret = desk.house.enter(sent.conversation, address)
    member = desk.house.join((address, "Fatima El Amrani"))
    with desk.house.work() as ctx:
        claiming.claim(ctx, member, guest)


def _any(desk: Desk, letters: Sequence[Sent]) -> str:
    return _path(_link(desk, desk.chance.choice(letters)).link_ref)


def _path(ref: bytes) -> str:
    return f"/b/{ids.to_text(ref)}"


def _link(desk: Desk, sent: Sent) -> GuestLink:
    """The link that was made first, as its mail has it."""
    of_it = select(GuestLink).where(GuestLink.conversation == sent.conversation).order_by(GuestLink.created)
    with desk.house.runtime.work(write=False) as ctx:
        return ctx.db.scalars(of_it).first() or GuestLink()


# --- what is asked besides ---


def wrong(right: str) -> str:
    """Another code, of which no digit need be right."""
    return f"{(int(right) + 543_211) % 10**6:06d}"


def nearly(right: str) -> str:
    """All but the last digit."""
    return right[:5] + str((int(right[5]) + 1) % 10)


def _right(right: str) -> str:
    return right


def _step(desk: Desk, typed: Callable[[str], str], status: int = 422) -> Callable[[], object]:
    """The second step of Sanne, whose app has used no code yet."""
    desk.clean()
    root, app = desk.house.sanne.root, Totp(SEED, 0, desk.house.clock.now.isoformat())
    with desk.house.work() as ctx:
        vault.change(ctx, root, lambda kept: replace(kept, totp=app))
        secret = arrivals.arrive(ctx, account=root.account, rk=root.rk, state=cookies.PENDING)
    form = {"method": "totp", "code": typed(pyotp.TOTP(SEED).at(desk.house.clock.now))}
    return desk.question("POST", "/login/step", status=status, form=form, held={ARRIVING: secret})


def _sms(desk: Desk) -> Pair:
    [sent, *_] = _letters(desk, "telefoon", Check("sms", NUMBER))
    code = desk.house.code_of(sent.conversation, "telefoon0@example.org")

    def ready(typed: Callable[[str], str]) -> Callable[[], object]:
        desk.clean()
        with desk.house.work() as ctx:
            at = gate.enter_code(ctx, code, None)
        return _entered(desk, at, typed(ask_for_sms(desk.house, at)))

    return partial(ready, nearly), partial(ready, wrong)


def _password(desk: Desk) -> Pair:
    with desk.house.work() as ctx:
        agreed = checks.agree(ctx, AGREED)
    [sent, *_] = _letters(desk, "afspraak", Check("password", password=agreed))
    code = desk.house.code_of(sent.conversation, "afspraak0@example.org")

    def ready(typed: str) -> Callable[[], object]:
        desk.clean()
        with desk.house.work() as ctx:
            return _entered(desk, gate.enter_code(ctx, code, None), typed)

    return partial(ready, f"{AGREED[:-1]}x"), partial(ready, "zes bruine banken!")


def _entered(desk: Desk, at: gate.AtGate, typed: str) -> Callable[[], object]:
    path = f"{_path(at.link.link_ref)}/check"
    return desk.question("POST", path, status=422, form={"code": typed}, held={GUEST: at.secret})
