"""Ids in addresses: 22 characters outside, 16 bytes inside; anything else leads nowhere (404)."""

from werkzeug.routing import BaseConverter, ValidationError

from securemail import ids


class IdentifierConverter(BaseConverter):
    """`<identifier:name>` in a route."""

    regex = "[A-Za-z0-9_-]{22}"

    def to_python(self, value: str) -> bytes:
        """The id; a second spelling of it does not count."""
        try:
            return ids.from_text(value)
        except ValueError as error:
            raise ValidationError from error

    def to_url(self, value: bytes | str) -> str:
        """Pages hand over bytes, templates the text that they were given."""
        return value if isinstance(value, str) else ids.to_text(value)
