"""Remembered browsers of guests: for thirty days, later messages from the same mailbox open there without a new code.

The browser keeps a secret in a cookie of its own; from it follow, for each mailbox apart, an id and a key pair. Who
passed a link's check on it may leave the public half behind. Its maker takes that into their contact when they next
write to the same person, and locks the new link's key to it. It opens no more than was proved there: a browser that
passed a code by SMS opens links by SMS to the same number, and links without a check; one that gave an agreed password
opens that one link. It is never found by an address, and ends with its link, after thirty days, or when forgotten.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, delete, exists, select, update

from securemail import ids
from securemail.clock import microseconds
from securemail.crypto import cookies
from securemail.crypto import links as locks
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import SessionSecret
from securemail.errors import CannotOpen, NotFound, SecuremailError
from securemail.guests import guest_sessions, links
from securemail.identity.context import Context, Guest, Member
from securemail.mailboxes import epochs
from securemail.mailboxes.keys import UntrustedKey
from securemail.messages import contacts
from securemail.organisations import organisations
from securemail.store import models
from securemail.store.models import GuestDevice, GuestLink, LinkDevice, Mailbox, SessionLink
from securemail.store.statements import NO_SYNC, changed, insert_if_absent

log = logging.getLogger(__name__)

LIVES: Final = timedelta(days=30)
MOST: Final = 10
"""Browsers of one link, and of one contact: whoever has a code could otherwise fill the contact of who wrote."""
_CARRIED: Final = (locks.NONE, locks.SMS)
"""Methods that a browser may carry to later links; an agreed password belongs to one link."""


class MayNotRemember(SecuremailError):
    """The organisation allows no remembered browsers, or this one did not pass the check itself."""


@dataclass(frozen=True)
class Remembered:
    """A browser that opens a link; `here` when it is the one that asks."""

    id: bytes
    created: datetime
    seen: datetime
    expires: datetime
    here: bool = False

    @property
    def key(self) -> str:
        """Its id as forms send it."""
        return ids.to_text(self.id)


@dataclass(frozen=True, repr=False)
class Returning:
    """A remembered browser before a link that it opens."""

    link: GuestLink
    device: Remembered
    opened: MailKeys


def may_remember(ctx: Context, guest: Guest) -> bool:
    """Whether this browser passed the check itself, lately, and the maker's organisation allows to remember it."""
    link, passed = ctx.db.get(GuestLink, guest.link), guest_sessions.state_now(ctx, guest) == cookies.FULL
    return passed and link is not None and _allowed(ctx, link.maker)


def remember(ctx: Context, guest: Guest, secret: SessionSecret | None) -> SessionSecret:
    """Remember the browser of a guest who has passed the check there; its cookie's secret, a new one where it had none.

    Raises:
        MayNotRemember: see the class. A browser that was let in because it is remembered gets no longer time by it.
    """
    link, secret = links.hold_alone(ctx, guest.principal), secret or SessionSecret.new()
    if not may_remember(ctx, guest) or not links.living(link):
        raise MayNotRemember
    device, pair = locks.device_id(secret, link.maker), locks.device_pair(secret, link.maker)
    note = _note(link, guest)
    _make_room(ctx, secret, device, note)
    row = GuestDevice(
        id=device, mailbox=link.maker, link=link.id, method=link.method, created=ctx.now, seen=ctx.now,
        expires=ctx.now + LIVES, public_key=pair.public, sealed_device=locks.seal_device_note(secret, device, note),
    )  # fmt: skip
    row.mac = _sign(ctx, row, note["number"])
    ctx.db.merge(row)
    ctx.db.flush()
    _lock(ctx, row.id, pair.public, guest.mail, link.id)
    _keep_latest(ctx, link.id)
    return secret


