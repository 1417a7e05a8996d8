"""The development sink: it takes mail and SMS like real services and shows them safely."""

import http.client
import json
import smtplib
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller

from securemail import devsink
from securemail.config import Settings
from securemail.config_sms import SINK_SMS_SECRET, WebhookSms
from securemail.crypto.webhooks import signature
from securemail.delivery.sms_text import Sms
from securemail.delivery.sms_transport import transport_of
from securemail.delivery.smtp import Delivered, PermanentFailure, Result, TemporaryFailure
from tests.servers import PATIENCE, SECRET, free_port

TEXT = "Je inlogcode voor <b>Van Dalen</b> is 042317.\n\n@mail.example.org #042317"


@pytest.fixture
def box() -> devsink.Box:
    return devsink.Box(frozenset({"nobody@example.org"}))


@pytest.fixture
def smtp_port(box: devsink.Box) -> Iterator[int]:
    controller = Controller(devsink.SmtpHandler(box), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def http_port(box: devsink.Box) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), devsink.page_handler(box))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def mail(to: str = "anna@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "post@example.org", to, "Een <b>bericht</b>"
    message.set_content("Open https://mail.example.org/g/abc#CODE-1 nu")
    message.add_alternative("<p>Open <script>alert(1)</script></p>", subtype="html")
    return message


def send(port: int, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(message)


def get(port: int, path: str, *, host: str | None = None) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", path, headers={"Host": host or f"localhost:{port}"})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def test_a_mail_is_listed_and_shown(smtp_port: int, http_port: int) -> None:
    send(smtp_port, mail())
    assert "Een &lt;b&gt;bericht&lt;/b&gt;" in get(http_port, "/")[1]
    shown = get(http_port, "/mail/1")[1]
    assert '<a href="https://mail.example.org/g/abc#CODE-1" rel="noreferrer">' in shown
    assert "<script" not in shown
    assert "Een <b>bericht</b>" in get(http_port, "/mail/1/raw")[1]


def test_the_html_part_stands_in_a_sandbox(smtp_port: int, http_port: int) -> None:
    send(smtp_port, mail())
    policy = get(http_port, "/mail/1/html")[0].headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("address", "code"), [("bounce@example.org", 550), ("nobody@example.org", 550), ("later-1@example.org", 451)]
)
def test_refusals_can_be_tried(smtp_port: int, address: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(smtp_port, mail(address))
    assert caught.value.recipients[address][0] == code


def test_another_name_for_this_machine_is_turned_away(http_port: int) -> None:
    assert get(http_port, "/", host="evil.example:80")[0].status == 421


def test_only_the_last_mails_are_kept(box: devsink.Box) -> None:
    for number in range(devsink.KEPT + 5):
        box.add("a@example.org", [f"b{number}@example.org"], b"Subject: x\r\n\r\nx")
    assert len(box.newest_first()) == devsink.KEPT
    assert box.newest_first()[0].number == devsink.KEPT + 5
    assert box.mail(1) is None


@pytest.mark.parametrize("path", ["/mail/1", "/mail/x", "/mail/1/html", "/../etc/passwd", "/mail"])
def test_what_is_not_there_is_not_found(http_port: int, path: str) -> None:
    assert get(http_port, path)[0].status == 404


def text_to(port: int, number: str, *, row: bytes = bytes(16)) -> Result:
    """As the product does it with the settings of `make run`."""
    development = {"SECUREMAIL_ENV": "development", "SECUREMAIL_SECRET": SECRET, "SINK_HTTP_PORT": str(port)}
    return transport_of(Settings.from_environ(development).sms).send(Sms(row, number, TEXT))


def post(port: int, body: bytes, *, path: str = "/sms", host: str | None = None, **headers: str) -> int:
    stamp = int(headers.pop("stamp", time.time()))
    given = {
        "Host": host or f"localhost:{port}", "Content-Type": "application/json", "Idempotency-Key": "a",
        "Securemail-Timestamp": str(stamp), "Securemail-Signature": signature(SINK_SMS_SECRET, stamp, body),
        **headers,
    }  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("POST", path, body=body, headers=given)
    status = connection.getresponse().status
    connection.close()
    return status


GOOD = json.dumps({"id": "a", "to": "+31612345678", "text": TEXT}).encode()


def test_an_sms_is_shown_as_a_phone_would(http_port: int) -> None:
    assert text_to(http_port, "+31612345678") == Delivered()
    page = get(http_port, "/")[1]
    assert '<span class="to">+31612345678</span>' in page
    assert "Je inlogcode voor &lt;b&gt;Van Dalen&lt;/b&gt; is 042317." in page
    assert '<strong class="code">042317</strong>' in page


def test_the_newest_sms_stands_first_and_one_that_comes_twice_stands_once(http_port: int) -> None:
    for number, row in (("+31600000002", b"1"), ("+31600000013", b"2"), ("+31600000013", b"2")):
        text_to(http_port, number, row=row * 16)
    page = get(http_port, "/")[1]
    assert page.count('class="sms"') == 2
    assert page.index("+31600000013") < page.index("+31600000002")


@pytest.mark.parametrize(("wanted", "found"), [("06 1234", 1), ("%2B316", 1), ("678", 1), ("0699", 0), ("sanne", 0)])
def test_an_sms_is_found_by_its_number(http_port: int, wanted: str, found: int) -> None:
    text_to(http_port, "+31612345678")
    page = get(http_port, f"/?to={wanted.replace(' ', '+')}")[1]
    assert page.count('class="sms"') == found


def test_refusals_of_sms_can_be_tried(http_port: int) -> None:
    assert text_to(http_port, "+31612340000") == PermanentFailure(422)
    assert text_to(http_port, "+31612340001") == TemporaryFailure("answer 503")
    assert 'class="sms"' not in get(http_port, "/")[1]


def test_an_sms_needs_our_signature(http_port: int, box: devsink.Box) -> None:
    """Pages elsewhere can make a browser post to this machine."""
    assert post(http_port, GOOD) == 202
    assert post(http_port, GOOD, **{"Securemail-Signature": "v1=" + "0" * 64}) == 401
    assert post(http_port, GOOD, **{"Securemail-Signature": ""}) == 401
    assert post(http_port, GOOD, **{"Securemail-Timestamp": "soon"}) == 401
    assert post(http_port, GOOD, stamp=str(int(time.time()) - 400)) == 401
    wrong = WebhookSms(url=f"http://127.0.0.1:{http_port}/sms", secret="another secret of forty characters", timeout=30)
    assert transport_of(wrong).send(Sms(b"2" * 16, "+31612345678", TEXT)) == PermanentFailure(401)
    assert len(box.texts) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"\xff", b'{"id":"a","to":"+316","text":1}',
        b'{"id":"a","to":"0612345678","text":"x"}', b'{"id":"b","to":"+31612345678","text":"x"}',
        b'{"to":"+31612345678","text":"x"}',
        b'{"id":"a","to":"+31612345678","text":"x","more":"y"}', b'{"id":"a","to":"+31612345678<b>","text":"x"}',
    ],
)  # fmt: skip
def test_what_is_no_sms_is_refused(http_port: int, body: bytes) -> None:
    assert post(http_port, body) == 400


def test_sms_are_posted_to_one_place_from_this_machine(http_port: int, box: devsink.Box) -> None:
    assert post(http_port, GOOD, path="/") == 404
    assert post(http_port, GOOD, host="evil.example:80") == 421
    assert post(http_port, b"", **{"Content-Length": str(devsink.SMS_SIZE_LIMIT + 1)}) == 413
    assert len(box.texts) == 0
