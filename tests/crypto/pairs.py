"""The table of all sealing and opening functions. Whoever adds a pair adds a line, and gets all tests of exchange."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from securemail.crypto import content, cookies, links, locks, mailkeys, notes, unlock
from securemail.crypto.labels import Label
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.unlock import RootKeys
from tests.crypto.places import Place

WORDS = {"subject": "Uitslag van het onderzoek", "é": [1, 2, 3]}


@dataclass(frozen=True)
class Pair:
    """`seal` and `open` are the names of the functions; the callables put the values of a place in them."""

    seal: str
    open: str
    public_key: bool
    locking: Callable[[Place], bytes]
    opening: Callable[[Place, bytes], Any]
    content: Callable[[Place], Any]

    def __str__(self) -> str:
        return self.seal


def _words(_place: Place) -> dict[str, Any]:
    return WORDS | {"v": 1}


def _root(p: Place) -> RootKeys:
    return RootKeys(p.account, p.epoch, p.rk)


def _mail(p: Place) -> MailKeys:
    return MailKeys(p.mailbox, p.epoch, p.mk)


def _grant(p: Place) -> dict[str, Any]:
    return {"mailbox": p.mailbox, "epoch": p.epoch, "grantee": p.grantee, "grant": p.grant, "rights": p.rights}


def _session(p: Place) -> dict[str, Any]:
    return {"session": p.session, "account": p.account, "state": p.state}


def _guest_session(p: Place) -> dict[str, Any]:
    return {"session": p.session, "link": p.link, "state": p.state}


PAIRS = [
    Pair("locks.lock", "locks.unlock", False,
         lambda p: locks.lock(p.key, b"content", Label.CONTACT, p.mailbox, p.epoch),
         lambda p, sealed: locks.unlock(p.key, sealed, Label.CONTACT, p.mailbox, p.epoch), lambda p: b"content"),
    Pair("locks.lock_to", "locks.unlock_with", True,
         lambda p: locks.lock_to(p.pair.public, b"content", Label.AUDIT, p.mailbox, p.epoch),
         lambda p, sealed: locks.unlock_with(p.pair, sealed, Label.AUDIT, p.mailbox, p.epoch), lambda p: b"content"),
    Pair("configured.ConfiguredKeys.seal_entry", "configured.ConfiguredKeys.open_entry", False,
         lambda p: p.configured.seal_entry(p.account, WORDS),
         lambda p, sealed: p.configured.open_entry(p.account, sealed), _words),
    Pair("configured.ConfiguredKeys.seal_address", "configured.ConfiguredKeys.open_address", False,
         lambda p: p.configured.seal_address(p.mailbox, WORDS),
         lambda p, sealed: p.configured.open_address(p.mailbox, sealed), _words),
    Pair("configured.ConfiguredKeys.seal_photo", "configured.ConfiguredKeys.open_photo", False,
         lambda p: p.configured.seal_photo(p.account, b"image"),
         lambda p, sealed: p.configured.open_photo(p.account, sealed), lambda p: b"image"),
    Pair("content.seal_head", "content.open_head", False,
         lambda p: content.seal_head(p.cek, p.message, WORDS),
         lambda p, sealed: content.open_head(p.cek, p.message, sealed), _words),
    Pair("content.seal_body", "content.open_body", False,
         lambda p: content.seal_body(p.cek, p.message, WORDS),
         lambda p, sealed: content.open_body(p.cek, p.message, sealed), _words),
    Pair("cookies.seal_session_root_key", "cookies.open_session_root_key", False,
         lambda p: cookies.seal_session_root_key(p.cookie, p.rk, **_session(p)),
         lambda p, sealed: cookies.open_session_root_key(p.cookie, sealed, **_session(p)), lambda p: p.rk),
    Pair("cookies.seal_session_link_key", "cookies.open_session_link_key", False,
         lambda p: cookies.seal_session_link_key(p.cookie, p.dk, **_guest_session(p)),
         lambda p, sealed: cookies.open_session_link_key(p.cookie, sealed, **_guest_session(p)), lambda p: p.dk),
    Pair("cookies.seal_challenge", "cookies.open_challenge", False,
         lambda p: cookies.seal_challenge(p.cookie, WORDS, session=p.session, holder=p.account),
         lambda p, sealed: cookies.open_challenge(p.cookie, sealed, session=p.session, holder=p.account), _words),
    Pair("links.seal_link_key", "links.open_link_key", False,
         lambda p: links.seal_link_key(p.code, p.dk, p.link, p.method),
         lambda p, sealed: links.open_link_key(p.code, sealed, p.link, p.method), lambda p: p.dk),
    Pair("links.seal_hint", "links.open_hint", False,
         lambda p: links.seal_hint(p.code, p.link, "Onze eerste ontmoeting"),
         lambda p, sealed: links.open_hint(p.code, p.link, sealed), lambda _: "Onze eerste ontmoeting"),
    Pair("links.seal_for_device", "links.open_for_device", True,
         lambda p: links.seal_for_device(p.pair.public, p.dk, p.link, p.holder),
         lambda p, sealed: links.open_for_device(p.pair, sealed, p.link, p.holder), lambda p: p.dk),
    Pair("links.seal_device_note", "links.open_device_note", False,
         lambda p: links.seal_device_note(p.cookie, p.holder, WORDS),
         lambda p, sealed: links.open_device_note(p.cookie, p.holder, sealed), _words),
    Pair("cookies.seal_session_code", "cookies.open_session_code", False,
         lambda p: cookies.seal_session_code(p.cookie, p.code, session=p.session, link=p.link),
         lambda p, sealed: cookies.open_session_code(p.cookie, sealed, session=p.session, link=p.link),
         lambda p: p.code),
    Pair("cookies.seal_link_challenge", "cookies.open_link_challenge", False,
         lambda p: cookies.seal_link_challenge(p.cookie, WORDS, session=p.session, link=p.link),
         lambda p, sealed: cookies.open_link_challenge(p.cookie, sealed, session=p.session, link=p.link), _words),
    Pair("links.seal_guest", "links.open_guest", False,
         lambda p: links.seal_guest(p.dk, p.link, WORDS),
         lambda p, sealed: links.open_guest(p.dk, p.link, sealed), _words),
    Pair("mailkeys.seal_grant", "mailkeys.open_grant", True,
         lambda p: mailkeys.seal_grant(p.pair.public, p.mk, **_grant(p)),
         lambda p, sealed: mailkeys.open_grant(p.pair, sealed, **_grant(p)), lambda p: p.mk),
    # Which mail key the opener holds does not matter here: `pair` is what opens.
    Pair("mailkeys.seal_envelope", "mailkeys.MailKeys.open_envelope", True,
         lambda p: mailkeys.seal_envelope(p.pair.public, p.cek, p.message, p.mailbox, p.epoch),
         lambda p, sealed: MailKeys(p.mailbox, p.epoch, mailkeys.MailKey(32)).open_envelope(p.pair, sealed, p.message),
         lambda p: p.cek),
    Pair("mailkeys.MailKeys.seal_item", "mailkeys.MailKeys.open_item", False,
         lambda p: _mail(p).seal_item(p.cek, p.message),
         lambda p, sealed: _mail(p).open_item(sealed, p.message), lambda p: p.cek),
    Pair("mailkeys.MailKeys.seal_draft", "mailkeys.MailKeys.open_draft", False,
         lambda p: _mail(p).seal_draft(p.draft, p.revision, WORDS),
         lambda p, sealed: _mail(p).open_draft(p.draft, p.revision, sealed), _words),
    Pair("mailkeys.MailKeys.seal_contact", "mailkeys.MailKeys.open_contact", False,
         lambda p: _mail(p).seal_contact(p.contact, WORDS),
         lambda p, sealed: _mail(p).open_contact(p.contact, sealed), _words),
    Pair("mailkeys.MailKeys.seal_maker", "mailkeys.MailKeys.open_maker", False,
         lambda p: _mail(p).seal_maker(p.link, WORDS),
         lambda p, sealed: _mail(p).open_maker(p.link, sealed), _words),
    Pair("mailkeys.MailKeys.seal_previous", "mailkeys.MailKeys.open_previous", False,
         lambda p: _mail(p).seal_previous(MailKeys(p.mailbox, p.epoch - 1, p.dk)),
         lambda p, sealed: _mail(p).open_previous(sealed), lambda p: p.dk),
    Pair("notes.seal_pending", "notes.open_pending", False,
         lambda p: notes.seal_pending(p.token, p.pending, WORDS),
         lambda p, sealed: notes.open_pending(p.token, p.pending, sealed), _words),
    Pair("notes.seal_for_organisation", "notes.open_for_organisation", True,
         lambda p: notes.seal_for_organisation(p.pair.public, p.pending, WORDS),
         lambda p, sealed: notes.open_for_organisation(p.pair, p.pending, sealed), _words),
    Pair("notes.seal_reference", "notes.open_reference", True,
         lambda p: notes.seal_reference(p.pair.public, p.account, WORDS),
         lambda p, sealed: notes.open_reference(p.pair, p.account, sealed), _words),
    Pair("notes.seal_payload", "notes.open_payload", False,
         lambda p: notes.seal_payload(p.payload_key, p.outbox, WORDS),
         lambda p, sealed: notes.open_payload(p.payload_key, p.outbox, sealed), _words),
    Pair("notes.seal_payload_key", "notes.open_payload_key", True,
         lambda p: notes.seal_payload_key(p.pair.public, p.payload_key, p.outbox, p.holder, p.epoch),
         lambda p, sealed: notes.open_payload_key(p.pair, sealed, p.outbox, p.holder, p.epoch),
         lambda p: p.payload_key),
    Pair("notes.seal_audit", "notes.open_audit", True,
         lambda p: notes.seal_audit(p.pair.public, p.audit, WORDS),
         lambda p, sealed: notes.open_audit(p.pair, p.audit, sealed), _words),
    Pair("unlock.seal_root_key", "unlock.open_root_key", True,
         lambda p: unlock.seal_root_key(p.pair.public, p.rk, p.account, p.epoch, p.unlocker, p.kind),
         lambda p, sealed: unlock.open_root_key(p.pair, sealed, p.account, p.epoch, p.unlocker, p.kind),
         lambda p: p.rk),
    Pair("unlock.RootKeys.seal_vault", "unlock.RootKeys.open_vault", False,
         lambda p: _root(p).seal_vault(p.revision, WORDS),
         lambda p, sealed: _root(p).open_vault(p.revision, sealed), _words),
    Pair("unlock.RootKeys.seal_device", "unlock.RootKeys.open_device", False,
         lambda p: _root(p).seal_device(p.session, WORDS),
         lambda p, sealed: _root(p).open_device(p.session, sealed), _words),
    # The account is no part of this context: the root key is the account's alone, the mailbox is named.
    Pair("unlock.RootKeys.seal_holders", "unlock.RootKeys.open_holders", False,
         lambda p: RootKeys(bytes(16), p.epoch, p.rk).seal_holders(p.mailbox, WORDS),
         lambda p, sealed: RootKeys(bytes(16), p.epoch, p.rk).open_holders(p.mailbox, sealed), _words),
    Pair("unlock.seal_organisation_holders", "unlock.open_organisation_holders", False,
         lambda p: unlock.seal_organisation_holders(p.mk, p.mailbox, p.epoch, WORDS),
         lambda p, sealed: unlock.open_organisation_holders(p.mk, p.mailbox, p.epoch, sealed), _words),
]  # fmt: skip
