"""Every table, one file per area; importing this package registers them all."""

from securemail.store.models.delivery import Outbox, OutboxLock, WorkerKey
from securemail.store.models.guests import GuestDevice, GuestLink, Help, LinkDevice, SessionLink
from securemail.store.models.identity import Account, Attempt, BrowserSession, Pending, Unlocker
from securemail.store.models.mailboxes import Address, Contact, Mailbox, MailChain, MailGrant, PrincipalKey
from securemail.store.models.messages import Conversation, Draft, Envelope, Item, Message, Recipient, Thread
from securemail.store.models.organisations import Audit, Member, Organisation

__all__ = [
    "Account",
    "Address",
    "Attempt",
    "Audit",
    "BrowserSession",
    "Contact",
    "Conversation",
    "Draft",
    "Envelope",
    "GuestDevice",
    "GuestLink",
    "Help",
    "Item",
    "LinkDevice",
    "MailChain",
    "MailGrant",
    "Mailbox",
    "Member",
    "Message",
    "Organisation",
    "Outbox",
    "OutboxLock",
    "Pending",
    "PrincipalKey",
    "Recipient",
    "SessionLink",
    "Thread",
    "Unlocker",
    "WorkerKey",
]
