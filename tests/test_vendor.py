"""The vendored scripts are the published ones."""

import hashlib
import json

from securemail.config import ROOT

ENTRIES = json.loads((ROOT / "static" / "vendor" / "MANIFEST.json").read_text("utf-8"))


def test_every_vendored_file_has_its_sum() -> None:
    for entry in ENTRIES:
        assert hashlib.sha256((ROOT / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]


def test_no_vendored_file_is_without_an_entry() -> None:
    known = {entry["file"] for entry in ENTRIES} | {"static/vendor/MANIFEST.json"}
    folders = (ROOT / "static" / "vendor", ROOT / "tests" / "vendor")
    assert {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.iterdir()} == known
