"""What an installed product is made of."""

from tests.visitor import Visitor


def test_the_manifest_bears_the_organisations_name(visitor: Visitor) -> None:
    answer = visitor.get("/manifest.webmanifest")
    assert answer.mimetype == "application/manifest+json"
    manifest = answer.get_json(force=True)
    assert manifest["name"] == "Van Dalen & Bakker"
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        assert visitor.get(icon["src"]).status_code == 200


def test_the_service_worker_keeps_static_files_only(visitor: Visitor) -> None:
    answer = visitor.get("/sw.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Service-Worker-Allowed"] == "/"
    shell = answer.text.partition("const SHELL = ")[2].partition(";")[0]
    assert shell.count('"/static/') == shell.count('"') // 2


def test_the_offline_page_is_nobodys(sanne: Visitor, visitor: Visitor) -> None:
    assert sanne.get("/offline").text == visitor.get("/offline").text
