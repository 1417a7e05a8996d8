"""The photos of whoever is on a page: their ids, by one query however many people there are."""

from collections.abc import Iterable

from securemail.identity import photos
from securemail.identity.context import Context, Correspondent
from securemail.messages.heads import Party
from securemail.messages.listing import ListedMessage
from securemail.messages.reading import Letter
from securemail.web import present


def of_rows(ctx: Context, rows: Iterable[ListedMessage], me: Correspondent) -> present.Photos:
    """Of those whose picture stands beside a line of a list."""
    return _of(ctx, [present.others_in(listed, me)[0] for listed in rows])


def of_letters(ctx: Context, letters: Iterable[Letter]) -> present.Photos:
    """Of the senders and receivers of letters."""
    return _of(ctx, [who for letter in letters for who in parties(letter)])


def parties(letter: Letter) -> list[Party]:
    """Sender and receivers, as far as they are known."""
    to = letter.head.to if letter.head else ()
    return [who for who in (letter.sender, *to) if who is not None]


def _of(ctx: Context, people: Iterable[Party | None]) -> present.Photos:
    # Guests have no account, hence no photo.
    return photos.by_mailbox(ctx, {who.principal for who in people if who is not None and who.kind == "mailbox"})
