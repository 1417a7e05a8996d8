"""What comes before the processes start: a database in its current form, and the link for the first visit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from securemail.config import ROOT, Settings
from securemail.errors import ConfigError

if TYPE_CHECKING:
    from securemail.runtime import Runtime


def prepare(settings: Settings) -> None:
    make_var(settings)
    migrate(settings.database_url)


def make_var(settings: Settings) -> None:
    try:
        settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = settings.var_dir / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"VAR_DIR: cannot write in {settings.var_dir} ({error.strerror}); set it to a folder of your own."
        ) from error


def migrate(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    # Alembic's settings go through %-interpolation.
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    with _told_in_a_sentence():
        command.upgrade(config, "head")


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError

    try:
        yield
    except (ArgumentError, OperationalError, ProgrammingError) as error:
        # The driver's first line names host or file, never the password.
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ConfigError(
            f"DATABASE_URL: the database cannot be used ({reason}). Is it running, is the address right, "
            "and was `python -m securemail.cli release` run?"
        ) from None


@contextmanager
def _runtime(settings: Settings) -> Iterator["Runtime"]:
    """What a command works with; its connections are closed when it is done."""
    from securemail.runtime import Runtime

    with _told_in_a_sentence():
        runtime = Runtime.from_settings(settings)
        try:
            yield runtime
        finally:
            runtime.engine.dispose()


def setup_link(settings: Settings) -> str | None:
    """The one-time link, or None when the organisation exists already."""
    from securemail.organisations import setup

    with _runtime(settings) as runtime:
        return setup.ensure_link(runtime)


def consent(settings: Settings, prompt: Callable[[str], str], tell: Callable[[str], None]) -> None:
    """Ask the operator about those who want to start anew."""
    from securemail import consent as console

    with _runtime(settings) as runtime:
        console.ask(runtime, prompt, tell)


def renew_secret(settings: Settings) -> Iterator[str]:
    """What was renewed, line by line, and what still hangs on an older secret."""
    from securemail import secret_renewal

    newest, *older = (secret.id for secret in settings.secrets)
    with _runtime(settings) as runtime:
        for kind in secret_renewal.renew(runtime):
            alarm = f"; {kind.not_ours} are not as they were written: see the alarms" if kind.not_ours else ""
            yield f"{kind.name}: {kind.renewed} of {kind.rows} renewed{alarm}"
        left = secret_renewal.left(runtime)
    if left.passwords:
        yield f"{left.passwords} passwords hang on an older secret until their owners log in."
    if left.last_token is not None:
        last = f"{left.last_token:%Y-%m-%d %H:%M} UTC"
        yield f"{left.tokens} mailed links hang on an older secret until they expire, the last on {last}."
    if older and not left.passwords and not left.tokens:
        yield f"Everything hangs on secret number {newest}: the others can be taken out of SECUREMAIL_SECRET."
