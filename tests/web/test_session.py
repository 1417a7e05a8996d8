"""A request's transaction, its cookies, and whom limits count it as."""

import dataclasses

import pytest
from flask import Flask, after_this_request
from sqlalchemy import text

from securemail.web import create_app, session
from tests.house import House
from tests.visitor import Visitor


def test_a_get_reads_and_a_post_writes(app: Flask) -> None:
    for method, writes in (("GET", False), ("HEAD", False), ("POST", True)):
        with app.test_request_context("/", method=method):
            session.current()
            assert session.g.work.write is writes
            session.settle(success=False)


def test_writing_apart_inside_a_writing_request_is_a_mistake_found_at_once(app: Flask) -> None:
    with app.test_request_context("/", method="POST"):
        session.current()
        with pytest.raises(RuntimeError), session.write_apart():
            pass
        session.settle(success=False)


def test_what_was_left_for_later_stands_though_the_page_failed(app: Flask, house: House) -> None:
    with app.test_request_context("/", method="POST"):
        session.current().db.execute(text("UPDATE organisation SET name = 'x'"))
        session.afterwards(lambda ctx: ctx.db.execute(text("UPDATE account SET vault_revision = 7")))
        session.settle(success=False)
        session.do_afterwards()
    with house.work() as ctx:
        assert ctx.db.scalar(text("SELECT name FROM organisation")) == "Van Dalen & Bakker"
        assert set(ctx.db.scalars(text("SELECT vault_revision FROM account"))) == {7}


def test_the_public_name_comes_from_the_settings(app: Flask) -> None:
    with app.test_request_context("/", headers={"Host": "mallory.example"}):
        assert session.public_host() == "localhost:8000"


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", True),
        ("/sent?x=1#y", True),
        ("//x", False),
        ("/\\x", False),
        ("http://x", False),
        ("", False),
        ("/a\tb", False),
    ],
)
def test_only_paths_of_our_own_are_followed(path: str, own: bool) -> None:
    assert session.is_own_path(path) is own


@pytest.mark.parametrize(
    ("trusted", "counted"), [(0, b"\x7f\x00\x00\x01"), (1, b"\xc6\x33\x64\x07"), (2, b"\xcb\x00\x71\x01")]
)
def test_a_forwarded_address_is_believed_as_far_as_the_setting_says(house: House, trusted: int, counted: bytes) -> None:
    settings = dataclasses.replace(house.runtime.settings, trusted_proxies=trusted)
    app = create_app(dataclasses.replace(house.runtime, settings=settings))
    seen: list[bytes] = []

    @app.before_request
    def look() -> None:
        seen.append(session.network())
        after_this_request(lambda response: response)

    app.test_client().get("/healthz", headers={"X-Forwarded-For": "203.0.113.1, 198.51.100.7"})
    assert seen == [counted]


def test_a_locked_database_shows_the_page_all_the_same(house: House, sanne: Visitor) -> None:
    house.clock.forward(minutes=2)
    assert sanne.get("/inbox").status_code == 200
