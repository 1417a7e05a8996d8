"""Second steps, as a browser and a script see them: what is shown, what is refused, and who must have one first."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from flask import Flask

from securemail import ids
from securemail.identity import vault
from securemail.identity.permissions import PERMISSIONS
from securemail.identity.vault import Vault
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import Draft, Message, Outbox
from tests.house import FATIMA, PASSWORD, SANNE, House
from tests.passkeys import SoftKey
from tests.test_english_pages import dutch_on
from tests.visitor import Visitor, alerts

PHONE = "06 12 34 56 78"


def vault_of(house: House) -> Vault:
    with house.work() as ctx:
        return vault.read(ctx, house.sanne.root)


def scan(browser: Visitor) -> pyotp.TOTP:
    """Choose the app, and read the key that is shown."""
    browser.get("/security/2fa")
    answer = browser.get(browser.post("/security/2fa", {"method": "totp"}).location)
    found = re.search(r'data-code="([A-Z2-7]{32})"', answer.text)
    assert found
    return pyotp.TOTP(found[1])


def code_now(house: House, phone: pyotp.TOTP) -> str:
    return phone.at(int(house.clock.now.timestamp()))


def set_up_app(browser: Visitor, house: House) -> pyotp.TOTP:
    phone = scan(browser)
    assert browser.post("/security/2fa/app", {"code": code_now(house, phone)}).location == "/security/2fa/second"
    return phone


def script(browser: Visitor, path: str, body: Any) -> Any:
    """What the passkey's script sends."""
    return browser.client.post(path, json=body, headers={"X-CSRF-Token": browser.token})


def make(browser: Visitor, key: SoftKey, name: str = "Telefoon") -> Any:
    """Make a passkey as the page's script does; the answer of the last request."""
    browser.get("/security/2fa/passkey")
    options = script(browser, "/security/2fa/passkey/options", {"name": name}).json
    made = key.create(options)
    body = {"fields": {"name": name}, "credential": made}
    if key.prf is not None:
        body["prf"] = key.secret
    return script(browser, "/security/2fa/passkey/finish", body)


def wanted(house: House) -> None:
    """The organisation wants a second step."""
    with house.work() as ctx:
        organisations.decide(ctx, house.sanne.organisation, Policy(require_second_step=True))


def prove_late(house: House) -> None:
    """So long after logging in that sensitive settings ask again."""
    house.clock.forward(minutes=11)


def test_the_qr_code_stands_in_the_page_and_its_secret_in_no_address(sanne: Visitor) -> None:
    sanne.get("/security/2fa")
    answer = sanne.post("/security/2fa", {"method": "totp"})
    assert answer.location == "/security/2fa/app"
    text = sanne.get(answer.location).text
    assert "<svg viewBox" in text
    assert "style=" not in text
    assert "data:" not in text


def test_the_page_of_the_app_alone_begins_nothing(sanne: Visitor, house: House) -> None:
    assert sanne.get("/security/2fa/app").location == "/security/2fa"
    assert sanne.post("/security/2fa/app", {"code": "123456"}).location == "/security/2fa"
    assert not vault_of(house).has_second_step


def test_a_wrong_code_says_so_and_shows_the_same_qr_code(sanne: Visitor, house: House) -> None:
    phone = scan(sanne)
    answer = sanne.post("/security/2fa/app", {"code": "12345"})
    assert (answer.status_code, alerts(answer)) == (422, ["Een code heeft 6 cijfers."])
    assert phone.secret in answer.text
    far = phone.at(int(house.clock.now.timestamp()) + 300)
    assert "klok van je telefoon loopt niet gelijk" in sanne.post("/security/2fa/app", {"code": far}).text
    assert not vault_of(house).has_second_step


def test_an_app_then_codes_then_done(sanne: Visitor, house: House) -> None:
    set_up_app(sanne, house)
    assert "Stel er nog een in" in sanne.get("/security/2fa/second").text
    assert sanne.post("/security/backup-codes/new").location == "/security/backup-codes"
    codes = re.findall(r"<li>(....-....)</li>", sanne.get("/security/backup-codes").text)
    assert len(set(codes)) == 10
    answer = sanne.post("/security/backup-codes", {})
    assert (answer.status_code, alerts(answer)) == (422, ["Bewaar eerst de codes en vink dit aan."])
    assert codes[0] in answer.text
    assert sanne.post("/security/backup-codes", {"saved": "1"}).location == "/security/2fa/done"
    assert codes[0] not in sanne.get("/security/backup-codes").text
    assert "Je account is klaar" in sanne.get("/security/2fa/done").text


