"""An invitation lets one address in, once, for 14 days, unless it is taken back; administrators see how it fares."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from securemail.crypto.notes import open_audit, open_for_organisation
from securemail.delivery import housekeeping, outbox, workers
from securemail.errors import CannotOpen, Conflict, Forbidden, InvalidInput, NotFound
from securemail.identity import invitations, signup
from securemail.identity import tokens as pending_tokens
from securemail.identity.accounts import NewAccount
from securemail.identity.invitation_lists import Line
from securemail.identity.invitation_rows import Invitation
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import directory
from securemail.organisations import administrators, members, organisations
from securemail.organisations.administrators import Administrator
from securemail.organisations.policy import Policy
from securemail.store.models import Audit, Member, Outbox, Pending
from tests.house import MARIEKE, PASSWORD, SANNE, House
from tests.letterbox import living_worker, tokens, waiting

URL = "https://mail.example.org"
LOTTE = Line("Lotte@Kantoor.example", "Lotte Wiersma")
ADDRESS = "lotte@kantoor.example"


@pytest.fixture
def worker(house: House) -> workers.OwnKey:
    return living_worker(house)


@pytest.fixture
def marieke(house: House) -> Administrator:
    """Marieke, with the organisation's keys open."""
    with house.work() as ctx:
        return administrators.enter(ctx, house.marieke)


@pytest.fixture
def invite(house: House, marieke: Administrator) -> Callable[..., str]:
    def invite_one(line: Line = LOTTE, *, language: str = "nl", again: bool = True) -> str:
        with house.work() as ctx:
            return invitations.invite(ctx, marieke, line, language=language, public_url=URL, again=again)

    return invite_one


def listed(house: House, marieke: Administrator) -> list[Invitation]:
    with house.work() as ctx:
        return invitations.listing(ctx, marieke)


def accept(house: House, token: str, name: str = LOTTE.name, reference: str = "") -> NewAccount:
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        return signup.activate(ctx, token, name=name, password=password, language="nl", reference=reference)


def refusal(house: House, token: str) -> str:
    with house.work() as ctx, pytest.raises(InvalidInput) as refused:
        signup.invited(ctx, token)
    return refused.value.code


def decide(house: House, **changes: Any) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(**changes))


# --- the way of one invitation ---


def test_lotte_is_invited_and_joins(house: House, worker: workers.OwnKey, invite: Callable[..., str]) -> None:
    assert invite() == "new"
    [token] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        invited = signup.invited(ctx, token)
    assert (invited.address, invited.name, invited.by_invitation) == (ADDRESS, "Lotte Wiersma", True)
    accept(house, token)
    with house.work() as ctx:
        entry = directory.find(ctx, ADDRESS)
        assert entry is not None
        assert entry.name == "Lotte Wiersma"
        assert ctx.db.scalars(select(Member.role).where(Member.account == entry.account)).one() == "member"


def test_the_mail_names_who_invites_and_speaks_the_chosen_language(
    house: House, worker: workers.OwnKey, invite: Callable[..., str]
) -> None:
    invite(language="en")
    [(_, mail)] = waiting(house, worker, "invitation")
    assert (mail["to"], mail["name"], mail["language"]) == (ADDRESS, "Lotte Wiersma", "en")
    assert (mail["sender_name"], mail["sender_address"]) == (MARIEKE[1], MARIEKE[0])
    assert mail["token_link"].startswith(f"{URL}/invitation#")


def test_joining_by_invitation_works_where_nobody_may_sign_up(
    house: House, worker: workers.OwnKey, invite: Callable[..., str]
) -> None:
    decide(house, sign_up="invitation")
    invite()
    accept(house, tokens(house, worker, "invitation")[0])


def test_a_used_link_says_so(house: House, worker: workers.OwnKey, invite: Callable[..., str]) -> None:
    invite()
    [token] = tokens(house, worker, "invitation")
    accept(house, token)
    assert refusal(house, token) == "joined"
    with pytest.raises(InvalidInput):
        accept(house, token)


def test_a_link_works_for_14_days(house: House, worker: workers.OwnKey, invite: Callable[..., str]) -> None:
    invite()
    [token] = tokens(house, worker, "invitation")
    house.clock.forward(days=13, hours=23)
    with house.work() as ctx:
        signup.invited(ctx, token)
    house.clock.forward(hours=2)
    assert refusal(house, token) == "expired"
    with pytest.raises(InvalidInput):
        accept(house, token)


