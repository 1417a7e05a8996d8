"""Addresses as people type and paste them: separated by what comes to hand, with or without a name before them."""

import re

_MOST = 100_000
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")


def take_apart(text: str) -> list[tuple[str, str]]:
    """(address, name) pairs from a typed list; nothing is judged here, and nothing typed is dropped.

    Commas, semicolons and line breaks separate, except inside double quotes: `"Bakker, Jan" <jan@example.org>`.
    """
    return [pair for part in _parts(text[:_MOST]) if (pair := _pair(part)) != ("", "")]


def _parts(text: str) -> list[str]:
    parts, begin, quoted = [], 0, False
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        # A line break separates in any case: one stray quote must not swallow a whole pasted list.
        if character in "\r\n" or (character in ",;" and not quoted):
            parts.append(text[begin:place])
            begin, quoted = place + 1, False
    return [*parts, text[begin:]]


def _pair(part: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(part.strip())
    if named is None:
        return part.strip().strip('"').strip(), ""
    return named["address"].strip(), named["name"].strip().strip('"').strip()