def test_without_anything_set_up_there_is_no_later_step(sanne: Visitor) -> None:
    for path in ("/security/2fa/second", "/security/2fa/done", "/security/backup-codes"):
        assert sanne.get(path).location == "/security/2fa", path
    assert sanne.post("/security/backup-codes/new").location == "/security/2fa"


def test_too_many_wrong_codes_wait(sanne: Visitor) -> None:
    scan(sanne)
    for _ in range(10):
        assert sanne.post("/security/2fa/app", {"code": "000000"}).status_code == 422
    answer = sanne.post("/security/2fa/app", {"code": "000000"})
    assert answer.status_code == 429
    assert "Er is niets verloren" in answer.text


def test_a_method_that_is_none_is_told(sanne: Visitor) -> None:
    sanne.get("/security/2fa")
    for method in ("", "post", "backup"):
        answer = sanne.post("/security/2fa", {"method": method})
        assert (answer.status_code, alerts(answer)) == (422, ["Kies een van de manieren."])


def test_every_change_asks_again_who_is_there(sanne: Visitor, house: House) -> None:
    set_up_app(sanne, house)
    prove_late(house)
    sanne.get("/security")
    for path in ("/security/2fa/phone", "/security/2fa/passkey", "/security/2fa/app/remove"):
        assert "/confirm" in sanne.get(path).location, path
    for path, form in (("/security/2fa", {"method": "totp"}), ("/security/backup-codes/new", {}),
                       ("/security/2fa/app/remove", {})):  # fmt: skip
        assert sanne.post(path, form).status_code == 403, path
    options = script(sanne, "/security/2fa/passkey/options", {"name": "x"})
    assert options.status_code == 422
    assert "Laad de pagina opnieuw" in options.json["error"]
    assert vault_of(house).totp is not None


def test_a_phone_is_told_what_is_wrong_with_its_number(sanne: Visitor) -> None:
    sanne.get("/security/2fa/phone")
    for number, said in [("", "Vul een telefoonnummer in."), ("010 123 45 67", "Dit is een vast nummer")]:
        answer = sanne.post("/security/2fa/phone", {"phone": number})
        assert answer.status_code == 422
        assert said in alerts(answer)[0]
        assert f'value="{number}"' in answer.text


def test_a_code_is_sent_and_a_second_one_waits(sanne: Visitor, house: House) -> None:
    sanne.get("/security/2fa/phone")
    assert sanne.post("/security/2fa/phone", {"phone": PHONE}).location == "/security/2fa/phone/code"
    assert "06 12345678" in sanne.get("/security/2fa/phone/code").text
    assert sanne.post("/security/2fa/phone/again").status_code == 429
    house.clock.forward(seconds=45)
    assert sanne.post("/security/2fa/phone/again").location == "/security/2fa/phone/code"
    with house.work() as ctx:
        assert ctx.db.query(Outbox).filter(Outbox.kind == "sms_code").count() == 2


def test_without_a_number_there_is_no_code(sanne: Visitor) -> None:
    sanne.get("/security/2fa/phone")
    assert sanne.get("/security/2fa/phone/code").location == "/security/2fa/phone"
    assert sanne.post("/security/2fa/phone/again").location == "/security/2fa/phone"
    assert sanne.get("/security/2fa/phone/remove?phone=x").status_code == 404


def test_an_sms_that_nobody_can_send_is_told_with_a_way_on(sanne: Visitor) -> None:
    """No worker lives in this test: the code is with nobody."""
    sanne.get("/security/2fa/phone")
    sanne.post("/security/2fa/phone", {"phone": PHONE})
    text = sanne.get("/security/2fa/phone/code").text
    assert "De sms gaat niet weg." in text
    assert "Andere manier kiezen" in text


