"""The mail key of a mailbox and everything that hangs on it: key pair, envelopes, items, drafts, contacts, links.

After a rotation the older key hangs on the newer one (the chain) until nothing is locked to the older any more.

For a guest link, its DK stands where the MK of epoch 1 stands: one code path for every receiver.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from securemail.crypto.encoding import decode_content, encode_content
from securemail.crypto.keypair import KeyPair, key_pair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, lock, lock_to, unlock, unlock_with
from securemail.crypto.secrets import ContentKey, MailKey, Seed, SymmetricKey
from securemail.errors import CannotOpen


def seal_grant(
    public_key: bytes, mk: MailKey, *, mailbox: bytes, epoch: int, grantee: bytes, grant: bytes, rights: str
) -> bytes:
    """The mail key locked to a holder's key."""
    return lock_to(public_key, mk, Label.GRANT_MK, mailbox, epoch, grantee, grant, rights)


def open_grant(
    pair: KeyPair, sealed: bytes, *, mailbox: bytes, epoch: int, grantee: bytes, grant: bytes, rights: str
) -> MailKey:
    """Raises `CannotOpen` when the grant is another's, or not what its row says."""
    return MailKey.opened(unlock_with(pair, sealed, Label.GRANT_MK, mailbox, epoch, grantee, grant, rights))


def seal_envelope(public_key: bytes, cek: ContentKey, message: bytes, principal: bytes, epoch: int) -> bytes:
    """A content key for a receiver who is not here: a mailbox or a guest link."""
    return lock_to(public_key, cek, Label.ENVELOPE_CEK, message, principal, epoch)


@dataclass(frozen=True, repr=False)
class MailKeys:
    """An opened mail key of one epoch; `principal` is the mailbox, or the guest link with epoch 1.

    `older` are the keys of earlier epochs that the chain still opens, newest first.
    """

    principal: bytes
    epoch: int
    mk: MailKey
    older: tuple["MailKeys", ...] = ()

    def __repr__(self) -> str:
        return "<MailKeys>"

    def at(self, epoch: int) -> "MailKeys":
        """The key of an epoch, for rows that were not locked anew yet.

        Raises:
            CannotOpen: an epoch that the chain does not reach: locked for good, or written by somebody else.
        """
        for keys in (self, *self.older):
            if keys.epoch == epoch:
                return keys
        raise CannotOpen

    @property
    def epochs(self) -> tuple[int, ...]:
        """Every epoch whose rows open, newest first."""
        return tuple(keys.epoch for keys in (self, *self.older))

    def seal_previous(self, previous: "MailKeys") -> bytes:
        """The chain: the key of the epoch before, for whoever has this one."""
        return lock(self._chain_key(), previous.mk, Label.CHAIN_MK, self.principal, self.epoch)

    def open_previous(self, sealed: bytes) -> MailKey:
        """Raises `CannotOpen` when it is not this mailbox's chain of this epoch."""
        return MailKey.opened(unlock(self._chain_key(), sealed, Label.CHAIN_MK, self.principal, self.epoch))

    def pair(self) -> KeyPair:
        """The receiving key pair. Counts only when its public half is the published one of this epoch."""
        return self._pair

    def open_envelope(self, pair: KeyPair, sealed: bytes, message: bytes) -> ContentKey:
        """The content key in an envelope to `pair`, this principal's key pair.

        Raises:
            CannotOpen: an envelope for another receiver, message or epoch.
        """
        return ContentKey.opened(unlock_with(pair, sealed, Label.ENVELOPE_CEK, message, self.principal, self.epoch))

    def seal_item(self, cek: ContentKey, message: bytes) -> bytes:
        """A content key taken in: listing then costs no public-key work."""
        return lock(self._items_key, cek, Label.ITEM_CEK, self.principal, self.epoch, message)

    def open_item(self, sealed: bytes, message: bytes) -> ContentKey:
        """Raises `CannotOpen` when it is not this mailbox's item for that message."""
        key = self._items_key
        return ContentKey.opened(unlock(key, sealed, Label.ITEM_CEK, self.principal, self.epoch, message))

    def seal_draft(self, draft: bytes, revision: int, content: Mapping[str, Any]) -> bytes:
        """A draft; the revision is bound, so an older state cannot pass for a newer one."""
        key = self._drafts_key()
        return lock(key, encode_content(content), Label.DRAFT, self.principal, self.epoch, draft, revision)

    def open_draft(self, draft: bytes, revision: int, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when it is not this mailbox's draft in this revision."""
        key = self._drafts_key()
        return decode_content(unlock(key, sealed, Label.DRAFT, self.principal, self.epoch, draft, revision))

    def seal_contact(self, contact: bytes, content: Mapping[str, Any]) -> bytes:
        """A contact: address, name, language."""
        key = self._contacts_key()
        return lock(key, encode_content(content), Label.CONTACT, self.principal, self.epoch, contact)

    def open_contact(self, contact: bytes, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when it is not this mailbox's contact."""
        key = self._contacts_key()
        return decode_content(unlock(key, sealed, Label.CONTACT, self.principal, self.epoch, contact))

    def seal_maker(self, link: bytes, content: Mapping[str, Any]) -> bytes:
        """What the maker of a guest link keeps of it: address, name, language and the link's code."""
        key = self._links_key()
        return lock(key, encode_content(content), Label.LINK_MAKER, self.principal, self.epoch, link)

    def open_maker(self, link: bytes, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when this mailbox did not make that link."""
        key = self._links_key()
        return decode_content(unlock(key, sealed, Label.LINK_MAKER, self.principal, self.epoch, link))

    @cached_property  # as the next
    def _pair(self) -> KeyPair:
        return key_pair(Seed(derive(self.mk, Label.MAIL_KEM, self.principal, self.epoch)))

    @cached_property  # fifty rows ask for it; it goes with this object, at the end of the request
    def _items_key(self) -> SymmetricKey:
        return derive(self.mk, Label.MAIL_ITEMS, self.principal, self.epoch)

    def _drafts_key(self) -> SymmetricKey:
        return derive(self.mk, Label.MAIL_DRAFTS, self.principal, self.epoch)

    def _contacts_key(self) -> SymmetricKey:
        return derive(self.mk, Label.MAIL_CONTACTS, self.principal, self.epoch)

    def _chain_key(self) -> SymmetricKey:
        return derive(self.mk, Label.MAIL_CHAIN, self.principal, self.epoch)

    def _links_key(self) -> SymmetricKey:
        return derive(self.mk, Label.MAIL_LINKS, self.principal, self.epoch)