def returning(ctx: Context, secret: SessionSecret | None, link: GuestLink) -> Returning | None:
    """The remembered browser with this cookie before a link that it opens; None when it has to give the code."""
    if secret is None:
        return None
    # Before it matters whether the link is open: with an invented cookie, the time would tell.
    device = locks.device_id(secret, link.maker)
    row, lock = ctx.db.get(GuestDevice, device), ctx.db.get(LinkDevice, (link.id, device))
    if row is None or lock is None or row.expires <= ctx.now:
        return None
    if not _open_to_all(link) or not _allowed(ctx, link.maker):
        return None
    try:
        return _opened(ctx, secret, link, row, lock)
    except (CannotOpen, UntrustedKey):
        log.error("alarm: remembered browser %s does not open link %s", device.hex(), link.id.hex())  # noqa: TRY400
        return None


def open_here(ctx: Context, back: Returning, secret: SessionSecret | None) -> SessionSecret:
    """Open the link in this browser; what waits there is marked opened. `secret` is its guest session's, if any.

    Raises:
        NotFound: it was forgotten, or the link ended, a moment ago.
    """
    link = links.hold_alone(ctx, back.link.id)
    lock = select(LinkDevice.link).where(LinkDevice.link == link.id, LinkDevice.device == GuestDevice.id)
    seen = update(GuestDevice).where(GuestDevice.id == back.device.id, lock.exists()).values(seen=ctx.now)
    if not _open_to_all(link) or changed(ctx.db, seen) != 1:
        raise NotFound
    fresh, _session = guest_sessions.open_here(ctx, link, back.opened, secret, state=cookies.RETURNED)
    return fresh


def of_link(ctx: Context, link: GuestLink, secret: SessionSecret | None = None) -> list[Remembered]:
    """The browsers that open a link without a code; the one with this cookie's secret is `here`."""
    here = locks.device_id(secret, link.maker) if secret is not None else b""
    return [_shown(row, here) for _link, row in ctx.db.execute(_rows(ctx, [link.id]))]


def of_links(ctx: Context, maker: Member, of: Collection[bytes]) -> dict[bytes, list[Remembered]]:
    """The browsers that open these links, by link; of links that are the maker's own."""
    shown: dict[bytes, list[Remembered]] = {}
    for link, row in ctx.db.execute(_rows(ctx, of).where(_mine(maker))):
        shown.setdefault(link, []).append(_shown(row, b""))
    return shown


def forget(ctx: Context, guest: Guest, device: bytes) -> None:
    """A guest forgets a browser that opens their link: it opens nothing any more, and what it had open is closed.

    Raises:
        NotFound: no such browser opens this link.
    """
    if ctx.db.get(LinkDevice, (guest.principal, device)) is None:
        raise NotFound
    _forget(ctx, device, but=guest.session)


