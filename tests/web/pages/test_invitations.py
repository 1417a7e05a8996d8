"""Inviting, page by page: a list is looked over before it is sent, and what cannot be sent comes back."""

import html
import io
import re
import threading

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from securemail import ids
from securemail.delivery import workers
from securemail.identity import invitations
from securemail.identity.invitation_rows import Invitation
from securemail.organisations import administrators, organisations
from securemail.organisations.policy import Policy
from tests.house import MARIEKE, PASSWORD, SANNE, House
from tests.letterbox import living_worker, tokens, waiting
from tests.visitor import Visitor, alerts

LOTTE = "Lotte Wiersma <lotte@kantoor.example>"
NEW = "/admin/invitations/new"


@pytest.fixture
def worker(house: House) -> workers.OwnKey:
    return living_worker(house)


def field(answer: TestResponse, name: str) -> str:
    """What a form carries along, or what stands in its text field."""
    for pattern in (rf'name="{name}" value="([^"]*)"', rf'<textarea id="{name}"[^>]*>([^<]*)</textarea>'):
        found = re.search(pattern, answer.text, re.DOTALL)
        if found:
            return html.unescape(found[1])
    return ""


def words_of(answer: TestResponse) -> str:
    """A page without the places where a long address may break."""
    return answer.text.replace("<wbr>", "")


def send(browser: Visitor, people: str, **form: str) -> TestResponse:
    browser.get(NEW)
    preview = browser.post(NEW, {"people": people, "language": "nl"})
    assert preview.status_code == 200
    return browser.post("/admin/invitations/send", {"people": field(preview, "people"), "language": "nl", **form})


def sent(house: House) -> list[Invitation]:
    with house.work() as ctx:
        return invitations.listing(ctx, administrators.enter(ctx, house.marieke))


def identifier(house: House) -> str:
    return ids.to_text(sent(house)[0].id)


def test_a_list_is_looked_over_sent_and_seen(marieke: Visitor, house: House, worker: workers.OwnKey) -> None:
    marieke.get(NEW)
    preview = marieke.post(NEW, {"people": f"{LOTTE}\n{SANNE[0]}\n{MARIEKE[0]}", "language": "en"})
    for words in ("Krijgt een uitnodiging", "Heeft een account", "Dit ben je zelf", "2 e-mails worden verstuurd"):
        assert words in preview.text
    assert sent(house) == [], "looking changes nothing"
    done = marieke.post("/admin/invitations/send", {"people": field(preview, "people"), "language": "en"})
    assert done.location == "/admin/invitations?sent=1&asked=1"
    page = marieke.get(done.location)
    assert "1 uitnodiging verstuurd." in page.text
    assert "lotte@kantoor.example" in words_of(page)
    assert [mail["language"] for _, mail in waiting(house, worker, "invitation")] == ["en"]


def test_bad_lines_do_not_block_good_ones_and_come_back(marieke: Visitor, house: House) -> None:
    answer = send(marieke, f"{LOTTE}\nMallory\npeter@@x, thijs@kantoor.example")
    assert {one.address for one in sent(house)} == {"lotte@kantoor.example", "thijs@kantoor.example"}
    assert "2 uitnodigingen verstuurd." in answer.text
    assert field(answer, "people") == "Mallory\npeter@@x"
    assert "2 regels zijn niet verstuurd" in answer.text


def test_a_table_keeps_its_columns_on_the_way(marieke: Visitor, house: House) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(reference_label="a-nummer"))
    content = "naam;e-mail;a-nummer\nRené Dubois;rene@kantoor.example;A-1\nZonder;;A-2".encode("cp1252")
    marieke.get(NEW)
    upload = {"people": "", "language": "nl", "file": (io.BytesIO(content), "leden.csv")}
    preview = marieke.post(NEW, upload, content_type="multipart/form-data")
    answer = marieke.post("/admin/invitations/send", {"people": field(preview, "people"), "language": "nl"})
    assert [(one.name, one.reference) for one in sent(house)] == [("René Dubois", "A-1")]
    assert "Zonder" in field(answer, "people")
    assert "A-2" in field(answer, "people")


def test_back_and_change_brings_everything_along(marieke: Visitor) -> None:
    marieke.get(NEW)
    preview = marieke.post(NEW, {"people": f"{LOTTE}\nMallory", "language": "en"})
    again = marieke.post(NEW, {"people": field(preview, "people"), "language": "en", "edit": "1"})
    assert field(again, "people") == f"{LOTTE}\nMallory"