@pytest.mark.parametrize("prf", [True, False])
def test_a_passkey_says_whether_it_signs_in_alone(sanne: Visitor, house: House, prf: bool) -> None:
    answer = make(sanne, SoftKey() if prf else SoftKey(prf=None))
    text = sanne.get(answer.json["next"]).text
    assert ("log je in zonder wachtwoord" in text) is prf
    assert ("kan niet alleen inloggen" in text) is not prf
    assert vault_of(house).passkeys[0].opens is prf


def test_a_body_that_holds_the_secret_is_refused(sanne: Visitor, house: House) -> None:
    key = SoftKey()
    sanne.get("/security/2fa/passkey")
    made = key.create(script(sanne, "/security/2fa/passkey/options", {"name": "x"}).json)
    made["clientExtensionResults"] = {"prf": {"enabled": True, "results": {"first": key.secret}}}
    body = {"fields": {"name": "x"}, "credential": made, "prf": key.secret}
    answer = script(sanne, "/security/2fa/passkey/finish", body)
    assert answer.status_code == 422
    assert "error" in answer.json
    assert not vault_of(house).has_second_step


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"credential": 5}, {"credential": {}, "prf": 5}, {"credential": {}, "prf": "AAAA"},
             {"credential": {}, "assertion": []}, {"credential": {"id": "AA"}, "fields": []}],
)  # fmt: skip
def test_whatever_a_script_sends_is_answered_in_a_sentence(sanne: Visitor, body: Any) -> None:
    sanne.get("/security/2fa/passkey")
    for path in ("finish", "first-use"):
        answer = script(sanne, f"/security/2fa/passkey/{path}", body)
        assert answer.status_code == 422, path
        assert answer.json["error"]


def test_a_passkey_without_a_name_is_asked_for_one_first(sanne: Visitor) -> None:
    sanne.get("/security/2fa/passkey")
    answer = script(sanne, "/security/2fa/passkey/options", {"name": " "})
    assert answer.json["error"] == "Geef de passkey een naam waaraan je hem herkent, zoals: telefoon."


def test_a_script_needs_the_pages_token(sanne: Visitor) -> None:
    assert sanne.client.post("/security/2fa/passkey/options", json={"name": "x"}).status_code == 400


def test_somebody_elses_passkey_is_not_there(sanne: Visitor) -> None:
    path = f"/security/2fa/passkey/{ids.to_text(ids.new_id())}"
    for what in ("added", "name", "remove"):
        assert sanne.get(f"{path}/{what}").status_code == 404


def test_removing_a_passkey_ends_every_other_session(app: Flask, sanne: Visitor, house: House) -> None:
    make(sanne, SoftKey())
    other = Visitor(app)
    other.log_in(SANNE[0], PASSWORD)
    row = vault_of(house).passkeys[0]
    path = f"/security/2fa/passkey/{ids.to_text(bytes.fromhex(row.id))}/remove"
    sanne.get(path)
    assert sanne.post(path).location.startswith("/rotation")
    assert sanne.get("/inbox").status_code == 200
    assert sanne.get("/security").status_code == 200


def test_every_change_is_told_by_mail(sanne: Visitor, house: House) -> None:
    set_up_app(sanne, house)
    make(sanne, SoftKey())
    sanne.get("/security/2fa/app/remove")
    sanne.post("/security/2fa/app/remove")
    with house.work() as ctx:
        assert ctx.db.query(Outbox).filter(Outbox.kind == "factor_changed").count() == 3


def test_an_account_that_must_be_secured_reads_and_sends_nothing(app: Flask, sanne: Visitor, house: House) -> None:
    """Every page of the table, by GET and by POST: none for members opens, and nothing is sent."""
    sent = house.send(SANNE, FATIMA)
    wanted(house)
    before = messages(house)
    pages = list(pages_for_members(app, sent.conversation))
    for path, method in pages:
        form = {"csrf_token": sanne.token, "to": FATIMA[0], "subject": "x", "text": "x", "body": "x"}
        answer = sanne.client.open(path, method=method, data=form if method == "POST" else None)
        assert (answer.status_code, answer.location) == (303, "/security?required=1"), (path, method)
        assert "kinderalimentatie" not in answer.text
    assert len(pages) > 20
    assert messages(house) == before
    assert "Je organisatie vraagt een extra inlogmethode" in sanne.get("/security?required=1").text