def forget_by_maker(ctx: Context, maker: Member, link: bytes, device: bytes) -> None:
    """Whoever wrote forgets a browser of the one they wrote to: it opens none of their messages any more.

    Raises:
        NotFound: no such browser opens this link, or it is another's.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, maker.mail)
    row = ctx.db.get_one(GuestLink, link) if ctx.db.get(LinkDevice, (link, device)) is not None else None
    if row is None or row.maker != maker.mailbox:
        raise NotFound
    _forget(ctx, device)
    contact = contacts.find(ctx, maker, links.kept_of(ctx, maker, row).address)
    left = tuple(one for one in contact.devices if one.get("device") != device.hex()) if contact else ()
    if contact is not None and left != contact.devices:
        contacts.write(ctx, maker, replace(contact, devices=left))


def welcome(ctx: Context, maker: Member, link: GuestLink) -> None:
    """Lock a link's key to the browsers that the one it is for had remembered, where its check allows that.

    What guests left behind since is taken into the maker's contact first: only what stands there counts.
    """
    if link.method not in _CARRIED or not _any(ctx, maker) or not _allowed(ctx, maker.mailbox):
        return
    kept = links.kept_of(ctx, maker, link)
    contact = contacts.find(ctx, maker, kept.address)
    if contact is None:
        return
    listed = _taken_in(ctx, maker, contact)
    opened = MailKeys(link.id, locks.EPOCH, kept.dk)
    for one in listed:
        if _carries(one["method"], one["number"], link.method, kept.number):
            _lock(ctx, bytes.fromhex(one["device"]), bytes.fromhex(one["key"]), opened, link.id)


def _taken_in(ctx: Context, maker: Member, contact: contacts.Known) -> tuple[Mapping[str, Any], ...]:
    """The browsers of a contact that count now; the contact is written anew where they changed."""
    known = {str(one["device"]): one for one in contact.devices}
    listed: list[Mapping[str, Any]] = []
    theirs = select(GuestDevice).where(_mine(maker), GuestDevice.expires > ctx.now)
    for row in ctx.db.scalars(theirs.order_by(GuestDevice.seen.desc(), GuestDevice.id)):
        if len(listed) == MOST:
            break
        entry = _entry(ctx, maker, row, contact.address)
        before = known.get(row.id.hex())
        # Id and key follow from one secret: another key under the same id is somebody else's doing.
        if entry is not None and before is not None and before["key"] != entry["key"]:
            log.error("alarm: remembered browser %s is not the one that was taken in", row.id.hex())
        elif entry is not None:
            listed.append(entry)
    listed.sort(key=lambda one: str(one["device"]))
    if tuple(listed) != contact.devices:
        contacts.write(ctx, maker, replace(contact, devices=tuple(listed)))
    return tuple(listed)


def _entry(ctx: Context, maker: Member, row: GuestDevice, address: str) -> dict[str, str] | None:
    """A browser as the contact lists it; None when it is another's, or its row is not as we wrote it."""
    passed = ctx.db.get(GuestLink, row.link)
    if passed is None or passed.maker != maker.mailbox or not links.genuine(ctx, passed) or not links.living(passed):
        return None
    try:
        kept = links.kept_of(ctx, maker, passed)
    except NotFound:
        return None
    if kept.address != address or row.method != passed.method or not _genuine(ctx, row, kept.number):
        return None
    return {
        "device": row.id.hex(), "key": row.public_key.hex(), "link": row.link.hex(), "method": row.method,
        "number": kept.number, "until": row.expires.isoformat(),
    }  # fmt: skip


def _opened(
    ctx: Context, secret: SessionSecret, link: GuestLink, row: GuestDevice, lock: LinkDevice
) -> Returning | None:
    pair = locks.device_pair(secret, link.maker)
    note = locks.open_device_note(secret, row.id, row.sealed_device)
    genuine = row.mailbox == link.maker and row.public_key == pair.public
    if not genuine or not _genuine(ctx, row, str(note["number"])):
        return None
    passed = ctx.db.get(GuestLink, row.link)
    if passed is None or not links.living(passed):
        return None
    opened = links.trusted(ctx, link, locks.open_for_device(pair, lock.sealed_dk, link.id, row.id))
    facts = locks.open_guest(opened.mk, link.id, link.sealed_guest)
    carries = _carries(row.method, str(note["number"]), link.method, str(facts.get("phone", "")))
    return Returning(link, _shown(row, row.id), opened) if carries or row.link == link.id else None


def _carries(method: str, number: str, wanted: str, wanted_number: str) -> bool:
    """Whether a check that was passed stands for another: by SMS the same number, and nothing less than was asked."""
    if wanted == locks.NONE:
        return method in _CARRIED
    return wanted == locks.SMS and method == locks.SMS and number == wanted_number


def _note(link: GuestLink, guest: Guest) -> dict[str, str]:
    facts = locks.open_guest(guest.mail.mk, link.id, link.sealed_guest)
    return {"address": guest.address, "number": str(facts.get("phone", "")), "method": link.method}


def _make_room(ctx: Context, secret: SessionSecret, device: bytes, note: Mapping[str, str]) -> None:
    """Another person on the same browser, or another check: what it opened so far ends here."""
    before = ctx.db.get(GuestDevice, device)
    if before is None:
        return
    try:
        known = locks.open_device_note(secret, device, before.sealed_device)
    except CannotOpen:
        known = {}
    if note["method"] in _CARRIED and all(known.get(key) == value for key, value in note.items()):
        return
    ctx.db.delete(before)
    ctx.db.execute(delete(LinkDevice).where(LinkDevice.device == device), execution_options=NO_SYNC)
    ctx.db.flush()


