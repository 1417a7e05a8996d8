"""Types for secret bytes: they cannot be mistaken for one another and never show themselves in logs or tracebacks."""

import secrets as _generator
from typing import Self

from securemail.errors import CannotOpen


class Secret(bytes):
    """Bytes whose `repr` and `str` say nothing; a subclass per kind of key lets the type checker tell them apart."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)


class _Random32(Secret):
    """A key of 32 random bytes."""

    @classmethod
    def new(cls) -> Self:
        """A fresh key from the operating system's generator."""
        return cls(_generator.token_bytes(32))

    @classmethod
    def opened(cls, content: bytes) -> Self:
        """The key that was in a lock. Everybody can make an E1 lock, so its content may be anything.

        Raises:
            CannotOpen: not 32 bytes.
        """
        if len(content) != 32:
            raise CannotOpen
        return cls(content)


class RootKey(_Random32):
    """RK: opens everything that is an account's own."""


class MailKey(_Random32):
    """MK of a mailbox, or DK of a guest link, which stands in its place."""


class ContentKey(_Random32):
    """CEK: opens one message."""


class PayloadKey(_Random32):
    """Opens one outbox payload."""


class SessionSecret(_Random32):
    """S: the secret in a session cookie."""


class Token(_Random32):
    """A single-use secret that travels in a mail, kept only as a hash."""


class Seed(Secret):
    """32 bytes from which a key pair follows."""


class SymmetricKey(Secret):
    """32 bytes from `derive`, for S1 or a MAC."""


class RecoveryCode(Secret):
    """20 random bytes behind a written recovery code."""

    @classmethod
    def new(cls) -> Self:
        """A fresh code."""
        return cls(_generator.token_bytes(20))


class BackupCode(Secret):
    """5 random bytes behind a written backup code."""

    @classmethod
    def new(cls) -> Self:
        """A fresh code."""
        return cls(_generator.token_bytes(5))


class MessageCode(Secret):
    """16 random bytes behind a written message code."""

    @classmethod
    def new(cls) -> Self:
        """A fresh code."""
        return cls(_generator.token_bytes(16))
