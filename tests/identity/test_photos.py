"""Photos: whatever is uploaded becomes a small square of pixels, and nothing else."""

import io
import struct
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from securemail import ids
from securemail.errors import InvalidInput, NotFound
from securemail.identity import photos
from securemail.store.models import Account
from tests.house import House

PLACE = b"52.3702 N 4.8952 E, phone of Sanne"


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)  # type: ignore[arg-type]
    return written.getvalue()


def decoded(photo: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(photo))
    image.load()
    return image


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "JPEG"), ("CMYK", "JPEG"), ("L", "JPEG"), ("P", "PNG"), ("RGBA", "PNG"), ("1", "PNG"), ("RGBA", "WEBP")],
)
@pytest.mark.parametrize("size", [(1, 1), (30, 900), (900, 30), (256, 256), (1201, 800)])
def test_every_kind_and_shape_becomes_the_same_square(mode: str, kind: str, size: tuple[int, int]) -> None:
    image = decoded(photos.read(encoded(Image.new(mode, size), kind)))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))


def test_what_a_camera_wrote_is_gone() -> None:
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()
    image = Image.new("RGB", (400, 300), "teal")
    raw = encoded(image, exif=exif, comment=PLACE, icc_profile=PLACE * 20)
    assert PLACE in raw
    photo = photos.read(raw)
    assert PLACE not in photo
    assert not decoded(photo).getexif()
    assert not {"icc_profile", "comment"} & set(decoded(photo).info)


def test_a_photo_taken_sideways_is_turned_upright() -> None:
    image = Image.new("RGB", (400, 400), "red")
    image.paste("blue", (0, 0, 400, 200))  # blue above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    red, _, blue = decoded(photos.read(encoded(image, exif=exif, quality=95))).getpixel((128, 30))  # type: ignore[misc]
    assert red > blue


def test_what_is_transparent_becomes_white() -> None:
    photo = decoded(photos.read(encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG")))
    assert min(photo.getpixel((128, 128))) > 250  # type: ignore[type-var,arg-type]


def test_the_middle_is_kept() -> None:
    image = Image.new("RGB", (900, 300), "black")
    image.paste("white", (300, 0, 600, 300))
    photo = decoded(photos.read(encoded(image)))
    assert all(min(photo.getpixel(at)) > 200 for at in ((20, 20), (235, 235)))  # type: ignore[type-var,arg-type]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be this large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (5_000, 5_000), (2**31 - 1, 1)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput, match=r"photo: (pixels|kind)"):
        photos.read(bomb(*size))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"), (b"x", "kind"), (bytes(6 * 1024 * 1024), "large"), (b"\xff\xd8\xff\xe0" + bytes(99), "kind"),
        (encoded(Image.new("RGB", (9, 9)), "GIF"), "kind"), (encoded(Image.new("RGB", (9, 9)), "TIFF"), "kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "kind"), (bomb(10, 10), "kind"),
    ],
)  # fmt: skip
def test_what_is_no_photo_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(InvalidInput, match=f"photo: {code}"):
        photos.read(raw)


_GENUINE = {kind: encoded(Image.new("RGB", (64, 48), "teal"), kind) for kind in ("JPEG", "PNG", "WEBP")}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(_GENUINE)), st.integers(0, 400), st.binary(min_size=1, max_size=8))
@example("WEBP", 285, b"\x1e\x00.").via("so large that the library warns of it")
def test_damaged_files_are_read_or_refused_and_nothing_else(kind: str, at: int, noise: bytes) -> None:
    raw = bytearray(_GENUINE[kind])
    at %= len(raw)
    raw[at : at + len(noise)] = noise
    try:
        photo = photos.read(bytes(raw))
    except InvalidInput:
        return
    assert decoded(photo).size == (256, 256)


def test_a_photo_opens_for_its_own_account_alone(house: House) -> None:
    with house.work() as ctx:
        hers, his = (photos.keep(ctx, one.owner, one.name.encode()) for one in (house.sanne, house.marieke))
    with house.work() as ctx:
        assert photos.of(ctx, hers) == b"Sanne Kuipers"
        sanne, marieke = (ctx.db.get_one(Account, one.root.account) for one in (house.sanne, house.marieke))
        ctx.db.refresh(sanne, ["sealed_photo"])
        ctx.db.refresh(marieke, ["sealed_photo"])
        sanne.sealed_photo, marieke.sealed_photo = marieke.sealed_photo, sanne.sealed_photo
    with house.work() as ctx:
        for photo in (hers, his, ids.new_id()):
            with pytest.raises(NotFound):
                photos.of(ctx, photo)


def test_those_of_many_come_by_one_query(house: House) -> None:
    with house.work() as ctx:
        hers = photos.keep(ctx, house.sanne.owner, b"face")
    with house.work() as ctx:
        assert photos.by_mailbox(ctx, {house.sanne.mailbox, house.marieke.mailbox}) == {house.sanne.mailbox: hers}
        assert photos.by_mailbox(ctx, set()) == {}
        photos.remove(ctx, house.sanne.owner)
        assert photos.by_mailbox(ctx, {house.sanne.mailbox}) == {}
