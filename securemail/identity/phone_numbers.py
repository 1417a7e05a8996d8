"""Telephone numbers as people type them, made into one form (E.164) for SMS; and how much of a number we show."""

import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from securemail.errors import InvalidInput

_LONGEST: Final = 40
_PUNCTUATION: Final = frozenset("+-.()/")
_HIDDEN: Final = "•"
_SHOWN: Final = 2
_DUTCH: Final = 31
_DUTCH_MOBILE_DIGITS: Final = 9
_NON_GEOGRAPHIC: Final = "001"
_TO_NOBODY: Final = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        # An SMS to one of these makes money for whoever rents the number.
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PAGER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)


def normalise(typed: str, *, region: str) -> str:
    """The number in E.164, such as +31612345678. Without a country it is one of `region` (two letters, such as NL).

    Raises:
        InvalidInput: 'phone', with 'empty'; 'invalid' (no number, or none that takes an SMS); 'country' (there is no
            such country, or it is a satellite's or another number of no country); 'fixed_line' (where that is certain).
    """
    digits = _only_number(typed)
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException as error:
        unknown = error.error_type == NumberParseException.INVALID_COUNTRY_CODE
        raise InvalidInput("phone", "country" if unknown else "invalid") from None
    _check(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def masked(e164: str) -> str:
    """A number that only its owner recognises: 06 •• •• •• 78 for a Dutch mobile one, else such as +44 ••••• ••78."""
    number = phonenumbers.parse(e164)
    digits = phonenumbers.national_significant_number(number)
    last = digits[-_SHOWN:]
    if number.country_code == _DUTCH and len(digits) == _DUTCH_MOBILE_DIGITS and digits.startswith("6"):
        return f"06 {' '.join([_HIDDEN * 2] * 3)} {last}"
    return f"+{number.country_code} {_HIDDEN * (len(digits) - 2 * _SHOWN)} {_HIDDEN * _SHOWN}{last}"


def formatted(e164: str) -> str:
    """The whole number in groups, for its owner to check: 06 12345678 in the Netherlands, else +44 7400 123456."""
    number = phonenumbers.parse(e164)
    form = PhoneNumberFormat.NATIONAL if number.country_code == _DUTCH else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form)


def _only_number(typed: str) -> str:
    """Digits and the signs between them. The library would read letters as keys of a phone, and drop what follows."""
    plain = unicodedata.normalize("NFKC", typed).strip()
    if not plain:
        raise InvalidInput("phone", "empty")
    if len(plain) > _LONGEST:
        raise InvalidInput("phone", "invalid")
    plain = "".join(_plain(character) for character in plain)
    if not plain.replace(" ", ""):
        raise InvalidInput("phone", "invalid")
    return plain


def _plain(character: str) -> str:
    if character in _PUNCTUATION or (character.isascii() and character.isdigit()):
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Pd":
        return "-"
    # Invisible marks come along when a number is copied from a page or a contact.
    if category == "Cf" or character.isspace():
        return " "
    raise InvalidInput("phone", "invalid")


def _check(number: PhoneNumber) -> None:
    if not phonenumbers.is_valid_number(number):
        raise InvalidInput("phone", "invalid")
    if phonenumbers.region_code_for_number(number) == _NON_GEOGRAPHIC:
        raise InvalidInput("phone", "country")
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.FIXED_LINE:
        raise InvalidInput("phone", "fixed_line")
    if kind in _TO_NOBODY:
        raise InvalidInput("phone", "invalid")
