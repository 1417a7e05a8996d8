"""Every error is a designed page or fragment, in both languages, and says nothing that it should not."""

from collections.abc import Iterator

import pytest
from flask import Flask, abort
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError, TimeoutError

from securemail.errors import (
    Busy,
    CannotOpen,
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    NotFound,
    SecuremailError,
    StaleKeys,
    TooManyAttempts,
)
from securemail.identity.permissions import PERMISSIONS
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import organisations
from securemail.store.models import Audit, Organisation, PrincipalKey
from securemail.web import create_app, session
from tests.house import House
from tests.visitor import HTMX, Visitor

KINDS: list[tuple[Exception, int]] = [
    (Forbidden(), 403),
    (NotFound(), 404),
    (Conflict(), 409),
    (Gone(), 410),
    (InvalidInput("x", "y"), 422),
    (TooManyAttempts(90), 429),
    (Busy(5), 503),
    (OperationalError("SELECT geheim", {}, RuntimeError("locked")), 503),
    (TimeoutError("pool"), 503),
    (CannotOpen(), 500),
    (UntrustedKey(), 500),
    (RuntimeError("geheim"), 500),
    (SecuremailError("geheim"), 500),
    (StaleKeys(), 409),
]


@pytest.fixture
def app(house: House) -> Flask:
    """One of their own, since these tests add pages to it."""
    return create_app(house.runtime)


@pytest.fixture
def failing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application with pages that fail in every way."""
    monkeypatch.setitem(PERMISSIONS, "fail", "anyone")
    monkeypatch.setitem(PERMISSIONS, "code", "anyone")

    def fail(number: int) -> str:
        raise KINDS[number][0]

    app.add_url_rule("/fail/<int:number>", "fail", fail)
    app.add_url_rule("/code/<int:code>", "code", abort)
    return app


@pytest.mark.parametrize("number", range(len(KINDS)))
@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_kind_has_its_page_and_its_fragment(failing: Flask, number: int, language: str) -> None:
    visitor, status = Visitor(failing), KINDS[number][1]
    page = visitor.get(f"/fail/{number}", headers={"Accept-Language": language})
    assert page.status_code == status
    assert f'<html lang="{language}">' in page.text
    assert "<h1" in page.text
    part = visitor.get(f"/fail/{number}", headers={"Accept-Language": language, **HTMX})
    assert part.status_code == status
    assert "<html" not in part.text
    assert 'role="alert"' in part.text
    for answer in (page, part):
        assert "geheim" not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503])
def test_every_status_has_words(failing: Flask, code: int) -> None:
    answer = Visitor(failing).get(f"/code/{code}")
    assert answer.status_code == code
    assert "<h1" in answer.text


def test_waiting_is_told_in_a_header_and_in_words(failing: Flask) -> None:
    answer = Visitor(failing).get("/fail/5")
    assert answer.headers["Retry-After"] == "90"


def test_a_refused_method_says_which_are_allowed(visitor: Visitor) -> None:
    visitor.get("/login")
    answer = visitor.post("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_the_log_holds_the_place_and_the_kind_and_no_words(failing: Flask, caplog: pytest.LogCaptureFixture) -> None:
    answer = Visitor(failing).get("/fail/11")
    assert "RuntimeError" in caplog.text
    assert "test_errors.py" in caplog.text
    assert "geheim" not in caplog.text
    reference = caplog.records[-1].getMessage().split(" ")[0]
    assert reference in answer.text, "the page names the line in the log"


@pytest.mark.parametrize("path", ["/compose", "/profile/language"])
def test_a_form_too_large_to_be_kept_is_said_to_be_too_large(visitor: Visitor, path: str) -> None:
    assert visitor.post(path, {"body": "x" * 9_000_000}).status_code == 413


def test_an_error_that_cannot_be_answered_keeps_its_words_too(
    failing: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_error: Exception, _status: int) -> None:
        raise RuntimeError("geheim")

    failing.testing = False
    monkeypatch.setattr("securemail.web.errors._retry_after", stumble)
    assert Visitor(failing).get("/fail/1").status_code == 500
    assert "RuntimeError" in caplog.text
    assert "geheim" not in caplog.text


def test_a_planted_key_is_an_event_for_the_administrators(house: House, sanne: Visitor) -> None:
    with house.work() as ctx:
        planted = update(PrincipalKey).where(PrincipalKey.principal == house.sanne.mailbox)
        ctx.db.execute(planted.values(public_key=b"m" * 1216))
    for _ in range(25):
        assert sanne.get("/inbox").status_code == 500
    with house.work() as ctx:
        events = ctx.db.scalars(select(Audit).where(Audit.kind == "alarm-untrusted-key")).all()
        assert len(events) == 20, "and it does not fill the log"


def test_what_failed_changed_nothing(failing: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PERMISSIONS, "half", "anyone")

    def half(status: int) -> tuple[str, int]:
        organisations.create(session.current(), "Half")
        if status == 500:
            raise RuntimeError
        return "", status

    failing.add_url_rule("/half/<int:status>", "half", half, methods=["POST"])
    visitor = Visitor(failing)
    visitor.get("/login")

    def count() -> int:
        with failing.extensions["securemail"].work(write=False) as ctx:
            return ctx.db.scalar(select(func.count()).select_from(Organisation)) or 0

    for status, kept in ((500, 1), (422, 1), (200, 2)):
        assert visitor.post(f"/half/{status}").status_code == status
        assert count() == kept
