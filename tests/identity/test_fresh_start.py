"""A fresh start: three days, stoppable, with somebody's consent; then the same address with keys that nothing old
opens. Old mail stays locked, new mail comes in all the time."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from securemail import ids
from securemail.crypto.secrets import MessageCode
from securemail.crypto.unlock import seal_organisation_holders
from securemail.delivery import notifications
from securemail.delivery.brand import Brand
from securemail.delivery.claim import Job
from securemail.delivery.notifications import Unsendable
from securemail.delivery.render import Renderer
from securemail.delivery.workers import OwnKey
from securemail.errors import Conflict, Forbidden, InvalidInput, NotFound, StaleKeys
from securemail.identity import fresh_start, profile, recovery, sessions, waits
from securemail.identity.accounts import NewAccount
from securemail.identity.login import WrongLogin
from securemail.identity.passwords import stretch_new
from securemail.identity.waits import Wait
from securemail.mailboxes import anew, directory, grants, holders
from securemail.mailboxes.holders import Holder
from securemail.messages import contacts, drafts, listing, sending
from securemail.organisations import administrators, rotation
from securemail.store.models import (
    Account,
    Envelope,
    GuestLink,
    Item,
    Mailbox,
    MailGrant,
    Pending,
    PrincipalKey,
    Recipient,
    Thread,
)
from tests.house import FATIMA, MARIEKE, PASSWORD, PETER, SANNE, House, open_link
from tests.identity import mails
from tests.identity.test_recovery import code_of, log_in, pass_the_day

NEW = "zeven groene tulpen op het balkon"


@pytest.fixture
def worker(house: House) -> OwnKey:
    return mails.hire(house)


def ask(house: House, worker: OwnKey, address: str = SANNE[0]) -> str:
    with house.work() as ctx:
        recovery.request(ctx, address, language="nl", kind="fresh-start")
    return mails.token(house, worker, "fresh_start")


def begin(house: House, worker: OwnKey, address: str = SANNE[0]) -> Wait:
    token = ask(house, worker, address)
    with house.work() as ctx:
        return fresh_start.begin(ctx, token)


def allow(house: House, wait: Wait) -> None:
    with house.work() as ctx:
        fresh_start.consent(ctx, administrators.enter(ctx, house.marieke), wait.id)


def ready(house: House, worker: OwnKey, address: str = SANNE[0]) -> str:
    """Everything up to the second mail; its token."""
    wait = begin(house, worker, address)
    if address == SANNE[0]:
        allow(house, wait)
    else:
        with house.work() as ctx:
            fresh_start.confirm_as_operator(ctx, wait.id, with_organisation=True)
    assert pass_the_day(house, worker, hours=72) == 1
    return mails.token(house, worker, "fresh_start_ready")


def finish(house: House, token: str, password: str = NEW) -> NewAccount:
    stretched = stretch_new(password, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        return fresh_start.finish(ctx, token, stretched)


def count(house: House, column: object, *where: object) -> int:
    with house.work() as ctx:
        return ctx.db.scalar(select(func.count(column)).where(*where)) or 0  # type: ignore[call-overload]


# --- the whole way ---


def test_the_same_account_and_address_begin_again(house: House, worker: OwnKey) -> None:
    before = house.sanne
    finish(house, ready(house, worker))
    sanne = log_in(house, SANNE[0], NEW)
    assert (sanne.account, sanne.mailbox) == (before.account, before.mailbox)
    assert (sanne.root.epoch, sanne.mail.epochs) == (2, (2,))
    with pytest.raises(WrongLogin):
        log_in(house, SANNE[0], PASSWORD)
    assert mails.sent(house, worker, "fresh_start_done") == [{}]
    with house.work() as ctx:
        entry = directory.find(ctx, SANNE[0])
        assert entry is not None
        assert entry.started_anew is not None


def test_old_mail_stays_locked_and_is_shown_nowhere(house: House, worker: OwnKey) -> None:
    taken_in, waiting = house.send(SANNE, subject="Gelezen"), None
    house.letters(house.sanne, taken_in.conversation)
    house.send(FATIMA, author=house.sanne, subject="Verzonden")
    waiting = house.send(SANNE, subject="Nog niet opgehaald")
    with house.work() as ctx:
        drafts.save(ctx, house.sanne, bytes(16), 0, drafts.Content((PETER,), "Concept", "Nog niet af"))
    finish(house, ready(house, worker))
    sanne = log_in(house, SANNE[0], NEW)
    with house.work() as ctx:
        assert listing.inbox(ctx, sanne).rows == ()
        assert listing.sent(ctx, sanne).rows == ()
        assert drafts.count(ctx, sanne) == 0
        assert contacts.everybody(ctx, sanne) == []
        assert anew.locked_in(ctx, sanne.mailbox) == 3
    for sent in (taken_in, waiting):
        with pytest.raises(NotFound):
            house.letters(sanne, sent.conversation)


def test_new_mail_comes_in_before_during_and_after(house: House, worker: OwnKey) -> None:
    token = ready(house, worker)
    house.send(SANNE, subject="Tijdens het wachten")
    finish(house, token)
    after = house.send(SANNE, subject="Daarna")
    sanne = log_in(house, SANNE[0], NEW)
    [letter] = house.letters(sanne, after.conversation)
    assert letter.head is not None
    assert letter.head.subject == "Daarna"
    with house.work() as ctx:
        assert len(listing.inbox(ctx, sanne).rows) == 1


def test_an_answer_to_an_old_conversation_arrives_readable_and_can_be_answered(house: House, worker: OwnKey) -> None:
    old = house.send(SANNE, FATIMA)
    house.letters(house.sanne, old.conversation)
    finish(house, ready(house, worker))
    with house.work() as ctx:
        sending.reply(ctx, house.marieke, conversation=old.conversation, key=bytes(16), text="Nog iets.")
    sanne = log_in(house, SANNE[0], NEW)
    [letter] = house.letters(sanne, old.conversation)
    assert letter.head is not None, "only what came afterwards"
    with house.work() as ctx:
        sending.reply(ctx, sanne, conversation=old.conversation, key=b"\1" * 16, text="Dank je.")
    assert len(house.letters(house.marieke, old.conversation)) == 3


def test_guests_of_the_old_mailbox_still_answer_and_are_answered(house: House, worker: OwnKey) -> None:
    sent = house.send(FATIMA, author=house.sanne)
    with house.work() as ctx:
        row = ctx.db.scalars(select(GuestLink)).one()
        code = MessageCode(bytes.fromhex(house.sanne.mail.open_maker(row.id, row.sealed_maker)["code"]))
    finish(house, ready(house, worker))
    with house.work() as ctx:
        secret, link = open_link(ctx, code, None)
    guest = house.guest(secret, link.link_ref)
    with house.work() as ctx:
        sending.reply(ctx, guest, conversation=sent.conversation, key=bytes(16), text="Mijn antwoord.")
    sanne = log_in(house, SANNE[0], NEW)
    [letter] = house.letters(sanne, sent.conversation)
    assert letter.head is not None
    with house.work() as ctx:
        sending.reply(ctx, sanne, conversation=sent.conversation, key=b"\1" * 16, text="Dank u.")
    assert len(house.letters(guest, sent.conversation)) == 3
    assert "code" not in mails.sent(house, worker, "guest_answer")[-1]


def test_who_sent_what_was_never_opened_sees_that_it_will_not_be(house: House, worker: OwnKey) -> None:
    sent = house.send(SANNE)
    finish(house, ready(house, worker))
    assert count(house, Recipient.state, Recipient.message == sent.message, Recipient.state == "gone") == 1


def test_nothing_of_the_old_keys_is_left(house: House, worker: OwnKey) -> None:
    house.send(SANNE)
    with house.work() as ctx:
        sessions.start(ctx, account=house.sanne.root.account, rk=house.sanne.root.rk, remember=True)
    code = code_of(house, house.sanne)
    token = ready(house, worker)
    finish(house, token)
    account, mailbox = house.sanne.root.account, house.sanne.mailbox
    assert count(house, MailGrant.id, MailGrant.grantee == account) == 1
    assert count(house, PrincipalKey.epoch, PrincipalKey.principal == account) == 1
    assert count(house, Pending.id) == 0
    assert count(house, Envelope.message, Envelope.principal == mailbox, Envelope.sealed_cek.is_not(None)) == 0
    assert count(house, Item.message, Item.mailbox == mailbox, Item.folder != "locked") == 0
    assert count(house, Thread.conversation, Thread.mailbox == mailbox) == 0
    with house.work() as ctx:
        recovery.request(ctx, SANNE[0], language="nl")
    with house.work() as ctx, pytest.raises(recovery.WrongCode):
        recovery.prove(ctx, mails.token(house, worker, "recovery"), code)


# --- waiting and consent ---


def test_neither_time_nor_consent_alone_is_enough(house: House, worker: OwnKey) -> None:
    wait = begin(house, worker)
    assert pass_the_day(house, worker, hours=80) == 0
    allow(house, wait)
    assert pass_the_day(house, worker, hours=0) == 1
    finish(house, mails.token(house, worker, "fresh_start_ready"))


def test_consent_does_not_shorten_the_wait(house: House, worker: OwnKey) -> None:
    allow(house, begin(house, worker))
    assert pass_the_day(house, worker, hours=71) == 0
    with house.work() as ctx:
        recovery.request(ctx, SANNE[0], language="nl", kind="fresh-start")
    token = mails.token(house, worker, "fresh_start")
    with house.work() as ctx:
        assert not fresh_start.standing(ctx, token).open
    with pytest.raises(InvalidInput):
        finish(house, token)
    assert pass_the_day(house, worker, hours=1.1) == 1


def test_who_lost_the_second_mail_asks_for_another_link(house: House, worker: OwnKey) -> None:
    ready(house, worker)
    token = ask(house, worker)
    with house.work() as ctx:
        assert fresh_start.standing(ctx, token).open
    finish(house, token)
    log_in(house, SANNE[0], NEW)


def test_everybody_concerned_is_told(house: House, worker: OwnKey) -> None:
    wait = begin(house, worker)
    [told] = mails.sent(house, worker, "fresh_start_started")
    assert told["to"] == SANNE[0]
    assert mails.sent(house, worker, "fresh_start_request") == [{}], "to Marieke, by ids only"
    assert mails.sent(house, worker, "fresh_start_soon") == [{}], "due on the last day"
    with house.work() as ctx:
        [request] = fresh_start.requests(ctx, house.sanne.organisation)
    assert (request.who.name, request.wait, request.only_administrator) == (SANNE[1], wait, False)


@pytest.mark.parametrize("by", ["session", "mail", "administrator"])
def test_it_can_be_stopped_until_the_end(house: House, worker: OwnKey, by: str) -> None:
    wait = begin(house, worker)
    if by != "administrator":
        allow(house, wait)
        pass_the_day(house, worker, hours=72)
    with house.work() as ctx:
        if by == "session":
            waits.stop_own(ctx, house.sanne.root.account, wait.id)
        elif by == "mail":
            waits.stop(ctx, mails.token(house, worker, "fresh_start_started"))
        else:
            fresh_start.refuse(ctx, administrators.enter(ctx, house.marieke), wait.id)
    kind = "fresh_start_refused" if by == "administrator" else "fresh_start_stopped"
    assert mails.sent(house, worker, kind) == [{}]
    assert mails.sent(house, worker, "fresh_start_soon") == []
    assert count(house, Pending.id) == 0
    log_in(house, SANNE[0], PASSWORD)


def test_an_administrator_does_not_decide_about_their_own(house: House, worker: OwnKey) -> None:
    wait = begin(house, worker, MARIEKE[0])
    for decide in (fresh_start.consent, fresh_start.refuse):
        with house.work() as ctx, pytest.raises(Forbidden):
            decide(ctx, administrators.enter(ctx, house.marieke), wait.id)


def test_the_only_administrator_begins_again_with_the_organisation(house: House, worker: OwnKey) -> None:
    wait = begin(house, worker, MARIEKE[0])
    with house.work() as ctx:
        [request] = fresh_start.all_requests(ctx)
        assert request.only_administrator
        fresh_start.confirm_as_operator(ctx, wait.id, with_organisation=True)
    pass_the_day(house, worker, hours=72)
    finish(house, mails.token(house, worker, "fresh_start_ready"))
    marieke = log_in(house, MARIEKE[0], NEW)
    with house.work() as ctx:
        entered = administrators.enter(ctx, marieke)
        assert entered.keys.epoch == 2
        assert ctx.db.get_one(Mailbox, marieke.organisation).mk_epoch == 2


def test_an_administrator_who_begins_again_is_one_no_more(house: House, worker: OwnKey) -> None:
    wait = begin(house, worker, MARIEKE[0])
    with house.work() as ctx:
        fresh_start.confirm_as_operator(ctx, wait.id, with_organisation=False)
    pass_the_day(house, worker, hours=72)
    finish(house, mails.token(house, worker, "fresh_start_ready"))
    marieke = log_in(house, MARIEKE[0], NEW)
    with house.work() as ctx, pytest.raises(Forbidden):
        administrators.enter(ctx, marieke)


def test_the_organisations_next_key_is_not_given_to_who_began_again(house: House, worker: OwnKey) -> None:
    second_administrator(house)
    wait = begin(house, worker, MARIEKE[0])
    with house.work() as ctx:
        fresh_start.consent(ctx, administrators.enter(ctx, house.sanne), wait.id)
    pass_the_day(house, worker, hours=72)
    finish(house, mails.token(house, worker, "fresh_start_ready"))
    with house.work() as ctx:
        assert ctx.db.get_one(Mailbox, house.sanne.organisation).rotation_due
        rotation.rotate_due(ctx, house.sanne)
        assert administrators.enter(ctx, house.sanne).keys.epoch == 2
    marieke = log_in(house, MARIEKE[0], NEW)
    with house.work() as ctx, pytest.raises(Forbidden):
        administrators.enter(ctx, marieke)
    assert count(house, MailGrant.id, MailGrant.mailbox == house.sanne.organisation) == 1


def second_administrator(house: House) -> None:
    """Sanne is made an administrator as well."""
    with house.work() as ctx:
        entered = administrators.enter(ctx, house.marieke).keys
        listed = [Holder(member.root.account, administrators.RIGHTS) for member in (house.marieke, house.sanne)]
        sealed = seal_organisation_holders(entered.mk, entered.principal, entered.epoch, holders.to_json(listed))
        ctx.db.execute(update(Mailbox).where(Mailbox.id == entered.principal).values(sealed_holders=sealed))
        identity = house.sanne.root.identity().public
        grants.add(ctx, entered, identity, grantee=house.sanne.root.account, rights=administrators.RIGHTS)


# --- races ---


def together(count: int, act: Callable[[int], object]) -> list[int]:
    """Who of so many got through; everybody else is refused in an orderly way."""
    won: list[int] = []
    crashed: list[BaseException] = []

    def run(number: int) -> None:
        try:
            act(number)
            won.append(number)
        except (InvalidInput, Conflict, StaleKeys):
            pass
        except BaseException as error:  # noqa: BLE001 told below
            crashed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not crashed
    return won


def test_of_sixty_four_that_begin_at_once_one_begins(house: House, worker: OwnKey) -> None:
    token = ask(house, worker)

    def start(_number: int) -> None:
        with house.work() as ctx:
            fresh_start.begin(ctx, token)

    assert len(together(64, start)) == 1
    assert len(mails.sent(house, worker, "fresh_start_started")) == 1


def test_of_many_that_finish_at_once_one_password_counts(house: House, worker: OwnKey) -> None:
    token = ready(house, worker)
    [won] = together(8, lambda number: finish(house, token, f"{number} {NEW}"))
    log_in(house, SANNE[0], f"{won} {NEW}")


def test_stopping_and_finishing_at_once(house: House, worker: OwnKey) -> None:
    token = ready(house, worker)
    [wait] = of_sanne(house)

    def act(number: int) -> None:
        if number:
            finish(house, token)
            return
        with house.work() as ctx:
            try:
                waits.stop_own(ctx, house.sanne.root.account, wait.id)
            except NotFound as error:
                raise Conflict from error

    [won] = together(2, act)
    log_in(house, SANNE[0], NEW if won else PASSWORD)


def of_sanne(house: House) -> list[Wait]:
    with house.work() as ctx:
        return waits.of_account(ctx, house.sanne.root.account)


# --- mails by ids only ---


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize(
    "kind",
    ["recovered", "recovery_stopped", "fresh_start_soon", "fresh_start_stopped", "fresh_start_refused",
     "fresh_start_request", "fresh_start_done"],
)  # fmt: skip
def test_what_the_directory_tells_is_mailed(house: House, worker: OwnKey, kind: str, language: str) -> None:
    begin(house, worker)
    with house.work() as ctx:
        profile.set_language(ctx, house.sanne.owner, language)
    job = Job(ids.new_id(), kind, 1, None, None, house.sanne.mailbox, None)
    with house.work() as ctx:
        made = notifications.prepare(ctx, job, brand=Brand("Van Dalen & Bakker"), public_url="https://post.example")
    mail = Renderer("post@vandalenbakker.example").mail(made, now=house.clock.now)
    assert mail["To"] == "Sanne Kuipers <sanne@vandalenbakker.example>"
    text = mail.get_body(preferencelist=("plain",))
    assert text is not None
    assert "https://post.example/login" in text.get_content()
    assert ("22 november 2026, 9.58 uur" in text.get_content()) == (kind == "fresh_start_soon" and language == "nl")


def test_a_reminder_of_what_was_stopped_is_not_sent(house: House, worker: OwnKey) -> None:
    job = Job(ids.new_id(), "fresh_start_soon", 1, None, None, house.sanne.mailbox, None)
    with house.work() as ctx, pytest.raises(Unsendable):
        notifications.prepare(ctx, job, brand=Brand("Van Dalen & Bakker"), public_url="https://post.example")


# --- a writer of the database ---


def _shorten(ctx: object) -> None:
    ctx.db.execute(update(Pending).values(ready=ctx.now))  # type: ignore[attr-defined]


def _consent(ctx: object) -> None:
    ctx.db.execute(update(Pending).values(state="consented"))  # type: ignore[attr-defined]


def _turn(ctx: object) -> None:
    ctx.db.execute(update(Pending).values(kind="fresh-start-ready", state="consented"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("edit", [_shorten, _consent, _turn])
def test_edited_rows_begin_nothing(
    house: House, worker: OwnKey, edit: Callable[[object], None], caplog: pytest.LogCaptureFixture
) -> None:
    wait = begin(house, worker)
    if edit is _shorten:
        allow(house, wait)
    with house.work() as ctx:
        edit(ctx)
    assert pass_the_day(house, worker, hours=1 if edit is _shorten else 80) == 0
    with pytest.raises(InvalidInput):
        finish(house, ask(house, worker))
    assert any("alarm" in record.getMessage() for record in caplog.records)


def test_a_planted_request_is_shown_to_nobody(house: House, worker: OwnKey) -> None:
    wait = begin(house, worker)
    with house.work() as ctx:
        ctx.db.execute(update(Pending).values(account=house.marieke.root.account))
    with house.work() as ctx:
        assert fresh_start.requests(ctx, house.sanne.organisation) == []
    with pytest.raises(NotFound):
        allow(house, wait)


def test_a_link_works_once(house: House, worker: OwnKey) -> None:
    first, token = ask(house, worker), None
    with house.work() as ctx:
        wait = fresh_start.begin(ctx, first)
    with house.work() as ctx, pytest.raises(InvalidInput):
        fresh_start.begin(ctx, first)
    allow(house, wait)
    pass_the_day(house, worker, hours=72)
    token = mails.token(house, worker, "fresh_start_ready")
    finish(house, token)
    with pytest.raises(InvalidInput):
        finish(house, token)
    assert count(house, Account.id) == 2
