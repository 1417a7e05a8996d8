"""Headers as they go over the wire to servers that know ASCII alone: foreign letters in encoded words (RFC 2047).

The library's own folding cuts within an encoded word where little is left of a line, and loses spaces between two: a
mail from Zoë would come with a subject that no program can read.
"""

from email.header import Header
from email.headerregistry import AddressHeader
from email.policy import EmailPolicy
from typing import Any, Final

_CRLF: Final = "\r\n"


class AsciiPolicy(EmailPolicy):
    """`email.policy.SMTP`, with encoded words of whole characters."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"linesep": _CRLF, **settings})

    def fold_binary(self, name: str, value: Any) -> bytes:
        """One header with its line ends."""
        if str(value).isascii():
            return super().fold_binary(name, value)
        return f"{name}: {_words(name, value)}{_CRLF}".encode("ascii")


def _words(name: str, value: Any) -> str:
    if not isinstance(value, AddressHeader):
        return _encoded(name, str(value))
    mailboxes = (f"{_encoded(name, one.display_name)}{_CRLF} <{one.addr_spec}>" for one in value.addresses)
    return f",{_CRLF} ".join(mailboxes)


def _encoded(name: str, text: str) -> str:
    return Header(text, charset="utf-8", header_name=name).encode(linesep=_CRLF)
