"""Recovery and fresh start, page by page, as a browser without script sees them."""

import re

import pyotp
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from securemail import ids
from securemail.crypto.codes import write_recovery_code
from securemail.crypto.secrets import RecoveryCode
from securemail.delivery.workers import OwnKey
from securemail.identity import fresh_start, invitations
from securemail.identity.invitation_lists import Line
from securemail.identity.permissions import needed
from securemail.identity.vault import Totp
from securemail.organisations import administrators
from tests.house import MARIEKE, PASSWORD, PETER, SANNE, House
from tests.identity import mails
from tests.identity.test_fresh_start import begin
from tests.identity.test_recovery import code_of, keep, pass_the_day
from tests.visitor import Visitor, alerts

NEW = "zeven groene tulpen op het balkon"


@pytest.fixture
def worker(house: House) -> OwnKey:
    return mails.hire(house)


def ask(visitor: Visitor, house: House, worker: OwnKey, address: str = SANNE[0]) -> str:
    visitor.get("/recovery")
    assert visitor.post("/recovery", {"address": address}).status_code == 200
    return mails.token(house, worker, "recovery")


def give(visitor: Visitor, token: str, code: RecoveryCode | str) -> TestResponse:
    visitor.get("/recovery/open")
    visitor.post("/recovery/open", {"token": token})
    typed = code if isinstance(code, str) else write_recovery_code(code)
    return visitor.post("/recovery/code", {"token": token, "code": typed})