@pytest.mark.parametrize(
    ("people", "file", "words"),
    [
        ("", b"", "Vul minstens"),
        ("x" * 600_000, b"", "te lang"),
        ("\n".join(f"a{number}@example.org" for number in range(1001)), b"", "hoogstens 1000"),
        (LOTTE, b"PK\x03\x04\x00", "geen CSV"),
        (LOTTE, b"a@example.org\n" * 100_000, "te groot"),
    ],
)
def test_a_list_that_cannot_be_read_is_told_and_what_was_typed_stays(
    marieke: Visitor, people: str, file: bytes, words: str
) -> None:
    marieke.get(NEW)
    form = {"csrf_token": marieke.token, "people": people, "language": "nl"}
    upload = FileStorage(io.BytesIO(file), filename="leden.csv" if file else "")
    # Encoded here: the framework's client would put what is large into a file.
    boundary, body = encode_multipart({**form, "file": upload})
    answer = marieke.client.post(NEW, data=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert answer.status_code == 422
    assert words in alerts(answer)[0]
    assert field(answer, "people") == people


def test_fifty_a_page(marieke: Visitor) -> None:
    send(marieke, "\n".join(f"lid{number}@kantoor.example" for number in range(60)))
    first, second = marieke.get("/admin/invitations").text, marieke.get("/admin/invitations?page=2").text
    assert (first.count("Opnieuw sturen"), second.count("Opnieuw sturen")) == (50, 10)
    assert "60 mensen hebben zich nog niet aangemeld" in second
    assert "Bladzijde 2 van 2" in second


def test_a_double_click_sends_nothing_twice(marieke: Visitor, house: House, worker: workers.OwnKey) -> None:
    send(marieke, LOTTE)
    send(marieke, LOTTE)
    assert len(tokens(house, worker, "invitation")) == 1
    send(marieke, f"{LOTTE}, lotte@kantoor.example", again="1")
    assert len(tokens(house, worker, "invitation")) == 1, "the older mail is taken back, and one is enough"


def test_sent_again_corrected_withdrawn(marieke: Visitor, house: House, worker: workers.OwnKey) -> None:
    send(marieke, "lotte@kantor.example")
    [first] = tokens(house, worker, "invitation")
    assert marieke.post(f"/admin/invitations/{identifier(house)}/again").location == "/admin/invitations?again=1"
    [second] = tokens(house, worker, "invitation")
    assert first != second
    place = f"/admin/invitations/{identifier(house)}/address"
    marieke.get(place)
    wrong = marieke.post(place, {"address": "lotte"})
    assert wrong.status_code == 422
    assert 'value="lotte"' in wrong.text
    assert marieke.post(place, {"address": "lotte@kantoor.example"}).location == "/admin/invitations?corrected=1"
    place = f"/admin/invitations/{identifier(house)}/withdraw"
    assert "lotte@kantoor.example" in words_of(marieke.get(place))
    assert marieke.post(place).location == "/admin/invitations?withdrawn=1"
    assert sent(house) == []


def test_an_act_that_comes_too_late_is_told(app: Flask, marieke: Visitor, house: House, worker: workers.OwnKey) -> None:
    send(marieke, LOTTE)
    place = f"/admin/invitations/{identifier(house)}"
    join(Visitor(app), tokens(house, worker, "invitation")[0])
    for act in ("again", "withdraw"):
        assert marieke.post(f"{place}/{act}").location == "/admin/invitations?changed=1"
    assert marieke.post(f"{place}/address", {"address": "a@example.org"}).location == "/admin/invitations?changed=1"
    assert "Er is niets gewijzigd." in marieke.get("/admin/invitations?changed=1").text


# --- the other side ---


def join(browser: Visitor, token: str, name: str = "Lotte Wiersma") -> TestResponse:
    browser.get("/invitation")
    browser.post("/invitation", {"token": token})
    return browser.post("/signup/profile", {"token": token, "by": "invitation", "name": name, "password": PASSWORD})


@pytest.fixture
def token(marieke: Visitor, house: House, worker: workers.OwnKey) -> str:
    """What Lotte got by mail."""
    send(marieke, LOTTE)
    return tokens(house, worker, "invitation")[0]


def test_lotte_joins_by_her_link(visitor: Visitor, token: str) -> None:
    assert "Welkom bij Van Dalen &amp; Bakker" in visitor.get("/invitation").text
    form = visitor.post("/invitation", {"token": token})
    assert 'value="lotte@kantoor.example"' in form.text
    assert 'value="Lotte Wiersma"' in form.text
    assert "readonly" in form.text
    done = visitor.post("/signup/profile", {"token": token, "by": "invitation", "name": "Lotte", "password": PASSWORD})
    assert "Bewaar je herstelcode" in done.text
    assert visitor.post("/signup/saved", {"saved": "1"}).location == "/signup/secure?steps=1"
    assert visitor.get("/signup/ready").status_code == 200
    assert visitor.get("/inbox").status_code == 200


def test_the_address_of_an_invitation_is_fixed(visitor: Visitor, house: House, token: str) -> None:
    visitor.get("/invitation")
    form = {
        "token": token,
        "by": "invitation",
        "name": "Lotte",
        "password": PASSWORD,
        "address": "mallory@evil.example",
    }
    assert visitor.post("/signup/profile", form).status_code == 200
    assert [one.state for one in sent(house)] == ["joined"]
    assert visitor.log_in("mallory@evil.example", PASSWORD).status_code == 422


def test_a_used_link_leads_to_securing_the_account(app: Flask, visitor: Visitor, token: str) -> None:
    join(visitor, token)
    other = Visitor(app)
    other.get("/invitation")
    answer = other.post("/invitation", {"token": token})
    assert answer.status_code == 410
    assert 'href="/signup/secure"' in answer.text
    assert other.get("/signup/secure").location == "/login?next=/signup/secure"


def test_withdrawn_it_says_so(marieke: Visitor, visitor: Visitor, house: House, token: str) -> None:
    marieke.post(f"/admin/invitations/{identifier(house)}/withdraw")
    visitor.get("/invitation")
    answer = visitor.post("/invitation", {"token": token})
    assert answer.status_code == 410
    assert "Deze uitnodiging is ingetrokken" in answer.text


def test_withdrawn_while_the_form_is_open_is_told_and_what_was_typed_waits_for_the_next(
    marieke: Visitor, visitor: Visitor, house: House, worker: workers.OwnKey, token: str
) -> None:
    visitor.get("/invitation")
    visitor.post("/invitation", {"token": token})
    marieke.post(f"/admin/invitations/{identifier(house)}/withdraw")
    form = {"token": token, "by": "invitation", "name": "Lotte W.", "password": PASSWORD}
    refused = visitor.post("/signup/profile", form)
    assert refused.status_code == 422
    assert "net ingetrokken" in alerts(refused)[0]
    assert field(refused, "name") == "Lotte W."
    send(marieke, LOTTE)
    [newer] = tokens(house, worker, "invitation")
    again = visitor.post("/invitation", {"token": newer, "name": field(refused, "name")})
    assert 'value="Lotte W."' in again.text


@pytest.mark.parametrize("token", ["", "onzin", "A" * 43, "é" * 500])
def test_a_mangled_code_is_told_at_its_field(visitor: Visitor, token: str) -> None:
    visitor.get("/invitation")
    answer = visitor.post("/invitation", {"token": token})
    assert answer.status_code == 422
    assert len(alerts(answer)) == 1


def test_an_expired_one_says_whom_to_ask(visitor: Visitor, house: House, token: str) -> None:
    house.clock.forward(days=15)
    visitor.get("/invitation")
    assert "verlopen" in alerts(visitor.post("/invitation", {"token": token}))[0]


def test_a_reference_is_asked_for_under_its_own_name(
    marieke: Visitor, visitor: Visitor, house: House, token: str
) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(reference_label="a-nummer"))
    visitor.get("/invitation")
    form = visitor.post("/invitation", {"token": token})
    assert '<label for="f-reference">a-nummer</label>' in form.text
    values = {"token": token, "by": "invitation", "name": "Lotte", "password": PASSWORD}
    refused = visitor.post("/signup/profile", values)
    assert refused.status_code == 422
    assert len(alerts(refused)) == 1
    assert visitor.post("/signup/profile", {**values, "reference": "A-123456"}).status_code == 200
    assert "A-123456" in marieke.get("/admin/members").text


def test_of_many_who_accept_at_the_same_moment_one_joins_and_the_others_are_told(
    app: Flask, house: House, token: str
) -> None:
    browsers, answers = [Visitor(app) for _ in range(12)], []
    for browser in browsers:
        browser.get("/invitation")
    form = {"token": token, "by": "invitation", "name": "Lotte", "password": PASSWORD}

    def accept(browser: Visitor) -> None:
        answers.append(browser.post("/signup/profile", form))

    threads = [threading.Thread(target=accept, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [410] * 11
    assert all("Je hebt al een account" in answer.text for answer in answers if answer.status_code == 410)
    assert len([one for one in sent(house) if one.state == "joined"]) == 1
