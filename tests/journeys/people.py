"""What people do in a journey: the office with its product and mail, and the few steps that every story begins with."""

import html
import itertools
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import delete

from securemail import clock, ids
from securemail.config import Settings
from securemail.crypto import cookies
from securemail.guests.checks import Check
from securemail.identity import accounts, login
from securemail.identity.context import Context, Member
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import mailboxes
from securemail.messages import sending
from securemail.organisations import organisations, setup
from securemail.organisations.policy import Policy
from securemail.runtime import Runtime
from securemail.store.models import BrowserSession
from securemail.web import session
from tests.house import PASSWORD
from tests.serve import CHEAP
from tests.servers import PATIENCE, Product, SmsSink, SmtpSink, running_product, sms_sink, smtp_sink, text_part

ORGANISATION = "Van Dalen & Bakker"
FOUNDER = "oprichter@vandalenbakker.example"
"""Who set the organisation up, is its administrator, and is otherwise in no story."""
_numbers = itertools.count(1)


@dataclass
class Office:
    """Van Dalen & Bakker at work: the product in its own processes, its mail and SMS, and a way to plant what was."""

    product: Product
    sink: SmtpSink
    runtime: Runtime
    organisation: bytes = b""
    members: dict[str, Member] = field(default_factory=dict)
    sms: SmsSink | None = None

    @property
    def url(self) -> str:
        return self.product.url

    def wait_for_sms(self, number: str) -> str:
        """The code in the next SMS for a number (E.164)."""
        assert self.sms is not None
        return self.sms.wait_for_sms(number)

    def member(self, name: str = "Marieke van Dalen", *, language: str = "nl", address: str = "") -> Member:
        """Somebody with a new account, and an address that no other test uses unless one is given."""
        address = address or f"{name.split()[0].lower()}{next(_numbers)}@vandalenbakker.example"
        with self.work() as ctx:
            password = stretch_new(PASSWORD, self.runtime.keys, self.runtime.hasher)
            new = accounts.create_account(
                ctx, address=address, name=name, language=language, password=password,
                organisation=self.organisation, role="member",
            )  # fmt: skip
        self.members[address] = _as_member(new, address, name, language, self.organisation)
        return self.members[address]

    def send(
        self, author: Member, *to: tuple[str, str] | tuple[str, str, Check],
        subject: str = "Berekening kinderalimentatie", text: str = "Het bedrag komt uit op € 384.",
    ) -> sending.Sent:  # fmt: skip
        """A message that was sent before the story begins."""
        with self.work() as ctx:
            return sending.send(ctx, author, key=ids.new_id(), to=list(to), subject=subject, text=text)

    @contextmanager
    def work(self) -> Iterator[Context]:
        with self.runtime.work(write=True) as ctx:
            yield ctx


def _as_member(new: accounts.NewAccount, address: str, name: str, language: str, organisation: bytes) -> Member:
    return Member(
        kind="mailbox", mail=new.mail, address=address, name=name, language=language, account=new.root.account,
        root=new.root, session=bytes(32), organisation=organisation,
    )  # fmt: skip


@contextmanager
def open_office(
    folder: Path, database_url: str, *, web: int = 1, worker: bool = True, **environ: str
) -> Iterator[Office]:
    """The product running on a migrated database, with its mail."""
    with (
        smtp_sink() as sink,
        sms_sink() as sms,
        running_product(
            folder, database_url, smtp_port=sink.port, sms=sms, web=web, workers=int(worker), environ=environ
        ) as product,
        found_office(product, sink) as office,
    ):
        office.sms = sms
        yield office


