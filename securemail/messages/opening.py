"""From a reader's rows to the content keys of messages, each by the mail key of the epoch that its row names."""

from dataclasses import dataclass, field

from securemail.crypto.keypair import KeyPair
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import ContentKey
from securemail.identity.context import Context
from securemail.mailboxes import epochs


@dataclass(frozen=True, repr=False)
class Opener:
    """Opens what one reader holds, for the length of one verb; key pairs are made when an envelope asks for them.

    Its functions raise `CannotOpen`, and `StaleKeys` when the reader's keys were replaced since they were opened.
    """

    ctx: Context
    mail: MailKeys
    _pairs: dict[int, KeyPair] = field(default_factory=dict)

    def item(self, epoch: int, sealed: bytes, message: bytes) -> ContentKey:
        """The content key of a message that was taken in."""
        return epochs.at(self.ctx, self.mail, epoch).open_item(sealed, message)

    def envelope(self, epoch: int, sealed: bytes, message: bytes) -> ContentKey:
        """The content key of a message as it arrived."""
        keys = epochs.at(self.ctx, self.mail, epoch)
        if epoch not in self._pairs:
            self._pairs[epoch] = keys.pair()
        return keys.open_envelope(self._pairs[epoch], sealed, message)
