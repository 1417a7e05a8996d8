"""The operator's word where no administrator can give theirs: allow a fresh start from the console.

The operator has the configuration and could change every row anyway; this only makes it an act that is asked about
and stands in the audit log.
"""

from collections.abc import Callable

from securemail.identity import fresh_start
from securemail.identity.fresh_start import Request
from securemail.runtime import Runtime

Ask = Callable[[str], str]
Tell = Callable[[str], None]


def ask(runtime: Runtime, prompt: Ask, tell: Tell) -> None:
    """List who waits, ask which one, and whether it is meant."""
    with runtime.work(write=False) as ctx:
        waiting = fresh_start.all_requests(ctx)
    if not waiting:
        tell("Nobody waits for consent to start anew.")
        return
    for number, request in enumerate(waiting, 1):
        tell(_line(number, request))
    chosen = _chosen(prompt("Allow which number? (Enter for none) "), waiting)
    if chosen is None:
        tell("Nothing was changed.")
        return
    _allow(runtime, chosen, prompt, tell)


def _allow(runtime: Runtime, chosen: Request, prompt: Ask, tell: Tell) -> None:
    tell("Make sure that it is really them, by telephone or in person: whoever reads their mail could have asked.")
    if chosen.only_administrator:
        tell("They are the only administrator. The organisation gets a new key as well:")
        tell("audit details and references from before stay locked for good.")
    if prompt(f"Type the address {chosen.who.address} to allow it: ").strip() != chosen.who.address:
        tell("Nothing was changed.")
        return
    with runtime.work(write=True) as ctx:
        fresh_start.confirm_as_operator(ctx, chosen.wait.id, with_organisation=chosen.only_administrator)
    tell(f"Allowed. {chosen.who.address} is mailed a link once the wait is over.")


def _chosen(typed: str, waiting: list[Request]) -> Request | None:
    number = int(typed) if typed.strip().isascii() and typed.strip().isdigit() else 0
    return waiting[number - 1] if 1 <= number <= len(waiting) else None


def _line(number: int, request: Request) -> str:
    role = ", the only administrator" if request.only_administrator else ""
    wait = request.wait
    return (
        f"{number}. {request.who.name} <{request.who.address}>{role}: asked {wait.begun:%Y-%m-%d %H:%M} UTC, "
        f"can begin from {wait.ready:%Y-%m-%d %H:%M} UTC"
    )