def code_shown(page: TestResponse) -> str:
    found = re.search(r'data-code="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def test_from_the_log_in_to_the_inbox(visitor: Visitor, house: House, worker: OwnKey) -> None:
    keep(house, house.sanne, code_mailed=False)
    assert 'href="/recovery"' in visitor.get("/login").text
    answer = give(visitor, ask(visitor, house, worker), code_of(house, house.sanne))
    assert (answer.status_code, answer.location) == (303, "/recovery/password")
    page = visitor.get("/recovery/password")
    assert SANNE[0] in page.text
    page = visitor.post("/recovery/password", {"password": NEW})
    assert page.status_code == 200
    code = code_shown(page)
    again = visitor.post("/recovery/saved", {"code": code})
    assert (again.status_code, code_shown(again)) == (422, code)
    saved = visitor.post("/recovery/saved", {"code": code, "saved": "1"})
    assert saved.location == "/rotation?next=/inbox"
    assert visitor.get("/inbox").status_code == 200
    assert not visitor.cookie("__Host-a")
    assert visitor.get("/recovery/password").status_code == 303


def test_known_and_unknown_addresses_get_the_same_page(visitor: Visitor, house: House, worker: OwnKey) -> None:
    visitor.get("/recovery")
    known = visitor.post("/recovery", {"address": SANNE[0]})
    unknown = visitor.post("/recovery", {"address": PETER[0]})

    def bare(answer: TestResponse) -> str:
        return re.sub(r'(value|content)="[\w-]{80,}"', "", answer.text.replace(SANNE[0], "").replace(PETER[0], ""))

    assert bare(known).splitlines() == bare(unknown).splitlines()
    assert (known.status_code, list(known.headers.keys())) == (unknown.status_code, list(unknown.headers.keys()))


def test_a_slip_of_the_finger_costs_nothing_and_stays_on_the_page(
    visitor: Visitor, house: House, worker: OwnKey
) -> None:
    keep(house, house.sanne, code_mailed=False)
    token, code = ask(visitor, house, worker), code_of(house, house.sanne)
    slip = write_recovery_code(code)[:-1]
    for _ in range(12):
        answer = give(visitor, token, slip)
        assert answer.status_code == 422
        assert slip in answer.text
    assert "niet goed overgenomen" in alerts(answer)[0]
    assert give(visitor, token, write_recovery_code(code).lower().replace(" ", "-")).status_code == 303


def test_wrong_codes_are_slowed_down(visitor: Visitor, house: House, worker: OwnKey) -> None:
    token = ask(visitor, house, worker)
    for _ in range(5):
        answer = give(visitor, token, RecoveryCode.new())
        assert answer.status_code == 422
    assert "hoort niet bij dit account" in alerts(answer)[0]
    answer = give(visitor, token, code_of(house, house.sanne))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 30


def test_mails_to_one_address_are_slowed_down(visitor: Visitor, house: House) -> None:
    visitor.get("/recovery")
    codes = [visitor.post("/recovery", {"address": SANNE[0]}).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]


@pytest.mark.parametrize("token", ["", "x", "A" * 43])
@pytest.mark.parametrize(
    "path", ["/recovery/open", "/recovery/code", "/recovery/anew", "/recovery/anew/password", "/recovery/stop"]
)
def test_mangled_links_are_told(visitor: Visitor, token: str, path: str) -> None:
    visitor.get("/recovery")
    code = write_recovery_code(RecoveryCode.new())
    answer = visitor.post(path, {"token": token, "code": code, "password": NEW})
    assert answer.status_code == 422
    assert alerts(answer)


def test_a_second_step_is_asked_on_the_pages_of_the_log_in(visitor: Visitor, house: House, worker: OwnKey) -> None:
    seed = pyotp.random_base32()
    code = code_of(house, house.sanne)
    keep(house, house.sanne, totp=Totp(seed, 0, "2026-11-19"))
    answer = give(visitor, ask(visitor, house, worker), code)
    assert answer.location == "/login/step"
    assert visitor.get("/recovery/password").location == "/recovery?ended=1"
    page = visitor.get("/login/step")
    assert page.status_code == 200
    wrong = visitor.post("/login/step", {"method": "totp", "code": "000000"})
    assert "nog 4 keer" in alerts(wrong)[0]
    now = pyotp.TOTP(seed).at(house.clock.now)
    passed = visitor.post("/login/step", {"method": "totp", "code": now})
    assert passed.location == "/recovery/password"
    assert visitor.get("/inbox").location != "/inbox"
    visitor.get("/recovery/password")
    assert visitor.post("/recovery/password", {"password": NEW}).status_code == 200
    assert mails.sent(house, worker, "recovery_step_failed") == []


def test_five_wrong_second_steps_end_it_and_the_owner_hears_of_it(
    visitor: Visitor, house: House, worker: OwnKey
) -> None:
    code = code_of(house, house.sanne)
    keep(house, house.sanne, totp=Totp(pyotp.random_base32(), 0, "2026-11-19"))
    give(visitor, ask(visitor, house, worker), code)
    for _ in range(5):
        visitor.get("/login/step")
        answer = visitor.post("/login/step", {"method": "totp", "code": "000000"})
    assert answer.location == "/recovery?failed=1"
    assert len(mails.sent(house, worker, "recovery_step_failed")) == 1
    assert "vijf keer verkeerd" in visitor.get(answer.location).text


def test_a_weak_password_keeps_the_way_open(visitor: Visitor, house: House, worker: OwnKey) -> None:
    keep(house, house.sanne, code_mailed=False)
    give(visitor, ask(visitor, house, worker), code_of(house, house.sanne))
    visitor.get("/recovery/password")
    for weak in ("kort", "sannekuipers sanne", "wachtwoordwachtwoord"):
        answer = visitor.post("/recovery/password", {"password": weak})
        assert answer.status_code == 422
        assert alerts(answer)
    assert visitor.post("/recovery/password", {"password": NEW}).status_code == 200


def test_whoever_has_recovered_reaches_nothing_but_the_new_password(
    app: Flask, visitor: Visitor, house: House, worker: OwnKey
) -> None:
    keep(house, house.sanne, code_mailed=False)
    house.send(SANNE)
    give(visitor, ask(visitor, house, worker), code_of(house, house.sanne))
    reached = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or ()) and needed(rule.endpoint) not in ("anyone", "guest")
        if visitor.client.get(rule.rule).status_code == 200
    ]
    assert reached == ["/recovery/password"]


# --- the wait ---


def test_the_wait_is_told_with_its_end_and_shown_in_every_session(
    visitor: Visitor, sanne: Visitor, house: House, worker: OwnKey
) -> None:
    code = code_of(house, house.sanne)
    answer = give(visitor, ask(visitor, house, worker), code)
    assert answer.status_code == 200
    assert "9.58 uur" in answer.text
    again = ask(visitor, house, worker)
    visitor.get("/recovery/open")
    assert "9.58 uur" in visitor.post("/recovery/open", {"token": again}).text
    assert "/security/waiting" in sanne.get("/inbox").text
    page = sanne.get("/security/waiting")
    action = re.search(r'action="(/security/waiting/[^"]+)"', page.text)
    assert action is not None
    stopped = sanne.post(action[1])
    assert "Het is gestopt" in stopped.text
    assert "/security/waiting" not in sanne.get("/inbox").text
    assert sanne.post(action[1]).status_code == 303


def test_the_link_in_the_mail_stops_it_with_a_post_only(visitor: Visitor, house: House, worker: OwnKey) -> None:
    give(visitor, ask(visitor, house, worker), code_of(house, house.sanne))
    token = mails.token(house, worker, "recovery_started")
    visitor.get("/recovery/stop")
    assert pass_the_day(house, worker) == 1, "opening the page stopped nothing"
    answer = visitor.post("/recovery/stop", {"token": token})
    assert "Het is gestopt" in answer.text
    assert visitor.post("/recovery/stop", {"token": token}).status_code == 422