@contextmanager
def found_office(product: Product, sink: SmtpSink) -> Iterator[Office]:
    """The organisation in a running product, founded by somebody who is in no story."""
    office = Office(product, sink, runtime_of(product))
    with office.work() as ctx:
        office.organisation = organisations.create(ctx, ORGANISATION, Policy(sign_up="open")).id
        password = stretch_new(PASSWORD, office.runtime.keys, office.runtime.hasher)
        founder = accounts.create_account(
            ctx, address=FOUNDER, name="De oprichter", language="nl", password=password,
            organisation=office.organisation, role="administrator",
        )  # fmt: skip
        mailboxes.create_for_organisation(ctx, office.organisation, founder.root)
    office.members[FOUNDER] = _as_member(founder, FOUNDER, "De oprichter", "nl", office.organisation)
    try:
        yield office
    finally:
        office.runtime.engine.dispose()


def runtime_of(product: Product) -> Runtime:
    """A runtime of our own on the product's database, for planting and for looking."""
    return Runtime.assemble(Settings.from_environ(product.environ), argon2=CHEAP, clock=clock.now)


def setup_link(product: Product) -> str:
    """The one-time link that the console would print."""
    runtime = runtime_of(product)
    link = setup.ensure_link(runtime)
    runtime.engine.dispose()
    assert link is not None, "the organisation is there already"
    return link


# --- steps ---


def set_up(page: Page, link: str, *, name: str = "Marieke van Dalen", address: str, password: str = PASSWORD) -> None:
    """From the set-up link to the page with the recovery code."""
    page.goto(link)
    page.get_by_label("Naam van de organisatie").fill(ORGANISATION)
    page.get_by_label("Je naam").fill(name)
    page.get_by_label("E-mailadres").fill(address)
    page.get_by_label("Wachtwoord", exact=True).fill(password)
    page.get_by_role("button", name="Ga verder").click()
    expect(page.get_by_role("heading", name="Bewaar je herstelcode")).to_be_visible()


def keep_recovery_code(page: Page) -> None:
    """From the recovery code to the inbox, past the second step."""
    page.get_by_label("Ik heb de code op een veilige plek bewaard").check()
    page.get_by_role("button", name="Ga verder").click()
    page.get_by_role("link", name="Later instellen").click()
    page.get_by_role("link", name="Naar mijn postvak").click()
    expect(page.get_by_role("heading", name="Postvak", exact=True)).to_be_visible()


def ask_for_account(page: Page, url: str, address: str) -> None:
    """Sign-up as far as 'look in your mail'."""
    page.goto(f"{url}/signup")
    page.get_by_label("E-mailadres").fill(address)
    page.get_by_role("button", name="Ga verder").click()
    expect(page.get_by_role("heading", name="Kijk in je e-mail")).to_be_visible()


def arrive(page: Page, office: Office, who: Member, at: str = "/inbox") -> None:
    """Somebody who logged in before the story begins, at a page of theirs."""
    let_in(page, office, who)
    page.goto(f"{office.url}{at}")


def let_in(page: Page, office: Office, who: Member) -> None:
    """Give a browser the session that the log-in page would give it, through the product's own verb.

    Stories about something else begin here: the log-in page costs three loads of a page and a stretched password.
    Stories about logging in, second steps, sessions and browsers that are recognised need the page: `log_in`.
    """
    with office.work() as ctx:
        secret = login.start_session(ctx, who.root, remember=False)
    cookie = {"name": session.MEMBER, "value": cookies.write_cookie(secret), "domain": "localhost", "path": "/"}
    page.context.add_cookies([{**cookie, "secure": True, "httpOnly": True, "sameSite": "Lax"}])


def log_in(page: Page, url: str, who: Member | str, *, remember: bool = False, password: str = PASSWORD) -> None:
    """Through the log-in page to the inbox."""
    page.goto(f"{url}/login")
    try_to_log_in(page, who, remember=remember, password=password)
    page.wait_for_url("**/inbox")


def try_to_log_in(page: Page, who: Member | str, *, remember: bool = False, password: str = PASSWORD) -> None:
    """Fill in the form that is there, in either language, and send it."""
    page.locator("input[name=address]").fill(who if isinstance(who, str) else who.address)
    page.locator("input[name=password]").fill(password)
    if remember:
        page.locator("input[name=remember]").check()
    page.locator("form[action*='/login'] button.button-primary").click()


