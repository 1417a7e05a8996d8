"""Browsers that log in: the vault remembers them, and its owner is told by mail of one that it does not know."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.crypto.unlock import RootKeys
from securemail.delivery import outbox
from securemail.identity import vault
from securemail.identity.context import Context
from securemail.identity.vault import Device, Vault
from securemail.mailboxes import directory
from securemail.mailboxes.directory import Entry
from securemail.store.models import Mailbox


@dataclass(frozen=True, repr=False)
class Browser:
    """A browser: the secret in its device cookie, and its words for the owner ("browser", "network")."""

    device: SessionSecret
    about: Mapping[str, str] = field(default_factory=dict)


def note(ctx: Context, root: RootKeys, kept: Vault, browser: Browser) -> Vault:
    """Remember a browser that has just logged in, and mail its owner when it is new to them.

    Where no browser was noted before there is nothing to compare with: that is the very first log-in, which nobody
    needs to be told of.
    """
    name = cookies.device_id(browser.device, root.account).hex()
    known = next((device for device in kept.devices if device.id == name), None)
    if known is not None and known.seen[:10] == ctx.now.date().isoformat():
        return kept
    if known is None and kept.devices:
        _tell(ctx, root, browser)
    seen = ctx.now.isoformat(timespec="seconds")
    first = seen if known is None else known.first
    device = Device(name, browser.about.get("browser", ""), first, seen)
    return vault.change(ctx, root, lambda now: now.with_device(device))


def entry_of(ctx: Context, account: bytes) -> Entry | None:
    """The directory's entry of an account's own mailbox."""
    own = select(Mailbox.id).where(Mailbox.owner == account, Mailbox.kind == "personal")
    mailbox = ctx.db.scalar(own)
    return None if mailbox is None else directory.of_mailbox(ctx, mailbox)


def warn(ctx: Context, account: bytes, kind: str, about: Mapping[str, str]) -> None:
    """Mail the owner of an account what happened, when, in which browser and from which network."""
    entry = entry_of(ctx, account)
    if entry is None:
        return
    payload = {
        "to": entry.address, "name": entry.name, "language": entry.language, "zone": entry.zone,
        "sent": ctx.now.isoformat(), "browser": about.get("browser", ""), "network": about.get("network", ""),
    }  # fmt: skip
    outbox.add_sealed(ctx, kind, payload, mailbox=entry.mailbox, epoch=entry.epoch)


def _tell(ctx: Context, root: RootKeys, browser: Browser) -> None:
    warn(ctx, root.account, "new_device", browser.about)
