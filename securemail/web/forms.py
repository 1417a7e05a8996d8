"""Reading forms, and saying what is wrong with a field in a sentence."""

from collections.abc import Iterable
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from securemail import ids
from securemail.errors import InvalidInput
from securemail.web.error_texts import field_text

_TEXTS: dict[str, LazyString] = {
    "to.empty": _("Vul minstens één ontvanger in."),
    "to.too_many": _("Dit zijn te veel ontvangers voor één bericht. Het kunnen er hoogstens 100 zijn."),
    "subject.empty": _("Vul een onderwerp in."),
    "subject.too_long": _("Dit onderwerp is te lang. Gebruik hoogstens 200 tekens."),
    "subject.control": _("In het onderwerp staan tekens die niet verstuurd kunnen worden."),
    "text.empty": _("Schrijf eerst een bericht."),
    "text.too_long": _("Dit bericht is langer dan 1 MB. Er is niets verstuurd; maak het korter."),
    "text.control": _("In het bericht staan tekens die niet verstuurd kunnen worden."),
}


class Errors(dict[str, LazyString | str]):
    """The sentences at the fields of a form; a template may ask for any field."""

    def __missing__(self, field: str) -> None:
        return None


def text(name: str) -> str:
    """A field as it was typed, empty when it is not there."""
    return request.form.get(name, "")


def checked(name: str) -> bool:
    """Whether a box was ticked."""
    return request.form.get(name) == "1"


def identifier(name: str) -> bytes:
    """An id that a page put into a field. Raises `InvalidInput` (the field, 'malformed')."""
    try:
        return ids.from_text(text(name))
    except ValueError as error:
        raise InvalidInput(name, "malformed") from error


def values(names: Iterable[str]) -> dict[str, str]:
    """Several fields, to show them again; passwords are never among them."""
    return {name: text(name) for name in names}


def json_body() -> dict[str, Any]:
    """What a script sent as JSON; empty when it is no object."""
    try:
        found = request.get_json(force=True, silent=True)
    except RecursionError:  # nested deeper than anything that we ask for
        found = None
    return found if isinstance(found, dict) else {}


def input_error(error: InvalidInput) -> str:
    """The sentence for a value that cannot be used."""
    key = f"{error.field}.{error.code}"
    return str(_TEXTS[key] if key in _TEXTS else field_text(error.field, error.code))


def errors_of(error: InvalidInput, *, field: str | None = None) -> Errors:
    """The same at its field; `field` when the form calls it otherwise."""
    return Errors({field or error.field: input_error(error)})
