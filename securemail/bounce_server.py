"""Mail that comes back, received by SMTP: for sub-addresses that we made, and refused for every other at RCPT.

A process of its own: what strangers may speak to shares no memory with the worker's key. It knows size, number of
connections and time, and keeps and logs no mail.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Final, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from securemail.bounce_intake import TryLater, row_at, take
from securemail.config import Settings
from securemail.config_bounces import Listen
from securemail.delivery.bounces import LARGEST
from securemail.errors import ConfigError
from securemail.runtime import Runtime

log = logging.getLogger("securemail.bounces")

CONNECTIONS: Final = 20
SECONDS: Final = 60.0
"""For one connection from beginning to end, however lively it is."""
_BYTES: Final = 2 * LARGEST
"""For one connection. The library keeps a line until it ends: without this, one that never does would fill memory."""
_COMMANDS: Final = 20
_LONGEST_LINE: Final = 16 * 1024
_BUSY: Final = b"421 4.3.2 Too many connections\r\n"
_LATER: Final = "451 4.3.0 Try again later"


class Intake:
    """What aiosmtpd asks at each step of a delivery."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def handle_RCPT(  # noqa: N802 the name aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        if row_at(self._runtime, [address]) is None:
            return "550 5.1.1 No such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            await asyncio.to_thread(take, self._runtime, raw, list(envelope.rcpt_tos))
        except TryLater as error:
            log.warning("a mail is to be offered again: %s", error)
            return _LATER
        return "250 2.0.0 Taken"

    async def handle_exception(self, error: Exception) -> str:
        """The library would tell the other side, and the log, the words of the error: they may hold addresses."""
        log.error("a mail was not taken: %s", type(error).__name__)
        return _LATER


class Room:
    """How many connections there are."""

    def __init__(self) -> None:
        self.taken = 0

    def connect(self, intake: Intake) -> asyncio.Protocol:
        """What speaks with the next one."""
        return _Busy() if self.taken >= CONNECTIONS else _Connection(intake, self)


class _Busy(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        speaking = cast(asyncio.Transport, transport)
        speaking.write(_BUSY)
        speaking.close()


class _Connection(SMTP):
    line_length_limit = _LONGEST_LINE

    def __init__(self, intake: Intake, room: Room) -> None:
        super().__init__(
            intake,
            data_size_limit=LARGEST,
            timeout=SECONDS / 2,
            command_call_limit=_COMMANDS,
            enable_SMTPUTF8=True,
            ident="Securemail bounces",
            loop=asyncio.get_running_loop(),
        )
        self._room = room
        self._bytes = 0
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._room.taken += 1
        self._end = asyncio.get_running_loop().call_later(SECONDS, self._break_off)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._room.taken -= 1
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._bytes > _BYTES:
            self._break_off()
            return
        super().data_received(data)

    def _break_off(self) -> None:
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()


async def serve(runtime: Runtime, at: Listen, ready: Callable[[], None]) -> None:
    """Receive until SIGTERM or SIGINT.

    Raises:
        OSError: nobody may listen there, or somebody does already.
    """
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    intake, room = Intake(runtime), Room()
    server = await loop.create_server(lambda: room.connect(intake), at.host, at.port)
    async with server:
        ready()
        await stopping.wait()


def required(settings: Settings) -> Listen:
    """Where to listen.

    Raises:
        ConfigError: nowhere was said.
    """
    if settings.bounces is None or settings.bounces.listen is None:
        raise ConfigError("BOUNCE_LISTEN is missing: the host and port that bounces are sent to.")
    return settings.bounces.listen


def main() -> int:
    """Start with the settings of the environment."""
    try:
        settings = Settings.from_environ(os.environ)
        at = required(settings)
        runtime = Runtime.from_settings(settings)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
    # aiosmtpd logs each session's addresses and lines.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    try:
        asyncio.run(serve(runtime, at, _say_ready))
    except OSError as error:
        sys.stderr.write(f"BOUNCE_LISTEN: cannot listen at {at.host}, port {at.port} ({error.strerror}).\n")
        return 1
    return 0


def _say_ready() -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write("bounces ready\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
