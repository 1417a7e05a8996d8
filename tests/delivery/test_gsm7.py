"""The alphabet of an SMS."""

import pytest

from securemail.delivery import gsm7


@pytest.mark.parametrize(
    ("text", "places"),
    [("", 0), ("Hallo @£é\n#1", 12), ("€", 2), ("[a]", 5), ("ë", None), ("’", None), ("日", None), ("`", None)],
)
def test_places(text: str, places: int | None) -> None:
    assert gsm7.length(text) == places


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Zoë", "Zoe"),
        ("Café", "Café"),
        ("“Ja”, zei zij – ’s nachts…", '"Ja", zei zij - \'s nachts...'),
        ("Łódź", "Łódź"),  # Ł has no plain letter in it
        ("東京", "東京"),
    ],
)
def test_folding(text: str, plain: str) -> None:
    assert gsm7.folded(text) == plain