def messages(house: House) -> int:
    with house.work() as ctx:
        return ctx.db.query(Message).count() + ctx.db.query(Draft).count()


def pages_for_members(app: Flask, conversation: bytes) -> Iterator[tuple[str, str]]:
    """Every address that only members or administrators may reach, with something plausible in its gaps."""
    for rule in app.url_map.iter_rules():
        if PERMISSIONS.get(rule.endpoint) in ("member", "administrator"):
            numbers = re.findall(r"<int[^:]*:(\w+)>", rule.rule)
            values = {name: 0 if name in numbers else ids.to_text(conversation) for name in rule.arguments}
            path = app.url_map.bind("localhost").build(rule.endpoint, values)
            for method in sorted({"GET", "POST"} & (rule.methods or set())):
                yield path, method


def test_once_it_is_secured_it_reads(sanne: Visitor, house: House) -> None:
    house.send(SANNE)
    wanted(house)
    assert sanne.get("/inbox").location == "/security?required=1"
    set_up_app(sanne, house)
    assert "Berekening kinderalimentatie" in sanne.get("/inbox").text


def test_the_last_one_stays_where_the_organisation_wants_one(sanne: Visitor, house: House) -> None:
    set_up_app(sanne, house)
    wanted(house)
    sanne.get("/security/2fa/app/remove")
    answer = sanne.post("/security/2fa/app/remove")
    assert answer.status_code == 422
    assert "Je organisatie vraagt een extra inlogmethode, en dit is de enige" in answer.text
    assert vault_of(house).totp is not None


def test_few_backup_codes_are_told(sanne: Visitor, house: House) -> None:
    set_up_app(sanne, house)
    sanne.post("/security/backup-codes/new")
    assert "Nog 10 over" in sanne.get("/security").text
    with house.work() as ctx:
        vault.change(ctx, house.sanne.root, lambda kept: replace(kept, backup_codes=kept.backup_codes[:3]))
    assert "Je hebt nog 3 back-upcodes. Maak op tijd nieuwe." in sanne.get("/security").text


def test_without_an_sms_service_it_is_said(sanne: Visitor, house: House) -> None:
    object.__setattr__(house.runtime, "settings", replace(house.runtime.settings, sms=None))
    assert "er is geen dienst ingesteld die sms’en verstuurt" in sanne.get("/security/2fa").text
    assert sanne.get("/security/2fa/phone").location == "/security/2fa"
    assert sanne.post("/security/2fa", {"method": "sms"}).status_code == 422


def test_every_page_speaks_english(sanne: Visitor, house: House) -> None:
    sanne.get("/inbox")
    sanne.post("/profile/language", {"language": "en", "next": "/security"})
    phone = scan(sanne)
    shown = [sanne.get("/security/2fa/app").text, sanne.post("/security/2fa/app", {"code": "12"}).text]
    sanne.post("/security/2fa/app", {"code": code_now(house, phone)})
    shown.append(sanne.post("/security/2fa", {"method": "x"}).text)
    added = make(sanne, SoftKey(prf=None), "Phone").json["next"]
    sanne.get("/security/2fa/phone")
    shown.append(sanne.post("/security/2fa/phone", {"phone": "010 123 45 67"}).text)
    sanne.post("/security/2fa/phone", {"phone": PHONE})
    key = ids.to_text(bytes.fromhex(vault_of(house).passkeys[0].id))
    paths = [
        added, "/security", "/security/2fa/second", "/security/2fa/phone/code", "/security/2fa/app/remove",
        f"/security/2fa/passkey/{key}/name", f"/security/2fa/passkey/{key}/remove", "/security/backup-codes",
        "/security/2fa/done",
    ]  # fmt: skip
    shown += [sanne.get(path).text for path in paths]
    sanne.post("/security/backup-codes/new")
    shown += [sanne.get("/security/backup-codes").text, sanne.post("/security/backup-codes").text]
    sanne.post("/security/backup-codes", {"saved": "1"})
    shown.append(sanne.get("/security/backup-codes").text)
    assert [found for page in shown if (found := dutch_on(page) - {"sanne", "kuipers"})] == []
