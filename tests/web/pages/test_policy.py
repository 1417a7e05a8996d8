"""Beleid: rules, what they mean, and who may change them."""

import dataclasses
import html
import re

import pytest
from sqlalchemy import select, update

from securemail.crypto.notes import open_audit
from securemail.delivery import brand
from securemail.identity import vault
from securemail.identity.vault import Totp
from securemail.organisations import administrators, organisations
from securemail.organisations import policy as policy_rules
from securemail.organisations.policy import Policy
from securemail.store.models import Audit, Organisation
from tests.house import House
from tests.visitor import Visitor, alerts

PLACE = "/admin/policy"


def shown(browser: Visitor) -> str:
    """The rules that the page was drawn with, as its form carries them."""
    found = re.search(r'name="before" value="([^"]*)"', browser.get(PLACE).text)
    assert found is not None
    return html.unescape(found[1])


def policy(house: House) -> Policy:
    with house.work() as ctx:
        return organisations.policy_of(ctx, house.marieke.organisation)


def secure(house: House) -> None:
    """Marieke has an authenticator app."""
    totp = Totp(seed="A" * 32, last_step=0, added="2026-11-03T09:00:00+00:00")
    with house.work() as ctx:
        vault.change(ctx, house.marieke.root, lambda kept: dataclasses.replace(kept, totp=totp))


def test_rules_are_changed_and_the_change_is_noted(marieke: Visitor, house: House) -> None:
    form = {"sign_up": "domains", "domains": "Kantoor.example, @Bücher.example", "label": "a-nummer"}
    assert marieke.post(PLACE, {**form, "before": shown(marieke)}).location == f"{PLACE}?saved=1"
    assert policy(house) == Policy(
        sign_up="domains", domains=("kantoor.example", "xn--bcher-kva.example"), reference_label="a-nummer",
        mail_recovery_code=False,
    )  # fmt: skip
    assert "bücher.example" in marieke.get(PLACE).text
    with house.work() as ctx:
        row = ctx.db.scalars(select(Audit).where(Audit.kind == "policy-changed")).one()
        detail = open_audit(administrators.enter(ctx, house.marieke).keys.pair(), row.id, row.sealed_detail)
    assert '"sign_up":"open"' in detail["before"]
    assert '"sign_up":"domains"' in detail["after"]


def test_checks_expiry_and_reminders_are_decided_too(marieke: Visitor, house: House) -> None:
    form = {"sign_up": "open", "check_default": "sms", "check_minimum": "any", "expiry_days": "30", "remind_days": ""}
    assert marieke.post(PLACE, {**form, "before": shown(marieke)}).location == f"{PLACE}?saved=1"
    assert policy(house) == Policy(
        sign_up="open", mail_recovery_code=False, check_default="sms", check_minimum="any", remember_devices=False,
        expiry_days=30,
    )  # fmt: skip
    page = marieke.get(PLACE).text
    assert '<option value="any" selected>' in page
    assert 'value="30"' in page


def test_a_rule_that_nobody_knows_is_taken_the_safe_way() -> None:
    odd = policy_rules.from_text('{"check_minimum":"retina","check_default":7,"expiry_days":-3,"remind_days":"2"}')
    assert (odd.check_minimum, odd.check_default, odd.expiry_days, odd.remind_days) == ("any", "none", 0, 0)


def test_what_stays_the_same_is_not_noted(marieke: Visitor, house: House) -> None:
    marieke.post(PLACE, {"sign_up": "open", "mail_recovery": "1", "before": shown(marieke)})
    with house.work() as ctx:
        assert ctx.db.scalar(select(Audit).where(Audit.kind == "policy-changed")) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sign_up": "domains", "domains": ""}, "minstens één domein"),
        ({"domains": "geen domein"}, "klopt niet"),
        ({"domains": "gmail.com"}, "iedereen een adres"),
        ({"domains": ",".join(f"d{n}.example" for n in range(51))}, "te veel"),
        ({"label": "x" * 41}, "te lang"),
        ({"check_default": "none", "expiry_days": "een week"}, "aantal dagen"),
        ({"check_default": "none", "remind_days": "3651"}, "aantal dagen"),
        ({"label": "a\u202eb"}, "tekens"),
        ({"check_default": "none", "mail_words": "x" * 161}, "te lang"),
        ({"check_default": "none", "mail_words": "Kijk op www.kantoor.example"}, "geen link"),
        ({"check_default": "none", "mail_words": "Mail balie@kantoor.example"}, "geen link"),
        ({"check_default": "none", "mail_words": "Zie kantoor.nl voor meer"}, "geen link"),
        ({"check_default": "none", "mail_words": "a\u202eb"}, "tekens"),
    ],
)
def test_a_rule_that_cannot_be_is_told_and_the_rest_stays(
    marieke: Visitor, house: House, change: dict[str, str], words: str
) -> None:
    before = policy(house)
    form = {"sign_up": "invitation", "label": "a-nummer", "domains": "kantoor.example", **change}
    answer = marieke.post(PLACE, {**form, "before": shown(marieke)})
    assert answer.status_code == 422
    assert words in alerts(answer)[0]
    assert 'value="a-nummer"' in answer.text or "label" in change
    assert policy(house) == before


