"""Makes pictures small enough for a README: the 256 colours that matter, packed as well as zlib can."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB = 3


def shrink(source: Path, target: Path) -> None:
    """Write a screenshot (8 bits, RGB) again with a palette."""
    width, height, rows = _read(source.read_bytes())
    pixels = [[bytes(row[at : at + _RGB]) for at in range(0, width * _RGB, _RGB)] for row in rows]
    counted = Counter(pixel for row in pixels for pixel in row)
    palette = [colour for colour, _count in counted.most_common(256)]
    index = {colour: _nearest(colour, palette) for colour in counted}
    packed = zlib.compress(b"".join(b"\0" + bytes(index[pixel] for pixel in row) for row in pixels), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", packed), (b"IEND", b""))
    target.write_bytes(_SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts))


def _nearest(colour: bytes, palette: list[bytes]) -> int:
    return min(range(len(palette)), key=lambda at: sum((a - b) ** 2 for a, b in zip(colour, palette[at], strict=True)))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def _read(png: bytes) -> tuple[int, int, list[bytearray]]:
    parts = list(_chunks(png))
    width, height, depth, kind = struct.unpack(">IIBB", parts[0][1][:10])
    if (depth, kind) != (8, 2):
        raise ValueError("not a screenshot in RGB")
    raw = zlib.decompress(b"".join(data for name, data in parts if name == b"IDAT"))
    step, above, rows = width * _RGB, bytearray(width * _RGB), []
    for at in range(0, height * (step + 1), step + 1):
        above = _unfilter(raw[at], bytearray(raw[at + 1 : at + 1 + step]), above)
        rows.append(above)
    return width, height, rows


def _unfilter(kind: int, row: bytearray, above: bytearray) -> bytearray:
    """A row's bytes as they were before its filter, as the PNG specification has it."""
    if kind == 0:
        return row
    for at in range(len(row)):
        left = row[at - _RGB] if at >= _RGB else 0
        corner = above[at - _RGB] if at >= _RGB else 0
        guess = (left, above[at], (left + above[at]) >> 1, _paeth(left, above[at], corner))[kind - 1]
        row[at] = (row[at] + guess) & 255
    return row


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))
