"""Handing an SMS to whoever sends it: one provider by setting, each in a module of its own."""

from typing import Protocol

from securemail.config_sms import Sms as Provider
from securemail.config_sms import TwilioSms
from securemail.delivery.sms_text import Sms
from securemail.delivery.smtp import PermanentFailure, Result

NO_PROVIDER = 0
"""In place of a provider's code."""


class SmsTransport(Protocol):
    """A provider. Used by one thread; nothing that it says reaches a log, because providers repeat the number."""

    def send(self, sms: Sms) -> Result:
        """Hand over one SMS. Never raises for what a provider or the network does."""

    def close(self) -> None:
        """Let go of connections; the next `send` makes new ones."""


class NoProvider:
    """SMS are not offered: what still waits from a time when they were goes nowhere."""

    def send(self, sms: Sms) -> Result:
        """Refuse."""
        return PermanentFailure(NO_PROVIDER)

    def close(self) -> None:
        """There is nothing to close."""


def transport_of(provider: Provider | None) -> SmsTransport:
    """The transport that the settings name."""
    if provider is None:
        return NoProvider()
    if isinstance(provider, TwilioSms):
        # Imported where it is used: no other process needs the SDK.
        from securemail.delivery.sms_twilio import TwilioTransport

        return TwilioTransport(provider)
    from securemail.delivery.sms_webhook import WebhookTransport

    return WebhookTransport(provider)
