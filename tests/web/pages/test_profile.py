"""What a member shows of themselves, page by page: name, photo, language, time zone."""

import io

import pytest
from flask import Flask
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from tests.house import MARIEKE, PASSWORD, House
from tests.visitor import Visitor, alerts


def picture(kind: str = "JPEG", size: tuple[int, int] = (900, 600), colour: str = "teal") -> io.BytesIO:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, kind)
    return io.BytesIO(written.getvalue())


def upload(browser: Visitor, photo: io.BytesIO, name: str = "ik.jpg") -> TestResponse:
    browser.get("/settings/profile/photo")
    # Encoded here: the client would put a large one into a temporary file, and leave that open.
    boundary, body = encode_multipart({"csrf_token": browser.token, "photo": FileStorage(photo, name)})
    kind = f"multipart/form-data; boundary={boundary}"
    return browser.client.post("/settings/profile/photo", data=body, content_type=kind)


@pytest.fixture
def marieke(app: Flask) -> Visitor:
    browser = Visitor(app)
    browser.log_in(*(MARIEKE[0], PASSWORD))
    browser.get("/inbox")
    return browser


def test_another_name_stands_above_the_next_message_and_not_above_older_ones(
    house: House, sanne: Visitor, marieke: Visitor
) -> None:
    house.send((house.marieke.address, house.marieke.name), author=house.sanne, subject="Voor de bruiloft")
    sanne.get("/settings/profile/name")
    assert sanne.post("/settings/profile/name", {"name": "  Sanne  de Wit "}).location == "/settings/profile?saved=name"
    assert "Sanne de Wit" in sanne.get("/settings/profile?saved=name").text
    sanne.get("/compose")
    page = marieke.get("/inbox").text
    assert "Sanne Kuipers" in page
    assert "Sanne de Wit" not in page


@pytest.mark.parametrize(("name", "said"), [("", "Vul een naam in."), ("x" * 121, "te lang"), ("a\u202eb", "tekens")])
def test_a_name_that_cannot_be_comes_back_as_it_was_typed(sanne: Visitor, name: str, said: str) -> None:
    sanne.get("/settings/profile/name")
    answer = sanne.post("/settings/profile/name", {"name": name})
    assert answer.status_code == 422
    assert said in alerts(answer)[0]
    assert f'value="{name}"' in answer.text


def test_a_photo_shows_for_oneself_and_in_the_lists_of_others(house: House, sanne: Visitor, marieke: Visitor) -> None:
    house.send((house.marieke.address, house.marieke.name), author=house.sanne)
    assert 'class="initials initials-44 photo' not in marieke.get("/inbox").text
    assert upload(sanne, picture()).location == "/settings/profile?saved=photo"
    own = sanne.get("/settings/profile").text
    address = own.split('src="/photos/')[1].split('"')[0]
    assert f'src="/photos/{address}"' in marieke.get("/inbox").text
    shown = marieke.get(f"/photos/{address}")
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
    assert shown.headers["Cache-Control"] == "private, max-age=86400, immutable"
    assert Image.open(io.BytesIO(shown.data)).size == (256, 256)


def test_a_photo_is_for_members_and_gone_when_it_is_removed(app: Flask, sanne: Visitor, visitor: Visitor) -> None:
    upload(sanne, picture())
    path = "/photos/" + sanne.get("/settings/profile").text.split('src="/photos/')[1].split('"')[0]
    assert visitor.get(path).status_code == 303
    sanne.get("/settings/profile")
    assert sanne.post("/settings/profile/photo/remove").status_code == 303
    assert "/photos/" not in sanne.get("/settings/profile").text
    assert sanne.get(path).status_code == 404


def test_a_replaced_photo_has_another_address(sanne: Visitor) -> None:
    upload(sanne, picture())
    first = sanne.get("/settings/profile").text.split('src="/photos/')[1].split('"')[0]
    upload(sanne, picture("WEBP", colour="red"), "ik.webp")
    assert first not in sanne.get("/settings/profile").text
    assert sanne.get(f"/photos/{first}").status_code == 404


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (io.BytesIO(b""), "Kies eerst een foto."),
        (io.BytesIO(b"<svg onload=alert(1)>"), "geen JPEG"),
        (picture("GIF"), "geen JPEG"),
        (io.BytesIO(picture("PNG", (300, 300)).getvalue()[:90]), "beschadigd"),
        (picture("PNG", (5000, 4000)), "te veel beeldpunten"),
        (io.BytesIO(b"\xff\xd8" + bytes(5 * 1024 * 1024)), "groter dan 5 MB"),
    ],
)
def test_what_is_no_photo_is_told_and_changes_nothing(sanne: Visitor, photo: io.BytesIO, said: str) -> None:
    answer = upload(sanne, io.BytesIO(photo.getvalue()))
    assert answer.status_code == 422
    assert said in alerts(answer)[0]
    assert "/photos/" not in sanne.get("/settings/profile").text


def test_times_are_those_of_the_chosen_place(sanne: Visitor, marieke: Visitor) -> None:
    assert "9.58" in marieke.get("/settings/devices").text
    sanne.get("/settings/profile/zone")
    assert sanne.post("/settings/profile/zone", {"zone": "America/New_York"}).status_code == 303
    assert "New York (UTC-5)" in sanne.get("/settings/profile").text
    page = sanne.get("/settings/devices").text
    assert "3.58" in page
    assert "9.58" not in page
    assert "9.58" in marieke.get("/settings/devices").text


def test_an_older_name_of_a_zone_is_understood_and_no_other_word(sanne: Visitor) -> None:
    sanne.get("/settings/profile/zone")
    assert sanne.post("/settings/profile/zone", {"zone": "Asia/Calcutta"}).status_code == 303
    assert "Kolkata (UTC+5:30)" in sanne.get("/settings/profile").text
    for wrong in ("", "Mars/Base", "Etc/GMT+5", "../../etc/passwd"):
        assert sanne.post("/settings/profile/zone", {"zone": wrong}).status_code == 422


def test_the_language_is_chosen_where_one_is(sanne: Visitor) -> None:
    sanne.get("/settings/profile")
    answer = sanne.post("/profile/language", {"language": "en", "next": "/settings/profile"})
    assert answer.location == "/settings/profile"
    assert 'lang="en"' in sanne.get("/settings/profile").text
    assert sanne.post("/profile/language", {"language": "nl", "next": "//evil.example"}).location == "/inbox"
