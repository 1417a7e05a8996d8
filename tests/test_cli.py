"""The command line: what is wrong is told in a sentence, and nothing secret is shown."""

from pathlib import Path

import pytest

from securemail import cli
from tests.servers import SECRET


@pytest.fixture
def development(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The settings of a machine on which nothing runs yet."""
    for name, value in {"SECUREMAIL_ENV": "development", "SECUREMAIL_SECRET": SECRET, "VAR_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("command", "url"),
    [
        ("release", "postgresql://marieke:geheim@127.0.0.1:1/post"),
        ("release", "sqlite:////no/such/folder/post.db"),
        ("setup-link", "sqlite:////no/such/folder/post.db"),
    ],
)
def test_a_database_that_does_not_answer_is_told_in_a_sentence(
    development: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, url: str
) -> None:
    development.setenv("DATABASE_URL", url)
    assert cli.main([command]) == 2
    told = capsys.readouterr().err
    assert "DATABASE_URL: the database cannot be used" in told
    assert "Traceback" not in told
    assert "geheim" not in told


def test_a_database_without_tables_is_told_what_to_run(
    development: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["setup-link"]) == 2
    assert "securemail.cli release" in capsys.readouterr().err


def test_the_settings_are_shown_line_by_line_without_a_secret(
    development: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    development.setenv("DATABASE_URL", "postgres://marieke:geheim@db.example.org/post")
    assert cli.main(["check-config"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "database_url = postgresql+psycopg://marieke:***@db.example.org/post" in shown
    assert not any("geheim" in line or SECRET.partition(":")[2] in line for line in shown)