def test_the_organisations_own_words_go_into_its_mails(marieke: Visitor, house: House) -> None:
    form = {"sign_up": "open", "mail_recovery": "1", "check_default": "none", "remember_devices": "1"}
    words = "Wij mailen u alles over uw  zaak beveiligd."
    assert marieke.post(PLACE, {**form, "mail_words": words, "before": shown(marieke)}).status_code == 303
    assert 'value="Wij mailen u alles over uw zaak beveiligd."' in marieke.get(PLACE).text
    with house.work() as ctx:
        assert brand.current(ctx).words == "Wij mailen u alles over uw zaak beveiligd."
    assert marieke.post(PLACE, {**form, "mail_words": "", "before": shown(marieke)}).status_code == 303
    with house.work() as ctx:
        assert brand.current(ctx).words == ""


def test_an_unknown_choice_changes_nothing(marieke: Visitor, house: House) -> None:
    marieke.post(PLACE, {"sign_up": "everybody", "mail_recovery": "1", "before": shown(marieke)})
    assert policy(house) == Policy(sign_up="open")


def test_two_administrators_do_not_overwrite_each_other(marieke: Visitor, house: House) -> None:
    before = shown(marieke)
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(sign_up="invitation"))
    answer = marieke.post(PLACE, {"sign_up": "open", "label": "a-nummer", "before": before})
    assert answer.status_code == 409
    assert "Er is niets bewaard" in answer.text
    assert 'value="a-nummer"' in answer.text
    assert policy(house) == Policy(sign_up="invitation")
    again = re.search(r'name="before" value="([^"]*)"', answer.text)
    assert again is not None
    form = {"sign_up": "open", "label": "a-nummer", "before": html.unescape(again[1])}
    assert marieke.post(PLACE, form).status_code == 303


def test_who_requires_a_second_step_has_one_first(marieke: Visitor, house: House) -> None:
    form = {"sign_up": "open", "require": "1", "mail_recovery": "1"}
    refused = marieke.post(PLACE, {**form, "before": shown(marieke)})
    assert refused.status_code == 422
    assert not policy(house).require_second_step
    secure(house)
    assert "2 leden hebben nog geen 2FA" in marieke.get(PLACE).text
    assert marieke.post(PLACE, {**form, "before": shown(marieke)}).status_code == 303
    assert policy(house).require_second_step


def test_a_required_second_step_keeps_the_others_out_until_they_have_one(
    marieke: Visitor, sanne: Visitor, house: House
) -> None:
    secure(house)
    marieke.post(PLACE, {"sign_up": "open", "require": "1", "before": shown(marieke)})
    assert sanne.get("/inbox").location.startswith("/security")
    assert marieke.get("/inbox").status_code == 200


def test_after_ten_minutes_the_password_is_asked_for_again(marieke: Visitor, house: House) -> None:
    before = shown(marieke)
    house.clock.forward(minutes=11)
    answer = marieke.post(PLACE, {"sign_up": "invitation", "label": "a-nummer", "mail_recovery": "1", "before": before})
    assert answer.status_code == 403
    assert 'value="a-nummer"' in answer.text, "what was chosen waits behind the question"
    assert policy(house) == Policy(sign_up="open")


def test_a_policy_that_somebody_wrote_into_the_database_is_not_believed(marieke: Visitor, house: House) -> None:
    """T8: an edited policy is an alarm, not a rule."""
    with house.work() as ctx:
        ctx.db.execute(update(Organisation).values(policy='{"sign_up":"open","require_second_step":false}'))
    assert marieke.get(PLACE).status_code == 500


def test_where_the_code_is_not_mailed_it_is_not_promised(marieke: Visitor, house: House) -> None:
    marieke.post(PLACE, {"sign_up": "open", "before": shown(marieke)})
    assert not policy(house).mail_recovery_code
