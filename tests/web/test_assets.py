"""Static files: joined, named by content, compressed, cached for ever."""

import gzip
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from securemail.config import ROOT
from securemail.web import assets


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {f"css/{name}.css": f".{name} {{ color: red }}" for name in assets.STYLES}
    files |= {
        "vendor/htmx.min.js": "window.htmx = 1",
        "js/shared/a.js": "const a = 1",
        "js/shell/b.js": "const a = 2",
    }
    files |= {"js/guest/c.js": "const c = 3", "icons/sprite.svg": "<svg/>", "sw.js": "self"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.fixture
def app(root: Path) -> Flask:
    app = Flask("tests", static_folder=None)
    assets.register(app, root)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def url(app: Flask, name: str) -> str:
    found: str = app.jinja_env.globals["asset"](name)
    return found


def test_the_styles_are_one_file_in_order(app: Flask, client: FlaskClient) -> None:
    text = client.get(url(app, "app.css")).text
    places = [text.index(f".{name} ") for name in assets.STYLES]
    assert places == sorted(places)


def test_guests_get_no_htmx(app: Flask, client: FlaskClient) -> None:
    assert "htmx" in client.get(url(app, "app.js")).text
    guest = client.get(url(app, "guest.js")).text
    assert "htmx" not in guest
    assert "const a = 1" in guest
    assert "const c = 3" in guest


def test_comments_stay_at_home_and_licences_go_along(root: Path) -> None:
    style, script = root / "css" / "base.css", root / "js" / "shared" / "a.js"
    style.write_text("/* why\n   and how */\n.base { color: red /* not blue */ }\n", "utf-8")
    script.write_text("// why\nconst a = 1;\n  // and how\nconst link = 'https://example.org'; // here\n", "utf-8")
    (root / "vendor" / "htmx.min.js").write_text("// licence\nwindow.htmx = 1\n", "utf-8")
    app = Flask("tests", static_folder=None)
    assets.register(app, root)
    styles, scripts = (app.test_client().get(url(app, name)).text for name in ("app.css", "app.js"))
    assert "why" not in styles + scripts
    assert "and how" not in styles + scripts
    assert ".base { color: red /* not blue */ }" in styles
    assert "const link = 'https://example.org'; // here" in scripts
    assert "// licence" in scripts


def test_a_file_is_kept_for_ever_under_the_name_of_its_content(app: Flask, client: FlaskClient, root: Path) -> None:
    answer = client.get(url(app, "icons/sprite.svg"))
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type.startswith("image/svg+xml")
    (root / "icons" / "sprite.svg").write_text("<svg></svg>", "utf-8")
    assert assets.Assets(root).url("icons/sprite.svg") != url(app, "icons/sprite.svg")


def test_it_is_sent_compressed_to_those_who_can(app: Flask, client: FlaskClient) -> None:
    plain = client.get(url(app, "app.css"))
    packed = client.get(url(app, "app.css"), headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_a_browser_that_has_it_gets_nothing_again(app: Flask, client: FlaskClient) -> None:
    tag = client.get(url(app, "app.css")).headers["ETag"]
    assert client.get(url(app, "app.css"), headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("path", ["app.css", "css/base.css", "sw.js", "../app.py", "vendor/htmx.min.js"])
def test_only_hashed_names_are_served(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_a_missing_style_stops_the_start(root: Path) -> None:
    (root / "css" / "letter.css").unlink()
    with pytest.raises(assets.AssetMissing, match=r"letter\.css"):
        assets.Assets(root)


def test_a_misspelt_name_is_an_error_not_a_broken_picture(app: Flask) -> None:
    with pytest.raises(assets.AssetMissing):
        url(app, "app.cs")


def test_the_product_has_all_its_files() -> None:
    found = assets.Assets(ROOT / "static")
    assert {"app.css", "app.js", "guest.js", "icons/sprite.svg"} <= set(found.names())
