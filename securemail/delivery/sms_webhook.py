"""SMS through a service of the operator's own: a signed POST of JSON for each, as docs/operations.md describes it."""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from securemail import ids
from securemail.config_sms import WebhookSms
from securemail.crypto.webhooks import signature
from securemail.delivery.brand import PRODUCT
from securemail.delivery.sms_text import Sms
from securemail.delivery.smtp import Delivered, PermanentFailure, Result, TemporaryFailure

_TRY_AGAIN: Final = frozenset({408, 425, 429})


class WebhookTransport:
    """A connection for each SMS. Redirects are not followed: numbers and codes go where the settings say."""

    def __init__(self, settings: WebhookSms, *, unix_time: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._unix_time = unix_time

    def send(self, sms: Sms) -> Result:
        """Hand over one SMS."""
        address = urlsplit(self._settings.url)
        connection = _connection(address, self._settings.timeout)
        try:
            connection.request("POST", _path(address), body=(body := _body(sms)), headers=self._headers(sms, body))
            return _result(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            return TemporaryFailure(type(error).__name__)
        finally:
            connection.close()

    def close(self) -> None:
        """There is nothing to close."""

    def _headers(self, sms: Sms, body: bytes) -> dict[str, str]:
        timestamp = int(self._unix_time())
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": PRODUCT,
            "Idempotency-Key": ids.to_text(sms.outbox),
            "Securemail-Timestamp": str(timestamp),
            "Securemail-Signature": signature(self._settings.secret, timestamp, body),
        }


def _connection(address: SplitResult, timeout: float) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme == "http":
        return http.client.HTTPConnection(host, address.port, timeout=timeout)
    return http.client.HTTPSConnection(host, address.port, timeout=timeout, context=ssl.create_default_context())


def _path(address: SplitResult) -> str:
    return f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"


def _body(sms: Sms) -> bytes:
    fields = {"id": ids.to_text(sms.outbox), "to": sms.to, "text": sms.text}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _result(status: int) -> Result:
    if 200 <= status < 300:
        return Delivered()
    if 400 <= status < 500 and status not in _TRY_AGAIN:
        return PermanentFailure(status)
    return TemporaryFailure(f"answer {status}")
