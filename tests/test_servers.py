"""The tests' own servers do what the tests believe of them."""

import smtplib
import ssl
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from tests import servers
from tests.servers import SmtpSink

MAIL = "From: a@example.org\r\nSubject: x\r\n\r\nhallo\r\n"


def test_the_sink_records_and_refuses(smtp_sink: SmtpSink) -> None:
    smtp_sink.refuse["gone@example.org"] = "550 5.1.1 gone"
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        refused = client.sendmail("a@example.org", ["b@example.org", "gone@example.org"], MAIL)
    assert refused["gone@example.org"][0] == 550
    [mail] = smtp_sink.wait_for("b@example.org")
    assert servers.text_part(mail).strip() == "hallo"
    assert smtp_sink.to("gone@example.org") == []


def test_the_sink_can_demand_tls_and_a_login(tmp_path: Path) -> None:
    certificate = servers.server_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate))
    with (
        servers.smtp_sink(tls=servers.tls_context(certificate), login=("u", "p")) as sink,
        smtplib.SMTP("localhost", sink.port) as client,
    ):
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@example.org", ["b@example.org"], MAIL)
        client.starttls(context=trust)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("u", "wrong")
        client.login("u", "p")
        client.sendmail("a@example.org", ["b@example.org"], MAIL)
        assert sink.logins[-1] == "u"
        assert len(sink.to("b@example.org")) == 1


def test_a_fresh_database_has_the_tables(database_url: str) -> None:
    engine = create_engine(database_url)
    assert "message" in inspect(engine).get_table_names()
    engine.dispose()