def compose(
    page: Page, url: str, *to: str, subject: str = "Berekening kinderalimentatie", body: str = "Het komt uit op € 384."
) -> None:
    """A new message, written but not sent; every address has become a chip."""
    page.goto(f"{url}/compose")
    add_recipients(page, to)
    page.get_by_label("Onderwerp").fill(subject)
    page.get_by_label("Bericht", exact=True).fill(body)


def add_recipients(page: Page, to: Iterable[str]) -> None:
    """Type addresses, or 'Name <address>', one by one."""
    for address in to:
        there = page.locator("[data-chip]").count()
        page.get_by_label("Aan", exact=True).fill(address)
        page.keyboard.press("Enter")
        expect(page.locator("[data-chip]")).to_have_count(there + 1)


def wait_until_kept(page: Page) -> None:
    """Until the server's draft says what the page says, and the page has its answer."""
    deadline = time.monotonic() + PATIENCE
    while not _is_kept(page):
        assert time.monotonic() < deadline, "the draft was not kept"
        page.wait_for_timeout(50)
    expect(page.locator(".htmx-request")).to_have_count(0)


def _is_kept(page: Page) -> bool:
    draft = page.locator("#saved input[name=draft]").input_value()
    if not draft:
        return False
    kept = html.unescape(page.request.get(urljoin(page.url, f"/drafts/{draft}")).text())
    fields = page.locator("[data-draft] :is(textarea, #subject, [name=recipient])")
    return all(value in kept for value in fields.evaluate_all("all => all.map((field) => field.value)"))


def send(page: Page) -> None:
    """Verzenden, until the conversation is there."""
    page.get_by_role("button", name="Verzenden").click()
    page.wait_for_url("**/conversations/**")


def open_letter(page: Page, mail: EmailMessage) -> None:
    """A guest follows the link of a notification and opens the message."""
    page.goto(link_in(mail))
    page.get_by_role("button", name="Bericht openen").click()
    expect(page.locator("#letters")).to_be_visible()


def reply_as_guest(page: Page, text: str) -> None:
    """On the opened letter: answer."""
    page.get_by_role("link", name="Veilig antwoorden").click()
    page.get_by_label("Uw antwoord").fill(text)
    page.get_by_role("button", name="Versturen").click()
    expect(page.get_by_text("Uw antwoord is verstuurd.")).to_be_visible()


def ask_for_news(page: Page) -> None:
    """What a return to the page does, instead of the next turn of the clock."""
    page.evaluate(
        """() => {
          const news = document.getElementById('news');
          if (news) htmx.trigger(news, 'news');
          else document.dispatchEvent(new Event('visibilitychange'));
        }"""
    )


def await_news(page: Page, expected: Locator, *, count: int = 1) -> None:
    """Ask until the news shows (or, with 0, no longer shows) what is expected: a worker has to do something first."""
    deadline = time.monotonic() + PATIENCE
    while _shows(page, expected) != count:
        assert time.monotonic() < deadline, "the news never came"
        ask_for_news(page)
        page.wait_for_timeout(200)


def _shows(page: Page, expected: Locator) -> int:
    page.wait_for_load_state()  # a page that is not there yet shows nothing
    return min(expected.count(), 1)


def end_sessions(office: Office, member: Member) -> None:
    """As when the hour of idleness is over."""
    with office.work() as ctx:
        ctx.db.execute(delete(BrowserSession).where(BrowserSession.account == member.account))


# --- mail ---


def link_in(mail: EmailMessage) -> str:
    """The link of a notification, code and all."""
    found = re.search(r"https?://\S+", _with_fragment(mail))
    assert found, "the mail has no link"
    return found[0]


def _with_fragment(mail: EmailMessage) -> str:
    """The line of the text part that holds the whole link."""
    lines = text_part(mail).splitlines()
    return next((line for line in lines if "http" in line and "#" in line), "\n".join(lines))


def code_in(mail: EmailMessage) -> str:
    """What stands behind the # of the link."""
    return link_in(mail).partition("#")[2]
