"""From a payload to what a mail shows, with hostile payloads refused."""

from typing import Any, cast

import pytest

from securemail.delivery import notifications
from securemail.delivery.brand import Brand
from securemail.delivery.notifications import Notification, Unsendable
from securemail.identity.context import Context
from tests.delivery.office import CODE, Office, guest_payload, job_of

URL = "https://post.vandalenbakker.example"
NOBODY = cast(Context, None)
LOG_IN = {"to": "a@example.org", "language": "nl", "browser": "Firefox · Linux", "network": "192.0.2.7"}
ADDRESS_CHANGE = {"to": "a@example.org", "language": "nl", "new": "b@example.org", "path": "/address/confirm#x"}


ON_THE_WAY = {"to": "a@example.org", "language": "nl", "path": "/recovery/open#x"}
LATER = {**ON_THE_WAY, "until": "2026-11-20T08:58:00+00:00"}
BY_IDS = {
    "member_message", "member_reminder", "help_asked", "recovered", "recovery_stopped", "fresh_start_soon",
    "fresh_start_stopped", "fresh_start_refused", "fresh_start_request", "fresh_start_done",
}  # fmt: skip
"""Rendered from the directory: no payload."""


def _prepare(payload: dict[str, object] | None, kind: str = "guest_message") -> Notification:
    return notifications.prepare(NOBODY, job_of(payload, kind), brand=Brand("Van Dalen & Bakker"), public_url=URL)


def test_the_code_stands_behind_the_link_and_in_groups() -> None:
    values = _prepare(guest_payload()).values
    assert values["link"] == f"{URL}/b/{'A' * 22}#{CODE.replace(' ', '')}"
    assert values["short_link"] == "post.vandalenbakker.example/b"
    assert values["code_groups"] == CODE.split()


def test_an_answer_carries_no_code() -> None:
    payload = guest_payload()
    del payload["code"]
    values = _prepare(payload, "guest_answer").values
    assert values["link"] == f"{URL}/b/{'A' * 22}"
    assert "code_groups" not in values


def test_every_kind_can_be_made() -> None:
    payloads: dict[str, dict[str, object]] = {
        "guest_message": guest_payload(),
        "guest_answer": guest_payload(),
        "guest_reminder": guest_payload(),
        "activation": {"to": "a@example.org", "token_link": f"{URL}/activate#x", "language": "en"},
        "already_account": {"to": "a@example.org", "language": "nl"},
        "invitation": {**LOG_IN, "token_link": f"{URL}/invitation#x", "sender_name": "M", "sender_address": "m@b.nl"},
        "secure_account": {**LOG_IN, "sender_name": "M", "sender_address": "m@b.nl"},
        "factor_changed": {"to": "a@example.org", "name": "A", "language": "nl", "change": "totp-added"},
        **dict.fromkeys(
            (
                "new_device",
                "second_step_failed",
                "recovery_step_failed",
                "password_changed",
                "recovery_code_changed",
                "sessions_ended",
            ),
            LOG_IN,
        ),
        **dict.fromkeys(
            ("address_change_old", "address_change_new", "address_change_taken", "address_changed"), ADDRESS_CHANGE
        ),
        "account_closed": {"to": "a@example.org", "name": "A", "language": "en"},
        **dict.fromkeys(("recovery", "recovery_unknown", "fresh_start"), ON_THE_WAY),
        **dict.fromkeys(("recovery_started", "recovery_ready", "fresh_start_started", "fresh_start_ready"), LATER),
        "recovery_code": {"to": "a@example.org", "name": "A", "code_groups": "AAAA BBBB", "language": "nl"},
    }
    assert {*payloads, *BY_IDS} == set(notifications.KINDS)
    for kind, payload in payloads.items():
        assert _prepare(payload, kind).to.endswith("@example.org")


@pytest.mark.parametrize(
    "hostile",
    [
        *("a@b\r\nBcc: x@y", "a\n@b", "a\u2028@b", "a\u202e@b", "a b@c", "a@b, c@d", "<a@b>", 'x"@b', "a@", "@b", ""),
        "=?utf-8?q?=0d=0aBcc:_x?=@b.example",
        *(5, None),
    ],
)
def test_a_hostile_address_is_not_mailed(hostile: Any) -> None:
    with pytest.raises(Unsendable):
        _prepare(guest_payload(hostile))


def test_line_ends_in_a_name_become_spaces() -> None:
    made = _prepare(guest_payload(name="Fatima\r\nBcc: x@example.org", sender_name="Ma\u2028rieke\x00\u202e van"))
    assert made.name == "Fatima Bcc: x@example.org"
    assert made.values["sender_name"] == "Ma rieke van"


@pytest.mark.parametrize("missing", ["to", "language", "code", "ref"])
def test_a_payload_that_lacks_something_is_not_mailed(missing: str) -> None:
    payload = guest_payload()
    del payload[missing]
    with pytest.raises(Unsendable) as caught:
        _prepare(payload)
    assert "Fatima" not in str(caught.value)


def test_an_unknown_kind_is_not_mailed() -> None:
    with pytest.raises(Unsendable):
        _prepare(guest_payload(), "newsletter")


def test_a_member_is_told_by_name_from_the_directory(office: Office) -> None:
    worker = office.worker()
    office.add_member_mail()
    taken = worker._take()
    assert isinstance(taken, tuple)
    made = taken[1]
    assert made is not None
    assert (made.to, made.name, made.language) == ("sanne@vandalenbakker.example", "Sanne Kuipers", "en")
    assert made.values["sender_name"] == "Marieke van Dalen"
    assert made.brand.name == "Van Dalen & Bakker"
