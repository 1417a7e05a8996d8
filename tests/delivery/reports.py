"""Mail that comes back, in the words of several mail servers, for the tests."""

from collections.abc import Sequence

BACK = "bounces@example.org"
SHARED = {
    "postfix": """\
Return-Path: <>
Received: by relay.example.net (Postfix)
\tid 4F3A12C0; Sun, 22 Nov 2026 10:02:11 +0100 (CET)
Date: Sun, 22 Nov 2026 10:02:11 +0100 (CET)
From: MAILER-DAEMON@relay.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {back}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="9F1B02A1.1795341731/relay.example.net"
Message-Id: <20261122090211.4F3A12C0@relay.example.net>

This is a MIME-encapsulated message.

--9F1B02A1.1795341731/relay.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.example.net.

I'm sorry to have to inform you that your message could not be delivered.

--9F1B02A1.1795341731/relay.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.net
Original-Envelope-Id: 000102030405060708090a0b0c0d0e0f
X-Postfix-Queue-ID: 9F1B02A1
Arrival-Date: Sun, 22 Nov 2026 10:02:10 +0100 (CET)

Final-Recipient: rfc822; fatima.el.amrani@example.org
Original-Recipient: rfc822;fatima.el.amrani@example.org
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <fatima.el.amrani@example.org>: Recipient
    address rejected: User unknown

--9F1B02A1.1795341731/relay.example.net
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <{back}>
Subject: Bericht

--9F1B02A1.1795341731/relay.example.net--
""",
    "exim": """\
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@exim.example.net>
To: {back}
Content-Type: multipart/report; report-type=delivery-status; boundary=1795341731-eximdsn-804289383
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--1795341731-eximdsn-804289383
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1795341731-eximdsn-804289383
Content-type: message/delivery-status

Reporting-MTA: dns; exim.example.net

Action: {action}
Final-Recipient: rfc822;fatima.el.amrani@example.org
Status: {status}

--1795341731-eximdsn-804289383
Content-type: message/rfc822

Return-path: <{back}>
Subject: Bericht
Content-Type: multipart/alternative; boundary="==x=="

--==x==
Content-Type: text/plain

Er is een bericht voor u.

--==x==--

--1795341731-eximdsn-804289383--
""",
    "exchange": """\
From: <postmaster@example.org>
To: {back}
Date: Sun, 22 Nov 2026 09:02:12 +0000
Content-Type: multipart/report; report-type="delivery-status";
 boundary="4b1f6d9e-7d2c-4c5e-9f0a-1b2c3d4e5f60"
X-MS-Exchange-Message-Is-Ndr:
Subject: =?utf-8?Q?Onbestelbaar=3A_Bericht?=
MIME-Version: 1.0

--4b1f6d9e-7d2c-4c5e-9f0a-1b2c3d4e5f60
Content-Type: multipart/alternative; boundary="inner-1"

--inner-1
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

VXcgYmVyaWNodCBrb24gbmlldCB3b3JkZW4gYmV6b3JnZC4=

--inner-1--

--4b1f6d9e-7d2c-4c5e-9f0a-1b2c3d4e5f60
Content-Type: message/delivery-status

Reporting-MTA: dns;EX01.example.org
Received-From-MTA: dns;relay.example.net
Arrival-Date: Sun, 22 Nov 2026 09:02:11 +0000

Final-Recipient: rfc822;fatima.el.amrani@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup

--4b1f6d9e-7d2c-4c5e-9f0a-1b2c3d4e5f60--
""",
    "another alphabet": """\
From: MAILER-DAEMON@relay.example.net
To: {back}
Content-Type: multipart/report; boundary="utf8"; report-type=delivery-status
MIME-Version: 1.0

--utf8
Content-Type: text/plain; charset=utf-8

Niet bezorgd bij fátima@voorbeeld.example.

--utf8
Content-Type: message/global-delivery-status

Reporting-MTA: dns; relay.example.net

Final-Recipient: utf-8; fátima@voorbeeld.example
Action: {action}
Status: {status} (mailbox does not exist)

--utf8--
""",
}
"""By kind of server; with places for the address it comes back to, action and status."""

OUT_OF_OFFICE = """\
From: Fatima El Amrani <fatima.el.amrani@example.org>
To: {back}
Subject: Automatisch antwoord: Afwezig
Auto-Submitted: auto-replied
Content-Type: text/plain

Ik ben er weer op 30 november. Status: 5.1.1 Action: failed
"""
FREE_WORDS = """\
From: MAILER-DAEMON@old.example.net
To: {back}
Subject: failure notice

Hi. This is the qmail-send program at old.example.net.
<fatima.el.amrani@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)
"""
READ_RECEIPT = """\
To: {back}
Content-Type: multipart/report; report-type=disposition-notification; boundary=r

--r
Content-Type: message/disposition-notification

Final-Recipient: rfc822;fatima.el.amrani@example.org
Disposition: manual-action/MDN-sent-manually; displayed

--r--
"""


def report(server: str = "postfix", *, back: str = BACK, action: str = "failed", status: str = "5.1.1") -> bytes:
    """A delivery status notification, with the line ends of SMTP."""
    text = SHARED[server].format(back=back, action=action, status=status)
    return text.replace("\n", "\r\n").encode("utf-8")


def report_about(receivers: Sequence[tuple[str, str]]) -> bytes:
    """One about several receivers: action and status of each."""
    groups = "\r\n".join(
        f"Final-Recipient: rfc822;{number}@example.org\r\nAction: {action}\r\nStatus: {status}\r\n"
        for number, (action, status) in enumerate(receivers)
    )
    head = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
    status_part = f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\n{groups}\r\n"
    return f"{head}{status_part}--b--\r\n".encode("ascii")
