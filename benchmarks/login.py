"""`make bench-login`: goal A1. Fifty people log in at the same moment: how much memory that takes, and what somebody
notices who reads a list meanwhile, on both databases.

The real product in processes of its own, as `securemail.cli web` starts it, with Argon2 at its real cost.
"""

import contextlib
import http.client
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import measure
from securemail import clock, ids
from securemail.config import Settings
from securemail.crypto import cookies
from securemail.identity import accounts, sessions
from securemail.identity.context import Member
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import mailboxes
from securemail.messages import sending
from securemail.organisations import organisations
from securemail.processes import web_command
from securemail.runtime import FLOOR, Runtime
from securemail.web.session import MEMBER
from tests import servers
from tests.journeys.plain_browser import PlainBrowser
from tests.servers import Postgres, Sqlite, free_port, product_environ

PEOPLE, ROUNDS, ROWS = 50, 3, 60
PASSWORD = "negen blauwe fietsen in de gracht"
MOST_MIB, MOST_TIMES = 2 * 64.0, 2.0
Verdict = tuple[str, str, float, float]


@dataclass
class Place:
    """The product on one database, with people who can log in and one whose list is read."""

    kind: str
    url: str
    process: subprocess.Popen[bytes]
    addresses: list[str]
    cookie: str
    told_to_come_back: int = 0


def main() -> None:
    """Measure on each database, and end with one line per goal."""
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory() as folder, servers.postgres() as postgres:
        for kind, databases in (("sqlite", Sqlite(Path(folder))), ("postgres", postgres)):
            with running(kind, databases, Path(folder) / kind) as place:
                verdicts += _measured(place)
    print()
    for goal, kind, value, limit in verdicts:
        print(f"{goal} {kind} {value:.2f} <= {limit:g} {'ok' if value <= limit else 'short'}")


def _measured(place: Place) -> list[Verdict]:
    print(f"\n{place.kind}", flush=True)
    _log_all_in(place)  # threads, connections and what is made once
    _read_for(place, 1.0)
    idle: list[int] = []
    busy: list[int] = []
    grown, spans = [], []
    for _ in range(ROUNDS):
        idle += _read_for(place, 8.0)
        before = resident_mib(place.process.pid)
        with peak_of(place.process.pid) as peak:
            started = time.perf_counter()
            busy += _read_while_logging_in(place)
            spans.append(time.perf_counter() - started)
        grown.append(max(peak) - before)
    print(f"  {PEOPLE} log-ins in {median(spans):.1f} s, {len(busy)} lists read meanwhile, {len(idle)} without")
    print(f"  told to come back: {place.told_to_come_back}")
    for share in (0.5, 0.9, 0.99, 1.0):
        left, right = measure.percentile(busy, share) / 1e6, measure.percentile(idle, share) / 1e6
        print(f"  list p{share * 100:<5g} {left:7.2f} ms, without log-ins {right:7.2f} ms: {left / right:.2f}")
    print(f"  memory: {', '.join(f'{mib:.0f}' for mib in grown)} MiB more than before")
    return [
        ("A1-memory", place.kind, max(grown), MOST_MIB),
        ("A1-list", place.kind, measure.percentile(busy, 0.5) / measure.percentile(idle, 0.5), MOST_TIMES),
        ("A1-list-p99", place.kind, measure.percentile(busy, 0.99) / measure.percentile(idle, 0.99), MOST_TIMES),
    ]


# --- what people do ---


def _log_all_in(place: Place) -> None:
    browsers = [PlainBrowser() for _ in place.addresses]
    for browser in browsers:
        browser.get(f"{place.url}/login")
    start = threading.Barrier(len(browsers))

    def log_in(browser: PlainBrowser, address: str) -> None:
        start.wait(30)
        form = {"address": address, "password": PASSWORD}
        answer = browser.post(f"{place.url}/login", form)
        while answer.status == 503:  # told to come back
            place.told_to_come_back += 1
            time.sleep(1)
            browser.get(f"{place.url}/login")
            answer = browser.post(f"{place.url}/login", form)
        if not answer.url.endswith("/inbox"):
            raise AssertionError(f"somebody did not get in: {answer.status}")

    with ThreadPoolExecutor(len(browsers)) as people:
        list(people.map(log_in, browsers, place.addresses))


