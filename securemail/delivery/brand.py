"""Whose name stands on a mail: the organisation's, or the product's while there is none that we can believe."""

from dataclasses import dataclass
from typing import Final

from securemail.identity.context import Context
from securemail.identity.initials import initials
from securemail.organisations import organisations, policy

PRODUCT: Final = "Securemail"


@dataclass(frozen=True)
class Brand:
    """What the mail templates show of the organisation; `words` is its own sentence to recipients, empty for none."""

    name: str
    tagline: str = ""
    words: str = ""

    @property
    def mark(self) -> str:
        """What stands on the seal."""
        return initials(self.name)


def current(ctx: Context) -> Brand:
    """The organisation's name, which is what a receiver goes by."""
    row = organisations.first(ctx)
    return Brand(PRODUCT) if row is None else Brand(row.name, words=policy.of(row).mail_words)
