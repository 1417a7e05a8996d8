"""SMS through Twilio's REST API, by its own SDK: POST /2010-04-01/Accounts/{AccountSid}/Messages.json.

Source of the codes: https://www.twilio.com/docs/api/errors.
"""

import logging
from typing import Final

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from securemail.config_sms import TwilioSms
from securemail.delivery.sms_text import Sms
from securemail.delivery.smtp import Delivered, PermanentFailure, Result, TemporaryFailure

_TRY_AGAIN: Final = frozenset({408, 425, 429})
_TOO_MANY: Final = frozenset({14107, 20429, 21611, 30001, 30022})
"""Twilio's own codes for going too fast or a full queue; they may come with a plain 400."""
_KEPT_SECONDS: Final = 600
"""How long it may lie in Twilio's own queue, where ten hours are possible: a late code only confuses."""
_NEVER_SENT: Final = frozenset({"failed", "undelivered", "canceled"})


class TwilioTransport:
    """One account. Twilio has no idempotency key for messages: after a crash at the wrong moment a code comes twice."""

    def __init__(self, settings: TwilioSms) -> None:
        self._settings = settings
        self._http: TwilioHttpClient | None = None

    def send(self, sms: Sms) -> Result:
        """Hand over one SMS."""
        try:
            sent = self._client().messages.create(
                to=sms.to, body=sms.text, validity_period=_KEPT_SECONDS, **self._sender()
            )
        except TwilioRestException as error:
            return _refusal(error.status, error.code)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, TwilioException) as error:
            # No answer, or one that is not Twilio's (a proxy's page). The SDK's errors of the network are OSErrors.
            self.close()
            return TemporaryFailure(type(error).__name__)
        if sent.status in _NEVER_SENT:
            return _refusal(400, sent.error_code)
        return Delivered()

    def close(self) -> None:
        """Close what the SDK keeps open."""
        http, self._http = self._http, None
        if http is not None and http.session is not None:
            http.session.close()

    def _client(self) -> Client:
        self._http = self._http or TwilioHttpClient(timeout=self._settings.timeout, logger=_silence())
        # The SDK would look for settings of its own in the environment, and send to another host for some of them.
        nothing_else = {"TWILIO_EDGE": ""}
        settings = self._settings
        client = Client(
            settings.user, settings.password, settings.account, http_client=self._http, environment=nothing_else
        )
        client.api.base_url = settings.url
        return client

    def _sender(self) -> dict[str, str]:
        if self._settings.service is not None:
            return {"messaging_service_sid": self._settings.service}
        return {"from_": self._settings.sender or ""}


def _refusal(status: int, code: int | None) -> Result:
    if status in _TRY_AGAIN or code in _TOO_MANY or not 400 <= status < 500:
        return TemporaryFailure(f"answer {status} {code or ''}".strip())
    return PermanentFailure(code or status)


def _silence() -> logging.Logger:
    """The SDK tells requests and answers to its logger; numbers may be among them."""
    logger = logging.getLogger(f"{__name__}.sdk")
    logger.disabled = True
    return logger
