"""A real SMTP relay for the tests: it takes every mail, knows DSN, and may give a mail back later, over SMTP."""

import contextlib
import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope

from tests.delivery.reports import report
from tests.servers import PATIENCE, SmtpSink, free_port

_DSN_OPTIONS = re.compile(r" (?:RET|ENVID|NOTIFY)=\S+")


@dataclass
class Relay(SmtpSink):
    """`asked` holds the DSN options of each command, as they came."""

    asked: list[str] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]

    def envelope_of(self, address: str, number: int = -1) -> Envelope:
        """One of the mails to an address, as it was handed over."""
        return [mail for mail in self.mails if address in mail.rcpt_tos][number]

    def give_back(self, address: str, *, port: int, number: int = -1, **words: str) -> None:
        """Report a mail as undeliverable to whoever its envelope names, to the server that listens at `port`."""
        back = str(self.envelope_of(address, number).mail_from)
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
            client.sendmail("<>", [back], report(back=back, **words))


class _Speaking(SMTP):
    """The library refuses options that it does not know: the relay takes those of DSN off first."""

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await super().smtp_MAIL(self._without(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        await super().smtp_RCPT(self._without(arg))

    def _without(self, arg: str | None) -> str | None:
        if arg is None:
            return None
        self.event_handler.asked += [option.strip() for option in _DSN_OPTIONS.findall(arg)]
        return _DSN_OPTIONS.sub("", arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Speaking(self.handler, enable_SMTPUTF8=True, loop=self.loop)


@contextlib.contextmanager
def relay() -> Iterator[Relay]:
    """Listening on loopback until the end."""
    made = Relay(free_port())
    controller = _Controller(made, hostname="127.0.0.1", port=made.port)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()
