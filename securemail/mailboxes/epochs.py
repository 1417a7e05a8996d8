"""Epochs of mail keys: whoever writes under one holds it until the commit, and whoever reads reaches the older ones.

A rotation holds the mailbox's row exclusively while it moves the epoch. Writers hold the row shared, so that nothing is
ever written under an epoch that is over; the loser does it again with the new key.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from sqlalchemy import and_, select

from securemail.crypto.keypair import KeyPair
from securemail.crypto.locks import same
from securemail.crypto.mailkeys import MailKeys
from securemail.errors import CannotOpen, StaleKeys
from securemail.identity.context import Context
from securemail.mailboxes import keys
from securemail.store.models import Mailbox, MailChain, PrincipalKey

log = logging.getLogger(__name__)

Opened = TypeVar("Opened")
NEVER: Final = 0
"""The epoch of what opens with no key: damaged, and not tried again."""


@dataclass(frozen=True)
class _Link:
    """One link of the chain, and the published key that it has to lead to."""

    chain: MailChain
    key: PrincipalKey | None


def hold(ctx: Context, *mine: MailKeys, others: Collection[bytes] = ()) -> dict[bytes, int]:
    """The current epochs of mailboxes, their rows held shared until the commit; without those that are closed.

    `mine` are keys to write with (those of guest links are no mailbox's, and pass); `others` are ids to write to.

    Raises:
        StaleKeys: the mailbox of one of these keys is further on.
    """
    wanted = {mail.principal for mail in mine} | set(others)
    rows = ctx.db.execute(
        select(Mailbox.id, Mailbox.mk_epoch).where(Mailbox.id.in_(wanted), Mailbox.closed.is_(None))
        .order_by(Mailbox.id).with_for_update(read=True)
    ).all()  # fmt: skip
    current: dict[bytes, int] = {row.id: row.mk_epoch for row in rows}
    if any(current.get(mail.principal, mail.epoch) != mail.epoch for mail in mine):
        raise StaleKeys
    return current


def at(ctx: Context, mail: MailKeys, epoch: int) -> MailKeys:
    """The key that a row names.

    Raises:
        CannotOpen: no key reaches that epoch.
        StaleKeys: the mailbox's keys were replaced since they were opened for this request.
    """
    if epoch > mail.epoch:
        keys.require_unmoved(ctx, "mailbox", mail.principal, mail.epoch)
    return mail.at(epoch)


def with_older(ctx: Context, mail: MailKeys) -> MailKeys:
    """The same keys with those of earlier epochs, as far as the chain leads: each counts only when we published it."""
    links = _links(ctx, mail)
    older: list[MailKeys] = []
    newer, link = mail, links.get(mail.epoch)
    while link is not None:
        previous = _previous(ctx, newer, link)
        if previous is None:
            log.error("alarm: the chain of mailbox %s is broken at epoch %d", mail.principal.hex(), newer.epoch)
            break
        older.append(previous)
        newer, link = previous, links.get(previous.epoch)
    return replace(mail, older=tuple(older))


def open_with_any(mail: MailKeys, opening: Callable[[KeyPair], Opened]) -> Opened:
    """Open a lock to a mailbox's key pair whose row does not name its epoch: an audit detail, a member's reference.

    Raises:
        CannotOpen: none of the keys opens it.
    """
    for one in (mail, *mail.older):
        try:
            return opening(one.pair())
        except CannotOpen:
            continue
    raise CannotOpen


def _links(ctx: Context, mail: MailKeys) -> dict[int, _Link]:
    # With one statement: a re-lock that ends at this moment deletes both rows.
    rows = ctx.db.execute(
        select(MailChain, PrincipalKey)
        .outerjoin(
            PrincipalKey,
            and_(PrincipalKey.principal == MailChain.mailbox, PrincipalKey.epoch == MailChain.epoch - 1),
        )
        .where(MailChain.mailbox == mail.principal, MailChain.epoch <= mail.epoch)
    )
    return {row.MailChain.epoch: _Link(row.MailChain, row.PrincipalKey) for row in rows}


def _previous(ctx: Context, newer: MailKeys, link: _Link) -> MailKeys | None:
    if link.key is None or not keys.genuine(ctx, "mailbox", link.key):
        return None
    try:
        previous = MailKeys(newer.principal, newer.epoch - 1, newer.open_previous(link.chain.sealed_prev))
    except CannotOpen:
        return None
    return previous if same(previous.pair().public, link.key.public_key) else None