# --- a fresh start ---


def begin_anew(visitor: Visitor, house: House, worker: OwnKey) -> None:
    page = visitor.get("/recovery/lost")
    assert "voorgoed op slot" in page.text
    visitor.post("/recovery/lost", {"address": SANNE[0]})
    token = mails.token(house, worker, "fresh_start")
    visitor.get("/recovery/anew")
    visitor.post("/recovery/anew", {"token": token})
    unticked = visitor.post("/recovery/anew/confirm", {"token": token})
    assert unticked.status_code == 422
    answer = visitor.post("/recovery/anew/confirm", {"token": token, "understood": "1"})
    assert answer.status_code == 200
    assert "9.58 uur" in answer.text


def decide(app: Flask, verb: str) -> TestResponse:
    marieke = Visitor(app, "192.0.2.9")
    marieke.log_in(MARIEKE[0], PASSWORD)
    page = marieke.get("/admin/requests")
    assert SANNE[1] in page.text
    path = re.search(rf'href="(/admin/requests/[^"]+/{verb})"', page.text)
    assert path is not None
    marieke.get(path[1])
    return marieke.post(path[1])


def test_a_fresh_start_from_the_question_to_the_new_inbox(
    app: Flask, visitor: Visitor, house: House, worker: OwnKey
) -> None:
    sent = house.send(SANNE)
    begin_anew(visitor, house, worker)
    assert "Sanne Kuipers" in decide(app, "allow").text
    assert pass_the_day(house, worker, hours=72) == 1
    token = mails.token(house, worker, "fresh_start_ready")
    visitor.get("/recovery/anew")
    page = visitor.post("/recovery/anew", {"token": token})
    assert SANNE[0] in page.text
    page = visitor.post("/recovery/anew/password", {"token": token, "password": NEW})
    assert len(code_shown(page)) == 44
    assert "1 ouder bericht blijft op slot" in page.text
    assert visitor.get("/inbox").status_code == 200
    marieke = Visitor(app, "192.0.2.9")
    marieke.log_in(MARIEKE[0], PASSWORD)
    dialog = marieke.get(f"/messages/{ids.to_text(sent.message)}/receipts")
    assert "Opnieuw begonnen" in dialog.text
    assert "niet meer te openen" in dialog.text
    assert visitor.post("/recovery/anew/password", {"token": token, "password": NEW}).status_code == 422


def test_a_refused_fresh_start(app: Flask, visitor: Visitor, house: House, worker: OwnKey) -> None:
    begin_anew(visitor, house, worker)
    assert "niet toegestaan" in decide(app, "refuse").text
    assert mails.sent(house, worker, "fresh_start_refused") == [{}]


def test_requests_are_for_administrators(sanne: Visitor, visitor: Visitor) -> None:
    assert sanne.get("/admin/requests").status_code == 403
    assert visitor.get("/admin/requests").status_code == 303


def test_a_request_that_is_gone_is_told(app: Flask, house: House) -> None:
    marieke = Visitor(app, "192.0.2.9")
    marieke.log_in(MARIEKE[0], PASSWORD)
    marieke.get("/admin/requests")
    assert marieke.post(f"/admin/requests/{'A' * 22}/allow").status_code == 404


def test_the_only_administrator_begins_again_and_administers_on(
    app: Flask, visitor: Visitor, house: House, worker: OwnKey
) -> None:
    marieke = Visitor(app, "192.0.2.9")
    marieke.log_in(MARIEKE[0], PASSWORD)
    with house.work() as ctx:
        inviter = administrators.enter(ctx, house.marieke)
        line = Line(*PETER)
        invitations.invite(ctx, inviter, line, language="nl", public_url="http://localhost:8000")
    wait = begin(house, worker, MARIEKE[0])
    with house.work() as ctx:
        fresh_start.confirm_as_operator(ctx, wait.id, with_organisation=True)
    pass_the_day(house, worker, hours=72)
    token = mails.token(house, worker, "fresh_start_ready")
    visitor.get("/recovery/anew")
    visitor.post("/recovery/anew", {"token": token})
    visitor.post("/recovery/anew/password", {"token": token, "password": NEW})
    assert PETER[0] not in visitor.get("/admin/invitations").text
    for path in ("/inbox", "/admin/members", "/admin/invitations", "/admin/policy", "/admin/requests"):
        assert visitor.get(path).status_code == 200, path
    assert marieke.get("/inbox").status_code == 303, "the older session has ended"