def test_sent_again_the_older_link_dies(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    [older] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        invitations.send_again(ctx, marieke, invitations.listing(ctx, marieke)[0].id, public_url=URL)
    [newer] = tokens(house, worker, "invitation")  # the mail with the older link is not sent any more
    assert refusal(house, older) == "invalid"
    accept(house, newer)


def test_an_expired_one_is_sent_again(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    house.clock.forward(days=20)
    with house.work() as ctx:
        housekeeping.tidy(ctx)
    [kept] = listed(house, marieke)
    assert kept.state == "expired"
    living_worker(house)
    with house.work() as ctx:
        invitations.send_again(ctx, marieke, kept.id, public_url=URL)
    [fresh] = listed(house, marieke)
    assert fresh.state == "open"


def test_withdrawn_its_link_says_so_and_its_mail_is_not_sent(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    [token] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        invitations.withdraw(ctx, marieke, invitations.listing(ctx, marieke)[0].id)
    assert refusal(house, token) == "withdrawn"
    assert waiting(house, worker, "invitation") == []
    assert listed(house, marieke) == []
    with pytest.raises(InvalidInput):
        accept(house, token)


def test_a_corrected_address_gets_its_own_mail_and_the_other_link_is_withdrawn(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite(Line("lotte@kantor.example", "Lotte Wiersma", "A-1"))
    [wrong] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        [sent] = invitations.listing(ctx, marieke)
        invitations.correct(ctx, marieke, sent.id, ADDRESS, public_url=URL)
    assert refusal(house, wrong) == "withdrawn"
    [(_, mail)] = waiting(house, worker, "invitation")
    assert (mail["to"], mail["name"]) == (ADDRESS, "Lotte Wiersma")
    [now] = listed(house, marieke)
    assert (now.address, now.reference) == (ADDRESS, "A-1")


@pytest.mark.parametrize(
    ("address", "code"),
    [("LOTTE@kantoor.example", "unchanged"), ("", "empty"), ("lotte", "invalid"), (MARIEKE[0], "yourself")],
)
def test_an_address_is_not_corrected_into_one_that_cannot_be(
    house: House, marieke: Administrator, invite: Callable[..., str], address: str, code: str
) -> None:
    invite()
    with house.work() as ctx:
        [sent] = invitations.listing(ctx, marieke)
        with pytest.raises(InvalidInput) as refused:
            invitations.correct(ctx, marieke, sent.id, address, public_url=URL)
    assert refused.value.code == code
    assert [one.state for one in listed(house, marieke)] == ["open"]


def test_after_joining_nothing_can_be_withdrawn_or_sent(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    accept(house, tokens(house, worker, "invitation")[0])
    [joined] = listed(house, marieke)
    assert joined.state == "joined"
    with house.work() as ctx:
        with pytest.raises(Conflict):
            invitations.withdraw(ctx, marieke, joined.id)
        with pytest.raises(Conflict):
            invitations.send_again(ctx, marieke, joined.id, public_url=URL)
        with pytest.raises(Conflict):
            invitations.correct(ctx, marieke, joined.id, "a@example.org", public_url=URL)


def test_whoever_signs_up_by_themselves_needs_the_invitation_no_more(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    [invited] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        signup.request(ctx, ADDRESS, language="nl", public_url=URL)
    accept(house, tokens(house, worker, "activation")[0])
    assert [one.state for one in listed(house, marieke)] == ["joined"]
    assert refusal(house, invited) == "joined"


# --- who is on the list already ---


def test_the_same_address_twice_is_one_invitation(
    house: House, marieke: Administrator, invite: Callable[..., str]
) -> None:
    assert invite() == "new"
    assert invite(Line("lotte@KANTOOR.example")) == "invited"
    assert len(listed(house, marieke)) == 1


def test_without_saying_again_an_open_invitation_stays(
    house: House, worker: workers.OwnKey, invite: Callable[..., str]
) -> None:
    invite()
    before = tokens(house, worker, "invitation")
    assert invite(again=False) == "invited"
    assert tokens(house, worker, "invitation") == before


def test_somebody_with_an_account_is_asked_to_secure_it(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    assert invite(Line(SANNE[0]), language="en") == "known"
    [(_, mail)] = waiting(house, worker, "secure_account")
    assert (mail["to"], mail["name"], mail["language"]) == (SANNE[0], SANNE[1], "nl")
    assert "token_link" not in mail
    assert listed(house, marieke) == []


def test_what_becomes_of_each_line_is_told_before(
    house: House, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    lines = [
        Line(SANNE[0]), Line("Thijs@kantoor.example"), Line("thijs@kantoor.example"), Line(ADDRESS), Line(MARIEKE[0]),
        Line("Mallory"), Line("a@example.org", "x" * 200), Line("b@example.org", "", "y" * 65),
    ]  # fmt: skip
    with house.work() as ctx:
        judged = invitations.judge(ctx, marieke, lines)
    assert [one.verdict for one in judged] == [
        "known", "new", "double", "invited", "yourself", "impossible", "impossible", "impossible",
    ]  # fmt: skip
    assert [str(one.wrong) for one in judged if one.wrong] == ["address: invalid", "name: long", "reference: long"]


@pytest.mark.parametrize(
    "line",
    [
        Line("lotte@kantoor.example\r\nBcc: x@example.org"),
        Line("x" * 300 + "@example.org"),
        Line("=?utf-8?q?x?=@example.org"),
        Line("a@example.org", "Lotte\r\nBcc: x@example.org"),
        Line("a@example.org", "Lotte\u202eettoL"),
        Line("a@example.org", "", "A\x00"),
    ],
)
def test_hostile_lines_are_refused(invite: Callable[..., str], line: Line) -> None:
    with pytest.raises(InvalidInput):
        invite(line)


def test_a_domain_in_any_script_is_one_domain(house: House, marieke: Administrator, invite: Callable[..., str]) -> None:
    invite(Line("post@bücher.example"))
    assert invite(Line("post@xn--bcher-kva.example")) == "invited"
    assert [one.address for one in listed(house, marieke)] == ["post@xn--bcher-kva.example"]


# --- how it fares ---


def test_a_refused_mail_is_seen_for_as_long_as_the_invitation(
    house: House, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    assert [one.mail for one in listed(house, marieke)] == ["waiting"]
    with house.work() as ctx:
        outbox.settle(ctx, ctx.db.scalars(select(Outbox.id).where(Outbox.kind == "invitation")).one(), "failed")
    house.clock.forward(days=10)
    with house.work() as ctx:
        housekeeping.tidy(ctx)
    assert [one.mail for one in listed(house, marieke)] == ["failed"]


def test_a_sent_mail_stays_sent_when_its_row_is_tidied_away(
    house: House, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    with house.work() as ctx:
        outbox.settle(ctx, ctx.db.scalars(select(Outbox.id).where(Outbox.kind == "invitation")).one(), "sent")
    house.clock.forward(days=3)
    with house.work() as ctx:
        housekeeping.tidy(ctx)
        assert ctx.db.scalar(select(Outbox.id).where(Outbox.kind == "invitation")) is None
    assert [one.mail for one in listed(house, marieke)] == ["sent"]


def test_rows_go_in_the_end(house: House, marieke: Administrator, invite: Callable[..., str]) -> None:
    invite()
    house.clock.forward(days=45)
    with house.work() as ctx:
        housekeeping.tidy(ctx)
    assert listed(house, marieke) == []


def test_every_act_stands_in_the_audit_log(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite(Line("lotte@kantor.example"))
    with house.work() as ctx:
        [sent] = invitations.listing(ctx, marieke)
        invitations.correct(ctx, marieke, sent.id, ADDRESS, public_url=URL)
    with house.work() as ctx:
        [sent] = invitations.listing(ctx, marieke)
        invitations.send_again(ctx, marieke, sent.id, public_url=URL)
    accept(house, tokens(house, worker, "invitation")[0])
    with house.work() as ctx:
        rows = ctx.db.scalars(select(Audit).where(Audit.kind.like("invitation-%")).order_by(Audit.at, Audit.id)).all()
        told = [(row.kind, open_audit(marieke.keys.pair(), row.id, row.sealed_detail)["address"]) for row in rows]
    assert sorted(told) == [
        ("invitation-accepted", ADDRESS),
        ("invitation-sent", ADDRESS),
        ("invitation-sent", "lotte@kantor.example"),
        ("invitation-sent-again", ADDRESS),
        ("invitation-withdrawn", "lotte@kantor.example"),
    ]


# --- references ---


def test_a_reference_is_asked_for_and_administrators_see_it(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    decide(house, reference_label="a-nummer")
    invite(Line(ADDRESS, "Lotte Wiersma", "A-1"))
    [token] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        invited = signup.invited(ctx, token)
        assert (invited.label, invited.reference) == ("a-nummer", "A-1")
    for wrong in ("", "  ", "x" * 65, "A\n1"):
        with pytest.raises(InvalidInput) as refused:
            accept(house, token, reference=wrong)
        assert refused.value.field == "reference"
    new = accept(house, token, reference="  A-123456 ")
    with house.work() as ctx:
        by_name = {one.name: one for one in members.page(ctx, marieke).members}
        assert by_name["Lotte Wiersma"].reference == "A-123456"
        sealed = ctx.db.scalars(select(Member.sealed_reference).where(Member.account == new.root.account)).one()
    assert sealed is not None
    assert b"A-123456" not in sealed


def test_without_a_label_nothing_is_kept(house: House, worker: workers.OwnKey, invite: Callable[..., str]) -> None:
    invite(Line(ADDRESS, "", "A-1"))
    new = accept(house, tokens(house, worker, "invitation")[0], name="Lotte", reference="A-1")
    with house.work() as ctx:
        assert ctx.db.scalars(select(Member.sealed_reference).where(Member.account == new.root.account)).one() is None


# --- races ---


def _at_once(count: int, work: Callable[[], object]) -> tuple[int, list[str]]:
    done, refused = [], []

    def try_once() -> None:
        try:
            work()
            done.append(1)
        except InvalidInput as error:
            refused.append(error.code)
        except Conflict:
            refused.append("conflict")

    for start in range(0, count, 16):
        threads = [threading.Thread(target=try_once) for _ in range(min(16, count - start))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return len(done), refused


def test_of_64_acceptances_at_the_same_moment_one_makes_an_account(
    house: House, worker: workers.OwnKey, invite: Callable[..., str]
) -> None:
    invite()
    [token] = tokens(house, worker, "invitation")
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)

    def join() -> None:
        with house.work() as ctx:
            signup.activate(ctx, token, name="Lotte Wiersma", password=password, language="nl")

    done, refused = _at_once(64, join)
    assert (done, set(refused)) == (1, {"joined"})
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Member)) == 3


def test_accepting_and_withdrawing_at_the_same_moment_one_of_both_wins(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    [token] = tokens(house, worker, "invitation")
    [sent] = listed(house, marieke)
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)
    turn = iter(range(16))

    def act() -> None:
        with house.work() as ctx:
            if next(turn) % 2:
                invitations.withdraw(ctx, marieke, sent.id)
            else:
                signup.activate(ctx, token, name="Lotte", password=password, language="nl")

    done, refused = _at_once(16, act)
    assert (done, len(refused)) == (1, 15)


def test_two_invitations_of_one_address_at_the_same_moment_leave_one(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    _at_once(8, invite)
    assert len(listed(house, marieke)) == 1
    assert len(tokens(house, worker, "invitation")) == 1


# --- what an attacker cannot ---


def test_only_administrators_open_the_list(house: House, marieke: Administrator, invite: Callable[..., str]) -> None:
    invite()
    with house.work() as ctx:
        row = ctx.db.scalars(select(Pending)).one()
        for pair in (house.sanne.mail.pair(), house.sanne.root.identity(), house.marieke.mail.pair()):
            with pytest.raises(CannotOpen):
                open_for_organisation(pair, row.id, row.sealed_for_organisation or b"")
        with pytest.raises(Forbidden):
            administrators.enter(ctx, house.sanne)


def test_neither_address_nor_name_is_readable_at_rest(
    house: House, worker: workers.OwnKey, invite: Callable[..., str]
) -> None:
    invite()
    [token] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        row = ctx.db.execute(text("SELECT * FROM pending")).one()
    stored = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    for secret in (ADDRESS, "Lotte", token):
        assert secret.encode() not in stored


def test_a_row_that_somebody_edited_is_no_invitation(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    """T8: longer life, another state, another organisation, another token: each shows."""
    invite()
    [token] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        sent = invitations.listing(ctx, marieke)[0].id
        invitations.withdraw(ctx, marieke, sent)
    for change in ({"state": "open"}, {"kind": "sign-up"}, {"kind": "sign-up", "state": "open"}):
        with house.work() as ctx:
            ctx.db.execute(update(Pending).values(**change))
        assert refusal(house, token) == "invalid"
        with pytest.raises(InvalidInput):
            accept(house, token)
        with house.work() as ctx:
            ctx.db.execute(update(Pending).values(kind="invitation", state="withdrawn"))


def test_a_planted_row_is_not_listed_and_lets_nobody_in(
    house: House, worker: workers.OwnKey, marieke: Administrator, invite: Callable[..., str]
) -> None:
    """T8: a token of Mallory's own, with everything sealed as it should be, but not with our MAC."""
    invite(Line("mallory@evil.example"))
    [token] = tokens(house, worker, "invitation")
    with house.work() as ctx:
        ctx.db.execute(update(Pending).values(mac=bytes(32)))
    assert listed(house, marieke) == []
    assert refusal(house, token) == "invalid"
    with house.work() as ctx, pytest.raises(NotFound):
        invitations.find(ctx, marieke, ctx.db.scalars(select(Pending.id)).one())


def test_another_organisations_invitation_is_not_found(
    house: House, marieke: Administrator, invite: Callable[..., str]
) -> None:
    invite()
    [sent] = listed(house, marieke)
    with house.work() as ctx:
        row = ctx.db.scalars(select(Pending)).one()
        row.organisation = organisations.create(ctx, "Mallory & Zonen").id
        pending_tokens.sign(ctx, row)
    assert listed(house, marieke) == []
    for act in (invitations.find, invitations.withdraw):
        with house.work() as ctx, pytest.raises(NotFound):
            act(ctx, marieke, sent.id)
