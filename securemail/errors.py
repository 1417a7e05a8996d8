"""The ladder of errors. Each is named by the fact; one table at the edge turns them into answers."""


class SecuremailError(Exception):
    """Something the product expected to go wrong."""


class ConfigError(SecuremailError):
    """Settings are missing or wrong; the message lists every problem, one sentence a line."""


class NotFound(SecuremailError):
    """There is no such thing, or none that this person may know of."""


class Forbidden(SecuremailError):
    """The thing is known to this person, the act is not theirs."""


class Conflict(SecuremailError):
    """Somebody or something else changed it first."""


class StaleKeys(SecuremailError):
    """Keys were replaced while this was read or written: do it again with the new ones.

    No `Conflict`: who answers those has something to tell a person, and this is for the edge to try again.
    """


class Gone(SecuremailError):
    """It was there and has been taken back or has expired."""


class CannotOpen(SecuremailError):
    """A lock did not open: wrong key, wrong place or changed bytes. Which of them is not told."""


class InvalidInput(SecuremailError):
    """A value a person gave cannot be used; `code` says why, the edge has the sentence."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


class TooManyAttempts(SecuremailError):
    """A limit was reached; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"try again in {retry_after} s")
        self.retry_after = retry_after


class Busy(SecuremailError):
    """The machine has no room for this just now; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"busy, try again in {retry_after} s")
        self.retry_after = retry_after
