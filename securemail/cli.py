"""The command line: start the processes, migrate, and the few things an operator asks for."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields

from sqlalchemy import make_url

from securemail import bounce_pipe, bounce_server, devrun, ids, release
from securemail.config import ROOT, Settings
from securemail.errors import ConfigError, SecuremailError
from securemail.processes import bounces_command, web_command, worker_command

Command = Callable[[Mapping[str, str]], None]


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.command == "bounce":
        return bounce_pipe.run(_development_when_asked(os.environ), sys.stdin.buffer, options.recipient)
    try:
        COMMANDS[options.command](os.environ)
    except ConfigError as error:
        print(f"The settings are not usable yet:\n{_indent(str(error))}", file=sys.stderr)
        return 2
    except SecuremailError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(environ: Mapping[str, str]) -> None:
    """start everything for development: web, worker and a sink for mail and SMS"""
    devrun.run(devrun.development_environ(environ))


def web(environ: Mapping[str, str]) -> None:
    """serve the pages (production)"""
    settings = Settings.from_environ(environ)
    os.chdir(ROOT)
    os.execv(sys.executable, web_command(settings))  # noqa: S606 the same process goes on as gunicorn


def worker(environ: Mapping[str, str]) -> None:
    """send what waits in the outbox (production)"""
    Settings.from_environ(environ)
    os.chdir(ROOT)
    os.execv(sys.executable, worker_command())  # noqa: S606


def bounces(environ: Mapping[str, str]) -> None:
    """receive mail that comes back, at BOUNCE_LISTEN (production)"""
    bounce_server.required(Settings.from_environ(environ))
    os.chdir(ROOT)
    os.execv(sys.executable, bounces_command())  # noqa: S606


def migrate(environ: Mapping[str, str]) -> None:
    """bring the database to the current form"""
    release.prepare(Settings.from_environ(environ))


def setup_link(environ: Mapping[str, str]) -> None:
    """print the one-time link that sets up the organisation"""
    settings = Settings.from_environ(_development_when_asked(environ))
    link = release.setup_link(settings)
    print(link or "The organisation has been set up already; there is no link any more.")


def check_config(environ: Mapping[str, str]) -> None:
    """read the settings and say what is wrong with them"""
    print("\n".join(_lines(Settings.from_environ(_development_when_asked(environ)))))


def _lines(settings: Settings) -> Iterator[str]:
    """Every setting on a line of its own; what is secret is only counted or starred."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name == "secrets":
            value = ", ".join(f"number {secret.id}" for secret in value)
        elif field.name == "database_url":
            value = make_url(value).render_as_string(hide_password=True)
        yield f"{field.name} = {value}"


def new_secret(environ: Mapping[str, str]) -> None:
    """print a fresh value for SECUREMAIL_SECRET"""
    print(f"1:{ids.token_to_text(ids.new_token())}")


def renew_secret(environ: Mapping[str, str]) -> None:
    """sign and seal anew, under the first secret, what hangs on an older one"""
    settings = Settings.from_environ(_development_when_asked(environ))
    for line in release.renew_secret(settings):
        print(line, flush=True)


def consent(environ: Mapping[str, str]) -> None:
    """allow somebody to start anew where no administrator can: lists who waits, and asks"""
    release.consent(Settings.from_environ(_development_when_asked(environ)), input, print)


COMMANDS: dict[str, Command] = {
    "run": run,
    "web": web,
    "worker": worker,
    "bounces": bounces,
    "release": migrate,
    "migrate": migrate,
    "setup-link": setup_link,
    "check-config": check_config,
    "new-secret": new_secret,
    "consent": consent,
    "renew-secret": renew_secret,
}


def _development_when_asked(environ: Mapping[str, str]) -> Mapping[str, str]:
    if environ.get("SECUREMAIL_ENV") != "development":
        return environ
    return devrun.development_environ(environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="securemail", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__, description=command.__doc__)
    bounce = commands.add_parser("bounce", help="read one mail that came back, from a mail server's pipe")
    bounce.add_argument("recipient", nargs="?", default="", help="where it came back to; or else its headers say so")
    return parser


def _indent(text: str) -> str:
    return "\n".join(f"  - {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
