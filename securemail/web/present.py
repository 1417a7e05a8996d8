"""From what the domain gives to what the templates take: people get initials and a tone, ids become text."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

from flask import url_for
from flask_babel import gettext

from securemail import ids
from securemail.identity.context import Correspondent
from securemail.identity.initials import initials
from securemail.messages.drafts import Saved
from securemail.messages.heads import Party
from securemail.messages.listing import ListedMessage
from securemail.messages.reading import Letter
from securemail.messages.receipts import Reader
from securemail.web import viewmodels as views

_TONES: tuple[views.Tone, ...] = (1, 2, 3, 4, 5)
_PLACES: Mapping[str, views.PlaceState] = {
    "waiting": "unread",
    "notified": "unread",
    "bounced": "bounced",
    "opened": "read",
    "revoked": "revoked",
    "gone": "gone",
    "unready": "unready",
    "expired": "expired",
}
Photos = Mapping[bytes, bytes]
"""The ids of photos by the principal (mailbox) whose they are; who is not in it has initials."""
_NO_PHOTOS: Photos = {}


def person(name: str, address: str, photo: bytes | None = None) -> views.Person:
    """Somebody with initials, in a tone that follows from the address, or with a photo."""
    tone = _TONES[hashlib.sha256(address.encode()).digest()[0] % len(_TONES)]
    return views.Person(name, address, initials(name), tone, photo=photo_address(photo))


def photo_address(photo: bytes | None) -> str | None:
    """Where a photo is shown."""
    return None if photo is None else url_for("profile.photo", photo=photo)


def party(who: Party | None, photos: Photos = _NO_PHOTOS) -> views.Person:
    """A sender or receiver; somebody whose name is gone with the message is "the sender"."""
    if who is None:
        return person(gettext("De afzender"), "")
    return person(who.name, who.address, photos.get(who.principal))


def row(listed: ListedMessage, me: Correspondent, photos: Photos = _NO_PHOTOS) -> views.ListRow:
    """One line of a list: the others are named, also where the newest message is one's own."""
    others = [party(other, photos) for other in others_in(listed, me)]
    readers = listed.receipt.readers if listed.receipt else ()
    state: views.RowState = "normal"
    if listed.revoked:
        state = "revoked_own" if listed.own else "revoked_theirs"
    if listed.expired:
        state = "expired"
    return views.ListRow(
        id=ids.to_text(listed.conversation),
        person=others[0],
        names=tuple(other.name for other in others),
        subject=listed.subject,
        first_words=listed.head.snippet if listed.head else "",
        at=listed.at,
        own=listed.own,
        unread=listed.unread,
        state=state,
        receipt=views.Receipt(listed.receipt.opened, len(readers)) if listed.receipt else None,
        waits="help" if listed.asked else _waits({reader.state for reader in readers}),
    )


def _waits(states: Collection[str]) -> views.Waits | None:
    if "bounced" in states or "gone" in states:
        return "bounced"
    return "unready" if "unready" in states else None


def others_in(listed: ListedMessage, me: Correspondent) -> list[Party | None]:
    """Everybody else in a line of a list, oneself when alone; None for a sender who is not known any more."""
    if listed.head is None:
        return [listed.sender]
    parties = {who.principal: who for who in (listed.head.sender, *listed.head.to)}
    others: list[Party | None] = [who for principal, who in parties.items() if principal != me.principal]
    return others or [listed.head.sender]


def letter(
    read: Letter, me: Correspondent, waiting: Collection[int] = (), *, folded: bool = False, photos: Photos = _NO_PHOTOS
) -> views.Letter:
    """One message of a conversation."""
    to = read.head.to if read.head else ()
    return views.Letter(
        id=ids.to_text(read.message),
        sender=party(read.sender, photos),
        names=tuple(who.name for who in to if who.principal != me.principal or read.own),
        at=read.sent_at,
        own=read.own,
        to_me=not read.own and any(who.principal == me.principal for who in to),
        state=read.state,
        body=read.text or "",
        places=_places(to, read.receipt.readers if read.receipt else (), waiting, photos) if read.own else (),
        folded=folded,
    )


def _places(
    to: Sequence[Party], readers: Sequence[Reader], waiting: Collection[int], photos: Photos
) -> tuple[views.Place, ...]:
    return tuple(
        views.Place(
            id=str(reader.place),
            person=party(to[reader.place], photos),
            state="waiting" if reader.state == "waiting" and reader.place in waiting else _PLACES[reader.state],
            read_at=reader.opened_at,
            state_at=reader.at,
            until=reader.expires,
        )
        for reader in readers
        if reader.place < len(to)
    )


def draft_row(saved: Saved) -> views.DraftRow:
    """One draft in the list."""
    return views.DraftRow(
        id=ids.to_text(saved.draft),
        names=tuple(name or address for address, name in saved.content.to),
        subject=saved.content.subject,
        first_words=" ".join(saved.content.text[:400].split())[:140],
        at=saved.changed,
    )
