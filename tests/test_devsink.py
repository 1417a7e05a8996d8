"""The development mail sink: it takes mail like a real server and shows it safely."""

import http.client
import smtplib
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller

from securemail import devsink
from tests.servers import free_port


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
    thread = threading.Thread(target=server.serve_forever)
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
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
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
