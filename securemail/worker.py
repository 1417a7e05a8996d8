"""The worker: sends what waits in the outbox, says that it is alive, tidies up, and stops in good order.

Mail and SMS go out side by side, each by a thread: whoever waits for a code does not wait for a slow mail server, and
mail does not wait for a provider of SMS that hangs.

The database may be locked or away for a while: the worker waits and goes on. Its log names rows and states, never
addresses, and nothing of what a mail says.
"""

import contextlib
import logging
import os
import random
import signal
import sys
import threading
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from typing import Final

from jinja2 import TemplateError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from securemail.config import Settings
from securemail.delivery import brand, claim, housekeeping, notifications, payload_locks, sms_text, workers
from securemail.delivery.bounce_addresses import address_of
from securemail.delivery.channels import Channel, channel_of
from securemail.delivery.claim import Dropped, Job
from securemail.delivery.notifications import Notification, Unsendable
from securemail.delivery.render import Renderer
from securemail.delivery.sms_text import Sms
from securemail.delivery.sms_transport import NoProvider, SmsTransport, transport_of
from securemail.delivery.smtp import Delivered, PermanentFailure, Result, SmtpTransport, TemporaryFailure
from securemail.delivery.workers import OwnKey
from securemail.errors import ConfigError
from securemail.identity import waits
from securemail.identity.context import Context
from securemail.runtime import Runtime

log = logging.getLogger("securemail.worker")

HEARTBEAT_SECONDS: Final = 10.0
_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final[dict[Channel, float]] = {"mail": 2.0, "sms": 1.0}
_DATABASE_PAUSE: Final = 1.0
_STOP_PATIENCE: Final = 4.0
_NOT_MADE: Final = 0
"""Where a mail server's code would stand: this mail never came that far."""
_DATABASE_AWAY: Final = (OperationalError, InterfaceError, PoolTimeout)


