"""Photos of members: read from whatever was uploaded, squared, scaled, and kept without what a camera wrote into it."""

import io
import warnings
from typing import Final

from PIL import Image, ImageOps
from sqlalchemy import select, update

from securemail import ids
from securemail.errors import CannotOpen, Conflict, InvalidInput, NotFound
from securemail.identity.context import Context, Owner
from securemail.store.models import Account, Mailbox
from securemail.store.statements import changed

SIDE: Final = 256
"""Pixels: more than twice the largest place that a photo has on a page."""
LARGEST: Final = 5 * 1024 * 1024
MEDIA_TYPE: Final = "image/jpeg"
_MOST_PIXELS: Final = {"JPEG": 50_000_000, "PNG": 16_000_000, "WEBP": 16_000_000}
"""A small file can claim far more and would fill the memory when decoded. A JPEG is decoded at a fraction of its size,
so that the largest cameras have room; the others take four bytes a pixel, twice."""
_QUALITY: Final = 85
_PAPER: Final = (255, 255, 255)


def read(raw: bytes) -> bytes:
    """An uploaded picture as we keep it: a JPEG of 256 by 256 pixels, and nothing in it but the pixels.

    Raises:
        InvalidInput: ('photo', 'empty' | 'large' | 'kind' | 'pixels').
    """
    if not raw:
        raise InvalidInput("photo", "empty")
    if len(raw) > LARGEST:
        raise InvalidInput("photo", "large")
    try:
        # The library warns of what it calls a bomb, already while it opens; the limit below is our own, and stricter.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(raw), formats=tuple(_MOST_PIXELS)) as picture,
        ):
            _bound(picture)
            return _square(picture)
    # What a damaged or hostile file makes the decoders raise; they name no narrower kind.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, MemoryError) as error:
        raise InvalidInput("photo", "kind") from error


def keep(ctx: Context, owner: Owner, photo: bytes) -> bytes:
    """Show this photo (from `read`) from now on; its new id, under which browsers may keep it."""
    photo_id = ids.new_id()
    _write(ctx, owner, photo_id, ctx.keys.seal_photo(owner.account, photo))
    return photo_id


def remove(ctx: Context, owner: Owner) -> None:
    """Show initials again."""
    _write(ctx, owner, None, None)


def of(ctx: Context, photo: bytes) -> bytes:
    """The picture with an id: a JPEG.

    Raises:
        NotFound: there is none, or it was replaced.
    """
    row = ctx.db.execute(select(Account.id, Account.sealed_photo).where(Account.photo == photo)).first()
    if row is None or row.sealed_photo is None:
        raise NotFound
    try:
        return ctx.keys.open_photo(row.id, row.sealed_photo)
    except CannotOpen as error:
        raise NotFound from error


def by_mailbox(ctx: Context, mailboxes: set[bytes]) -> dict[bytes, bytes]:
    """The ids of the photos of those mailboxes' owners who have one: one query, nothing opened."""
    if not mailboxes:
        return {}
    rows = ctx.db.execute(
        select(Mailbox.id, Account.photo)
        .join(Account, Account.id == Mailbox.owner)
        .where(Mailbox.id.in_(mailboxes), Account.photo.is_not(None))
    )
    return {mailbox: photo for mailbox, photo in rows if photo is not None}


def _bound(picture: Image.Image) -> None:
    if picture.width * picture.height > _MOST_PIXELS[picture.format or "PNG"]:
        raise InvalidInput("photo", "pixels")


def _square(picture: Image.Image) -> bytes:
    picture.draft("RGB", (2 * SIDE, 2 * SIDE))
    turned = ImageOps.exif_transpose(picture)
    small = ImageOps.fit(_on_paper(turned), (SIDE, SIDE), Image.Resampling.LANCZOS)
    # Only the pixels are copied: no place, no camera, no thumbnail of what was cut off.
    clean = Image.new("RGB", small.size)
    clean.paste(small)
    written = io.BytesIO()
    clean.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()


def _on_paper(picture: Image.Image) -> Image.Image:
    """What is transparent becomes white: a JPEG has no holes."""
    layers = picture.convert("RGBA")
    paper = Image.new("RGB", layers.size, _PAPER)
    paper.paste(layers, mask=layers.getchannel("A"))
    return paper


def _write(ctx: Context, owner: Owner, photo: bytes | None, sealed: bytes | None) -> None:
    written = update(Account).where(Account.id == owner.account, Account.state == "active")
    if changed(ctx.db, written.values(photo=photo, sealed_photo=sealed)) != 1:
        raise Conflict