def _keep_latest(ctx: Context, link: bytes) -> None:
    """Of more browsers than anybody has, those that were there last stay remembered."""
    passed_here = select(GuestDevice.id).where(GuestDevice.link == link)
    older = ctx.db.scalars(passed_here.order_by(GuestDevice.seen.desc(), GuestDevice.id).offset(MOST)).all()
    for statement in (
        delete(LinkDevice).where(LinkDevice.device.in_(older)),
        delete(GuestDevice).where(GuestDevice.id.in_(older)),
    ):
        ctx.db.execute(statement, execution_options=NO_SYNC)


def _lock(ctx: Context, device: bytes, public_key: bytes, opened: MailKeys, link: bytes) -> None:
    sealed = locks.seal_for_device(public_key, opened.mk, link, device)
    insert_if_absent(ctx.db, LinkDevice, {"link": link, "device": device, "sealed_dk": sealed})


def _forget(ctx: Context, device: bytes, *, but: bytes = b"") -> None:
    """Its locks go, and the letters that were opened on the strength of being remembered are closed."""
    opens = ctx.db.scalars(select(LinkDevice.link).where(LinkDevice.device == device)).all()
    # Who comes in on it at this moment is waited for, and then shown out.
    held = select(GuestLink.id).where(GuestLink.id.in_(opens)).order_by(GuestLink.id)
    ctx.db.execute(held.with_for_update(key_share=True))
    theirs = SessionLink.link.in_(opens), SessionLink.state == cookies.RETURNED, SessionLink.session != but
    for statement in (
        delete(SessionLink).where(*theirs),
        delete(LinkDevice).where(LinkDevice.device == device),
        delete(GuestDevice).where(GuestDevice.id == device),
    ):
        ctx.db.execute(statement, execution_options=NO_SYNC)


def _open_to_all(link: GuestLink) -> bool:
    return link.closed is None and link.claimed_by is None and link.locked is None and link.sealed_dk is not None


def _allowed(ctx: Context, mailbox: bytes) -> bool:
    """Whether the organisation of a mailbox lets guests be remembered."""
    organisation = ctx.db.scalar(
        select(models.Member.organisation).join(Mailbox, Mailbox.owner == models.Member.account)
        .where(Mailbox.id == mailbox)
    )  # fmt: skip
    if organisation is None:
        return False
    try:
        return organisations.policy_of(ctx, organisation).remember_devices
    except UntrustedKey:
        return False


def _any(ctx: Context, maker: Member) -> bool:
    return ctx.db.scalar(select(exists(select(GuestDevice.id).where(_mine(maker))))) is True


def _mine(maker: Member) -> ColumnElement[bool]:
    return GuestDevice.mailbox == maker.mailbox


def _rows(ctx: Context, of: Collection[bytes]) -> Select[bytes, GuestDevice]:
    return (
        select(LinkDevice.link, GuestDevice)
        .join(GuestDevice, GuestDevice.id == LinkDevice.device)
        .where(LinkDevice.link.in_(of), GuestDevice.expires > ctx.now)
        .order_by(GuestDevice.created)
    )


def _shown(row: GuestDevice, here: bytes) -> Remembered:
    return Remembered(row.id, row.created, row.seen, row.expires, row.id == here)


def _sign(ctx: Context, row: GuestDevice, number: str) -> bytes:
    return ctx.keys.sign_device(*_facts(row, number))


def _genuine(ctx: Context, row: GuestDevice, number: str) -> bool:
    return ctx.keys.trusts_device(row.mac, *_facts(row, number))


def _facts(row: GuestDevice, number: str) -> tuple[bytes | str | int, ...]:
    return row.id, row.mailbox, row.link, row.method, number, microseconds(row.expires), row.public_key
