"""The processes of the product: their command lines, and a child of `make run` that never outlives it."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from securemail.config import ROOT, Settings

PR_SET_PDEATHSIG = 1


def web_command(settings: Settings, *, graceful_timeout: int = 25) -> list[str]:
    """The web server. The control socket that it opens in the home directory by default stays shut."""
    arguments = [sys.executable, "-m", "gunicorn", "app:app", "--no-control-socket"]
    arguments += ["--bind", f"{settings.host}:{settings.port}"]
    arguments += ["--worker-class", "gthread", "--workers", str(settings.wsgi.workers)]
    arguments += ["--threads", str(settings.wsgi.threads), "--graceful-timeout", str(graceful_timeout)]
    # Nobody's headers rename our paths: by default those of 127.0.0.1 do, where visitors come from behind a proxy.
    arguments += ["--forwarded-allow-ips="]
    # Access lines would hold addresses of letters; there is no access log unless somebody's proxy keeps one.
    arguments += ["--log-level", "warning", "--chdir", str(ROOT)]
    if Path("/dev/shm").is_dir():  # noqa: S108 the heartbeat file belongs in memory
        arguments += ["--worker-tmp-dir", "/dev/shm"]  # noqa: S108
    return arguments


def worker_command() -> list[str]:
    return [sys.executable, "-m", "securemail.worker"]


def bounces_command() -> list[str]:
    return [sys.executable, "-m", "securemail.bounce_server"]


def sink_command(settings: Settings) -> list[str]:
    ports = ["--smtp-port", str(settings.sink_smtp_port), "--http-port", str(settings.sink_http_port)]
    return [sys.executable, "-m", "securemail.devsink", *ports]


@dataclass
class Child:
    name: str
    process: subprocess.Popen[str]
    _ready: threading.Event = field(default_factory=threading.Event)
    _relaying: threading.Thread | None = None

    @classmethod
    def start(cls, name: str, command: Sequence[str], environ: Mapping[str, str]) -> "Child":
        process = subprocess.Popen(  # noqa: S603 our own commands
            command,
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A group of its own: Ctrl-C reaches us alone, and we stop the others in good order.
            start_new_session=True,
            preexec_fn=_die_with_parent,  # no thread runs before `listen`
        )
        return cls(name, process)

    def listen(self) -> None:
        self._relaying = threading.Thread(target=self._relay, daemon=True)
        self._relaying.start()

    @property
    def ready(self) -> bool:
        """Whether it has said `<name> ready` on a line of its own output."""
        return self._ready.is_set()

    @property
    def ended(self) -> int | None:
        return self.process.poll()

    def terminate(self) -> None:
        if self.ended is None:
            self.process.terminate()

    def stop_by(self, deadline: float) -> None:
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._relaying is not None:
            self._relaying.join(timeout=1)

    def _relay(self) -> None:
        if self.process.stdout is None:
            return
        with self.process.stdout as lines:
            for line in lines:
                if line.strip().endswith(f"{self.name} ready"):
                    self._ready.set()
                    continue
                sys.stdout.write(f"{self.name:>6} | {line}")
                sys.stdout.flush()


def _die_with_parent() -> None:
    """On Linux: a parent killed outright must not leave its ports taken."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