@dataclass
class Worker:
    """One worker process: a loop for each channel, and a thread that keeps it alive for others to see."""

    runtime: Runtime
    transport: SmtpTransport
    renderer: Renderer
    sms: SmsTransport = field(default_factory=NoProvider)
    key: OwnKey = field(default_factory=OwnKey.new)
    stopping: threading.Event = field(default_factory=threading.Event)
    _stop_by: float | None = None

    @classmethod
    def of(cls, runtime: Runtime) -> "Worker":
        """A worker with the settings' SMTP server, sender and provider of SMS."""
        settings = runtime.settings
        return cls(runtime, SmtpTransport(settings.smtp), Renderer(settings.mail_from), transport_of(settings.sms))

    def run(self, ready: Callable[[], None]) -> None:
        """Send until told to stop."""
        if not self._persist("announce", self.announce):
            return
        ready()
        beside = [threading.Thread(target=work, name=name) for name, work in self._beside().items()]
        for thread in beside:
            thread.start()
        try:
            self._loop("mail")
        finally:
            self.stopping.set()
            for thread in beside:
                thread.join()
            self._persist("leave", self.leave)

    def announce(self) -> None:
        """Publish our key."""
        with self.runtime.work(write=True) as ctx:
            workers.announce(ctx, self.key)

    def step(self, channel: Channel | None = None) -> bool:
        """Send one mail or SMS, of this channel or of any; False when nothing is due."""
        with self.runtime.work(write=False) as ctx:
            if not claim.due(ctx, self.key, channel):
                return False
        taken = self._take(channel)
        if isinstance(taken, Dropped):
            log.warning("outbox %s not sent", taken.outbox.hex())
        elif taken is not None:
            self._finish(taken[0], self._send(*taken))
        return taken is not None

    def beat(self) -> None:
        """Say that we live, keep our claims, and let other workers open what we can."""
        with self.runtime.work(write=True) as ctx:
            workers.beat(ctx, self.key)
            claim.hold(ctx, self.key)
        self.share()

    def share(self) -> None:
        """Give other workers the locks they lack, a batch per transaction."""
        while True:
            with self.runtime.work(write=True) as ctx:
                if not payload_locks.share(ctx, self.key):
                    return

    def leave(self) -> None:
        """Hand over what others cannot open yet, and go."""
        self.share()
        with self.runtime.work(write=True) as ctx:
            workers.retire(ctx, self.key)

    def _beside(self) -> dict[str, Callable[[], None]]:
        """What the threads beside the main one do."""
        return {"heartbeat": self._pulse, "sms": lambda: self._loop("sms")}

    def _loop(self, channel: Channel) -> None:
        try:
            self._send_until_told(channel)
        finally:
            # Half a worker would look alive and leave the other half's work undone.
            self.stopping.set()
            self._close(channel)

    def _send_until_told(self, channel: Channel) -> None:
        pause = _SHORTEST_PAUSE
        while not self.stopping.is_set():
            try:
                busy = self.step(channel)
            except _DATABASE_AWAY as error:
                log.warning("the database is not there (%s); waiting", type(error).__name__)
                busy = False
            if busy:
                pause = _SHORTEST_PAUSE
                continue
            self._close(channel)
            self.stopping.wait(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE[channel])

    def _close(self, channel: Channel) -> None:
        if channel == "sms":
            self.sms.close()
        else:
            self.transport.close()

    def _pulse(self) -> None:
        """The thread's work: what hangs on its server must not make us look dead."""
        try:
            while not self.stopping.wait(HEARTBEAT_SECONDS):
                self._beat_when_possible()
            # Once more at the stop: while one mail hangs, the others are handed on before somebody kills us.
            self._beat_when_possible()
        finally:
            # Without a heartbeat our claims would lapse under our hands: better to end and be started again.
            self.stopping.set()

    def _beat_when_possible(self) -> None:
        try:
            self.beat()
            self.tidy()
        except _DATABASE_AWAY as error:
            log.warning("no heartbeat: the database is not there (%s)", type(error).__name__)

    def tidy(self) -> None:
        """Remove one batch of what has expired, and mail who has waited long enough; the next heartbeat goes on."""
        with self.runtime.work(write=True) as ctx:
            housekeeping.tidy(ctx, bounces=self.runtime.settings.bounces is not None)
            waits.tell_due(ctx)

    def _take(self, channel: Channel | None = None) -> tuple[Job, Notification | Sms | None] | Dropped | None:
        with self.runtime.work(write=True) as ctx:
            taken = claim.take(ctx, self.key, channel)
            if not isinstance(taken, Job):
                return taken
            try:
                return taken, self._prepare(ctx, taken)
            except Unsendable as error:
                log.warning("outbox %s (%s) cannot be made: %s", taken.outbox.hex(), taken.kind, error)
                return taken, None

    def _prepare(self, ctx: Context, job: Job) -> Notification | Sms:
        name = brand.current(ctx)
        if channel_of(job.kind) == "sms":
            return sms_text.write(job, now=ctx.now, brand=name)
        return notifications.prepare(ctx, job, brand=name, public_url=self.runtime.settings.public_url)

    def _send(self, job: Job, prepared: Notification | Sms | None) -> Result:
        if prepared is None:
            return PermanentFailure(_NOT_MADE)
        if isinstance(prepared, Sms):
            return self.sms.send(prepared)
        try:
            message = self.renderer.mail(prepared, now=self.runtime.clock())
        except TemplateError as error:
            # Mended by a new release, which the mail may well live to see. The error's words may hold names.
            return TemporaryFailure(f"template {type(error).__name__}")
        except (ValueError, MessageError) as error:
            log.warning("outbox %s (%s) cannot be written: %s", job.outbox.hex(), job.kind, type(error).__name__)
            return PermanentFailure(_NOT_MADE)
        return self._hand_over(job, message, prepared.to)

    def _hand_over(self, job: Job, message: EmailMessage, receiver: str) -> Result:
        bounces = self.runtime.settings.bounces
        if bounces is None:
            return self.transport.send(message, sender=self.renderer.mail_from, receiver=receiver)
        back = address_of(self.runtime.keys, bounces.address, job.outbox)
        return self.transport.send(message, sender=back, receiver=receiver, report=job.outbox.hex())

    def _finish(self, job: Job, result: Result) -> None:
        _log(job, result)
        self._persist("note the result", lambda: self._note(job, result))

    def _note(self, job: Job, result: Result) -> None:
        with self.runtime.work(write=True) as ctx:
            if isinstance(result, Delivered):
                claim.delivered(ctx, job)
            elif isinstance(result, PermanentFailure):
                claim.refused(ctx, self.key, job)
            else:
                jitter = random.random()  # noqa: S311 spreads load, protects nothing
                claim.postponed(ctx, self.key, job, jitter=jitter)

    def _persist(self, what: str, act: Callable[[], None]) -> bool:
        """Do it as soon as the database lets us; False when we were told to stop and it still did not."""
        while True:
            try:
                act()
                return True
            except _DATABASE_AWAY as error:
                log.warning("cannot %s yet: the database is not there (%s)", what, type(error).__name__)
            if self._out_of_time():
                return False
            time.sleep(_DATABASE_PAUSE)

    def _out_of_time(self) -> bool:
        if not self.stopping.is_set():
            return False
        self._stop_by = self._stop_by or time.monotonic() + _STOP_PATIENCE
        return time.monotonic() > self._stop_by


def run(runtime: Runtime) -> None:
    """Work until SIGTERM or SIGINT."""
    worker = Worker.of(runtime)

    def stop(number: int, frame: types.FrameType | None) -> None:
        worker.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run(_say_ready)


def main() -> int:
    """Start with the settings of the environment."""
    try:
        settings = Settings.from_environ(os.environ)
        logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
        run(Runtime.from_settings(settings))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _say_ready() -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write("worker ready\n")
        sys.stdout.flush()


def _log(job: Job, result: Result) -> None:
    row = job.outbox.hex()
    if isinstance(result, Delivered):
        log.info("outbox %s (%s) sent", row, job.kind)
    elif isinstance(result, PermanentFailure):
        log.warning("outbox %s (%s) refused with %d", row, job.kind, result.code)
    else:
        log.warning("outbox %s (%s) not sent at try %d: %s", row, job.kind, job.tries, result.why)


if __name__ == "__main__":
    sys.exit(main())
