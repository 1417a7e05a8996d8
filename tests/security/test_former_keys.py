"""T9: who keeps keys that were rotated away opens nothing new, and once re-locking is done nothing at all."""

from sqlalchemy import select

from securemail.crypto.secrets import RecoveryCode
from securemail.identity.context import Member
from securemail.mailboxes import rotation as mailboxes
from securemail.organisations import administrators, audit
from securemail.organisations import rotation as organisations
from securemail.store.models import Message, Outbox
from tests.house import FATIMA, MARIEKE, SANNE, House
from tests.rotations import answer, fill, relock_all, resume, rotate
from tests.security.thief import Thief, steal
from tests.security.town import log_in

WORDS = {"message.sealed_head", "message.sealed_body", "draft.sealed_draft", "contact.sealed_contact"}
OWN = {
    "account.sealed_vault", "mailbox.sealed_holders", "session.sealed_rk", "unlocker.sealed_rk", "mail_grant.sealed_mk",
}  # fmt: skip


def former(house: House, member: Member) -> Thief:
    """With the current rows, the former root key and mail key; not with the configuration, which names accounts."""
    return Thief(steal(house.runtime.engine), ()).try_everything(member.root.rk, member.mail.mk)


def test_before_re_locking_nothing_new_opens(house: House) -> None:
    fill(house)
    old = set(former(house, house.marieke).keys_of("message.sealed_head"))
    marieke = resume(house, rotate(house, house.marieke).root)
    later = {
        house.send(SANNE, author=marieke, subject="Na de wissel").message,
        house.send(MARIEKE, author=house.sanne, subject="Ook daarna").message,
        house.send(FATIMA, author=marieke, subject="En dit").message,
    }
    found = former(house, house.marieke)
    assert old == found.keys_of("message.sealed_head")
    assert not found.keys_of("message.sealed_head") & later
    assert not found.columns() & OWN


def test_before_re_locking_a_guests_link_still_opens_what_its_guest_reads(house: House) -> None:
    """The maker's note of its code hangs on the older key until then: what the page about rotation says."""
    [conversation, _] = fill(house)
    marieke = resume(house, rotate(house, house.marieke).root)
    sent = answer(house, marieke, conversation, "Aan dezelfde gast")
    assert sent.message in former(house, house.marieke).keys_of("message.sealed_head")
    relock_all(house, marieke)
    assert former(house, house.marieke).opened == {}


def test_a_recovery_code_that_waits_to_be_mailed_is_not_left_under_the_older_key(house: House) -> None:
    rotate(house, house.marieke)
    found = Thief(steal(house.runtime.engine), ()).try_everything(house.marieke.mail.mk)
    assert "unlocker.sealed_rk" not in found.columns()


def test_a_recovery_code_that_was_replaced_is_mailed_no_more(house: House) -> None:
    rotate(house, house.marieke, recovery=RecoveryCode.new())
    with house.work() as ctx:
        states = dict(ctx.db.execute(select(Outbox.mailbox, Outbox.state).where(Outbox.kind == "recovery_code")).all())
    assert states == {house.marieke.mailbox: "cancelled", house.sanne.mailbox: "waiting"}


def test_once_re_locking_is_done_nothing_opens(house: House) -> None:
    [conversation, _] = fill(house)
    assert former(house, house.marieke).columns() >= {"item.sealed_cek", *WORDS}, "the thief knows how"
    rotated = rotate(house, house.marieke)
    marieke = resume(house, rotated.root)
    answer(house, marieke, conversation, "Na de wissel")
    relock_all(house, marieke)
    assert former(house, house.marieke).opened == {}
    now = former(house, resume(house, rotated.root))
    assert now.columns() >= {"item.sealed_cek", "account.sealed_vault", *WORDS}, "and the owner opens it all"
    assert now.keys_of("message.sealed_head") == set(messages(house))


def messages(house: House) -> list[bytes]:
    with house.work() as ctx:
        return list(ctx.db.scalars(select(Message.id)))


def test_the_old_identity_is_given_nothing(house: House) -> None:
    fill(house)
    rotate(house, house.marieke)
    with house.work() as ctx:
        mailboxes.mark_due(ctx, [house.marieke.organisation])
    found = Thief(steal(house.runtime.engine), ()).try_everything(house.marieke.root.rk)
    assert found.opened == {}


def test_a_former_administrator_opens_what_was_written_then_and_nothing_since(house: House) -> None:
    with house.work() as ctx:
        keys = administrators.enter(ctx, house.marieke).keys
        audit.record(ctx, house.marieke.organisation, "logged-in", house.sanne.root.account, {"when": "before"})
    with house.work() as ctx:
        new = organisations.rotate(ctx, keys)
        audit.record(ctx, house.marieke.organisation, "logged-in", house.sanne.root.account, {"when": "after"})
    before = Thief(steal(house.runtime.engine), ()).try_everything(keys.mk)
    after = Thief(steal(house.runtime.engine), ()).try_everything(new.mk, *(older.mk for older in new.older))
    rows = {row["id"] for row in steal(house.runtime.engine)["audit"]}
    assert len(before.keys_of("audit.sealed_detail")) == len(rows) - 1
    assert after.keys_of("audit.sealed_detail") == rows
    assert "mailbox.sealed_holders" not in before.columns()


def test_a_session_of_before_opens_nothing(house: House) -> None:
    house.send(FATIMA)
    secret = log_in(house, house.marieke)
    before = Thief(steal(house.runtime.engine), ()).try_everything(secret)
    assert before.columns() >= {"session.sealed_rk", "item.sealed_cek"}
    rotate(house, house.marieke)
    assert Thief(steal(house.runtime.engine), ()).try_everything(secret).opened == {}
