"""`make run`: web, worker and a sink for mail and SMS together, started in order, watched, and stopped together."""

import os
import signal
import socket
import time
import types
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from securemail import ids, release
from securemail.config import ROOT, Settings
from securemail.config_reader import is_loopback
from securemail.errors import SecuremailError
from securemail.processes import Child, bounces_command, sink_command, web_command, worker_command

START_SECONDS = 60
STOP_SECONDS = 10


class CannotStart(SecuremailError):
    """This machine or another program is in the way; the message says what to do."""


class Stopped(SecuremailError):
    """One of the processes ended by itself."""


class _Interrupted(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that nothing on the way takes it for a failure."""


def development_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with .env below it and, in development, the secret kept in var/."""
    merged = {**read_env_file(ROOT / ".env"), **environ}
    merged.setdefault("SECUREMAIL_ENV", "development")
    if merged["SECUREMAIL_ENV"] == "development" and not merged.get("SECUREMAIL_SECRET", "").strip():
        merged["SECUREMAIL_SECRET"] = development_secret(Path(merged.get("VAR_DIR") or ROOT / "var"))
    return merged


def read_env_file(path: Path) -> dict[str, str]:
    """NAME=value lines; `#` starts a comment line."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, separator, value in pairs if separator}


def development_secret(var: Path) -> str:
    path = var / "development-secret"
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            return path.read_text("ascii").strip()
        secret = f"1:{ids.token_to_text(ids.new_token())}"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secret}\n")
    except OSError as error:
        raise CannotStart(f"Cannot write in {var} ({error.strerror}): set VAR_DIR to another.") from error
    return secret


def run(environ: Mapping[str, str]) -> None:
    settings = Settings.from_environ(environ)
    _check_ports(settings)
    _take_signals()
    children: list[Child] = []
    try:
        release.prepare(settings)
        link = release.setup_link(settings)
        _start(children, settings, environ)
        _tell(settings, link)
        _watch(children)
    except _Interrupted:
        print("\nStopping …", flush=True)
    finally:
        _stop(children)


def _check_ports(settings: Settings) -> None:
    ports = {
        "PORT": settings.port,
        "SINK_SMTP_PORT": settings.sink_smtp_port,
        "SINK_HTTP_PORT": settings.sink_http_port,
    }
    for name, port in ports.items():
        host = settings.host if name == "PORT" else "127.0.0.1"
        if not _free(host, port):
            raise CannotStart(
                f"Port {port} is in use by another program: stop that one, or choose another port with "
                f"`make run {name}={_free_port_after(host, port)}`."
            )


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CannotStart(f"Port {port} needs more rights: choose one above 1023.") from None
        except OSError:
            return False
        return True


def _free_port_after(host: str, port: int) -> int:
    return next((other for other in range(port + 1, port + 100) if _free(host, other)), port + 100)


def _take_signals() -> None:
    def interrupt(number: int, frame: types.FrameType | None) -> None:
        raise _Interrupted

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)


def _start(children: list[Child], settings: Settings, environ: Mapping[str, str]) -> None:
    environment = {**environ, "PYTHONUNBUFFERED": "1"}
    commands = {
        "sink": sink_command(settings),
        "web": web_command(settings, graceful_timeout=STOP_SECONDS - 3),
        "worker": worker_command(),
    }
    if settings.bounces is not None and settings.bounces.listen is not None:
        commands["bounces"] = bounces_command()
    for name, command in commands.items():
        children.append(Child.start(name, command, environment))
    for child in children:
        child.listen()
    _wait_until_ready(children, settings)


def _wait_until_ready(children: list[Child], settings: Settings) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _check(children)
        talking = [child for child in children if child.name != "web"]
        if all(child.ready for child in talking) and _answers(f"http://{_reach(settings.host)}:{settings.port}/readyz"):
            return
        time.sleep(0.1)
    raise Stopped(f"The product was not ready within {START_SECONDS} seconds; the lines above may say why.")


def _reach(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _tell(settings: Settings, link: str | None) -> None:
    print(f"\nMail sent by the product {_mail_goes(settings)}")
    print(_sms_goes(settings))
    if link:
        print("Set up your organisation with this link (it works once):")
    print(f"Open  {link or settings.public_url}", flush=True)


def _mail_goes(settings: Settings) -> str:
    if settings.smtp.port == settings.sink_smtp_port and is_loopback(settings.smtp.host):
        return f"arrives at  {settings.sink_url}"
    return f"goes to  {settings.smtp.host}, port {settings.smtp.port}"


def _sms_goes(settings: Settings) -> str:
    if settings.sms is None:
        return "SMS is switched off (SMS_PROVIDER=none)"
    to = urlsplit(settings.sms.url)
    if to.port == settings.sink_http_port and is_loopback(to.hostname or ""):
        return f"SMS sent by the product arrives at   {settings.sink_url}"
    return f"SMS sent by the product goes to   {to.hostname}"


def _watch(children: list[Child]) -> None:
    while True:
        _check(children)
        time.sleep(0.5)


def _check(children: list[Child]) -> None:
    for child in children:
        if child.ended is not None:
            raise Stopped(f"{child.name} ended by itself (code {child.ended}), so the others were stopped.")


def _stop(children: list[Child]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        child.stop_by(deadline)
