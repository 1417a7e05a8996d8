"""What protects every request and answer: headers, form tokens, sizes.

Form tokens: a browser that tells us another site sent the request is believed; after
that the token must belong to a cookie of this browser. The cookies have the `__Host-` prefix, so no neighbouring
domain can set them. Nothing is kept in a session of the framework: there is none.
"""

from typing import Final

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest, Forbidden

from securemail.config import Settings
from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.web import session
from securemail.web.bodies import LARGE, SMALL, InMemoryRequest

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_OFF: Final = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation",
    "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
    "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
# Codes have a button that copies them; passkeys and the codes of an SMS belong to this site alone.
_OURS: Final = ("clipboard-write", "otp-credentials", "publickey-credentials-create", "publickey-credentials-get")
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": ", ".join([*(f"{name}=()" for name in _OFF), *(f"{name}=(self)" for name in _OURS)]),
}
_HSTS: Final = "max-age=31536000; includeSubDomains"

_WITH_FILES: Final = frozenset({"profile.upload", "invitations.new", "invitations.send"})
_WITH_LETTERS: Final = frozenset({"compose", "conversation", "guest", "guest_check"})
"""A letter of 1 MB grows threefold when a form escapes it, and 5 MB are still told in a sentence, text kept."""


class OtherSite(Forbidden):
    """Another site sent this request."""


class BadToken(BadRequest):
    """The form's token is missing, malformed, or another browser's."""


def register(app: Flask, settings: Settings) -> None:
    """Guard every request and dress every answer."""
    app.request_class = InMemoryRequest
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGE
    app.config["MAX_CONTENT_LENGTH"] = LARGE
    app.before_request(_bound_body)
    app.jinja_env.globals["csrf_token"] = form_token
    dressing = {
        **HEADERS,
        **({"Strict-Transport-Security": _HSTS} if settings.public_url.startswith("https:") else {}),
    }

    @app.after_request
    def dress(response: Response) -> Response:
        for name, value in dressing.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _bound_body() -> None:
    request.max_content_length = LARGE if _is_large() else SMALL


def _is_large() -> bool:
    return request.blueprint in _WITH_LETTERS or request.endpoint in _WITH_FILES


def form_token() -> str:
    """A token for a form or the page's header; masked, so that no two pages hold the same bytes."""
    return cookies.form_token(_own_secret())


def refuse_other_sites() -> None:
    """Raises `OtherSite` (403) when the browser says that another site made it send this."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise OtherSite


def require_form_token() -> None:
    """Raises `BadToken` (400) for a POST that did not come from a page of ours in this browser."""
    tokens = (request.form.get("csrf_token", ""), request.headers.get("X-CSRF-Token", ""))
    held = [secret for secret in _secrets() if secret is not None]
    if not any(cookies.accepts_form_token(secret, token) for secret in held for token in tokens if token):
        raise BadToken


def has_cookie() -> bool:
    """Whether the browser sent any of our cookies; one that keeps none cannot log in."""
    return any(secret is not None for secret in _secrets())


def _secrets() -> tuple[SessionSecret | None, ...]:
    return session.member_secret(), session.guest_secret(), session.arriving_secret(), session.stranger_secret()


def _own_secret() -> SessionSecret:
    known: SessionSecret | None = g.get("form_secret") or session.member_secret() or session.stranger_secret()
    if known is None:
        known = SessionSecret.new()
        session.keep_stranger(known)
    g.form_secret = known
    return known


def use_for_forms(secret: SessionSecret) -> None:
    """From here on this answer's forms belong to a session that has just begun."""
    g.form_secret = secret


def use_stranger_for_forms() -> None:
    """This answer's forms outlive the log-in that comes between: they belong to the browser, not to a session."""
    known = session.stranger_secret()
    if known is None:
        known = SessionSecret.new()
        session.keep_stranger(known)
    g.form_secret = known
