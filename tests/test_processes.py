"""Starting: each thing that can be missing is told in one sentence, and nothing is left running."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gunicorn.config import Config

from securemail import cli, devrun, ids, release
from securemail.config import ROOT, Settings
from securemail.errors import ConfigError
from securemail.processes import Child, web_command
from tests import servers
from tests.waiting import until


def test_a_new_secret_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new-secret"]) == 0
    number, _, value = capsys.readouterr().out.strip().partition(":")
    assert number == "1"
    assert len(ids.token_from_text(value)) == 32


def test_wrong_settings_are_listed_and_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SECUREMAIL_ENV", "SECUREMAIL_SECRET", "PUBLIC_URL", "SMTP_HOST"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(["web"]) == 2
    told = capsys.readouterr().err
    assert "  - SECUREMAIL_SECRET is missing" in told
    assert "Traceback" not in told


def test_the_development_secret_is_made_once_and_private(tmp_path: Path) -> None:
    first = devrun.development_secret(tmp_path / "var")
    assert devrun.development_secret(tmp_path / "var") == first
    assert (tmp_path / "var" / "development-secret").stat().st_mode & 0o777 == 0o600


def test_an_env_file_is_read_without_overriding(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# a comment\n\nPORT=9000\nMAIL_FROM='a@example.org'\n", "utf-8")
    assert devrun.read_env_file(path) == {"PORT": "9000", "MAIL_FROM": "a@example.org"}
    assert devrun.read_env_file(tmp_path / "none") == {}


def test_no_visitor_renames_the_paths_of_the_web_server(tmp_path: Path) -> None:
    environ = servers.product_environ(tmp_path, f"sqlite:///{tmp_path}/x.db", port=8000, smtp_port=2525)
    settings = Settings.from_environ(environ)
    config = Config()
    arguments = config.parser().parse_args(web_command(settings)[3:])
    for name, value in vars(arguments).items():
        if name in config.settings and value is not None:
            config.set(name, value)
    assert not config.forwarded_allow_ips, "or a header SCRIPT_NAME that comes through a proxy here would"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environ = {"SECUREMAIL_ENV": "development", "SECUREMAIL_SECRET": servers.SECRET, "VAR_DIR": str(tmp_path / "file")}
    with pytest.raises(ConfigError, match=r"VAR_DIR: cannot write in .*/file"):
        release.make_var(Settings.from_environ(environ))
    with pytest.raises(devrun.CannotStart, match="Cannot write in"):
        devrun.development_secret(tmp_path / "file")


def test_a_busy_port_is_told_with_a_free_one(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "securemail.cli", "run"],
            env={**os.environ, "PORT": str(port), "VAR_DIR": str(tmp_path), "SECUREMAIL_ENV": "development"},
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=servers.PATIENCE,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert "make run PORT=" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_child_says_when_it_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import time; print('hello'); print('worker ready', flush=True); time.sleep(600)"
    child = Child.start("worker", [sys.executable, "-c", code], os.environ)
    child.listen()
    until(lambda: child.ready)
    child.terminate()
    child.stop_by(time.monotonic() + servers.PATIENCE)
    assert child.ended == -signal.SIGTERM


def test_a_child_that_will_not_stop_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code += "; print('worker ready', flush=True); time.sleep(600)"
    child = Child.start("worker", [sys.executable, "-c", code], os.environ)
    child.listen()
    until(lambda: child.ready)
    child.terminate()
    child.stop_by(time.monotonic() + 0.2)
    assert child.ended == -signal.SIGKILL