def _read_while_logging_in(place: Place) -> list[int]:
    crowd = threading.Thread(target=_log_all_in, args=(place,))
    with Reader(place) as reader:
        crowd.start()
        while crowd.is_alive():
            reader.read()
    crowd.join()
    return reader.taken


def _read_for(place: Place, seconds: float) -> list[int]:
    end = time.perf_counter() + seconds
    with Reader(place) as reader:
        while time.perf_counter() < end:
            reader.read()
    return reader.taken


class Reader:
    """A member who looks at the list again and again over one connection; how long each took, in nanoseconds."""

    def __init__(self, place: Place) -> None:
        self.taken: list[int] = []
        self._headers = {"Cookie": f"{MEMBER}={place.cookie}"}
        self._connection = http.client.HTTPConnection(urlsplit(place.url).netloc, timeout=60)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def read(self) -> None:
        """One look, and a breath."""
        started = time.perf_counter_ns()
        self._connection.request("GET", "/sent", headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        self.taken.append(time.perf_counter_ns() - started)
        if answer.status != 200:
            raise AssertionError(f"the list answered {answer.status}")
        time.sleep(0.01)


# --- memory ---


@contextlib.contextmanager
def peak_of(pid: int) -> Iterator[list[float]]:
    """What a process and its children hold, looked at every few milliseconds."""
    seen, over = [resident_mib(pid)], threading.Event()

    def look() -> None:
        while not over.wait(0.004):
            seen.append(resident_mib(pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def resident_mib(pid: int) -> float:
    """Memory of its own, of a process and its children (forked pages are shared, and counted once by their parts)."""
    return sum(_own_mib(child) for child in (pid, *_children(pid)))


def _children(pid: int) -> Sequence[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        return ()
    return [int(child) for child in found]


def _own_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


# --- the product ---


@contextlib.contextmanager
def running(kind: str, databases: Sqlite | Postgres, folder: Path) -> Iterator[Place]:
    """The web server with its real settings, on a fresh database with people in it."""
    port, url = free_port(), databases.new_database()
    folder.mkdir()
    environ = product_environ(folder, url, port=port, smtp_port=2525)
    settings = Settings.from_environ(environ)
    addresses, cookie = _people(settings)
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(web_command(settings), env=environ, stdout=log, stderr=log)
    try:
        _await(f"http://localhost:{port}", process)
        yield Place(kind, f"http://localhost:{port}", process, addresses, cookie)
    finally:
        process.terminate()
        process.wait(40)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not servers._answers(f"{url}/readyz"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the web server did not start")
        time.sleep(0.1)


def _people(settings: Settings) -> tuple[list[str], str]:
    """Everybody with the same password, stretched once; and the cookie of one who has mail."""
    runtime = Runtime.assemble(settings, argon2=FLOOR, clock=clock.now)
    password = stretch_new(PASSWORD, runtime.keys, runtime.hasher)
    addresses = [f"lid{number}@example.org" for number in range(PEOPLE)]
    with runtime.work(write=True) as ctx:
        organisation = organisations.create(ctx, "Van Dalen & Bakker").id
        new = {
            address: accounts.create_account(
                ctx, address=address, name=f"Lid {address}", language="nl", password=password,
                organisation=organisation, role="administrator" if address == addresses[0] else "member",
            )
            for address in (*addresses, "lezer@example.org")
        }  # fmt: skip
        mailboxes.create_for_organisation(ctx, organisation, new[addresses[0]].root)
    reader = new["lezer@example.org"]
    with runtime.work(write=True) as ctx:
        secret = sessions.start(ctx, account=reader.root.account, rk=reader.root.rk, remember=True)
    author = Member(
        kind="mailbox", mail=reader.mail, address="lezer@example.org", name="Lezer", language="nl",
        account=reader.root.account, root=reader.root, session=bytes(32), organisation=organisation,
    )  # fmt: skip
    for number in range(ROWS):
        with runtime.work(write=True) as ctx:
            to = [("lezer@example.org", "Lezer"), (addresses[number % PEOPLE], "Lid")]
            sending.send(ctx, author, key=ids.new_id(), to=to[1:], subject=f"Bericht {number}", text="Beste,")
    runtime.engine.dispose()
    return addresses, cookies.write_cookie(secret)


if __name__ == "__main__":
    main()
