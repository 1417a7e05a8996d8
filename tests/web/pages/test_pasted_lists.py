"""Long lists of receivers, pasted: kept whole, refused in words, and cheap for everybody else meanwhile."""

import pytest

from securemail.identity.context import Context
from securemail.mailboxes import directory
from securemail.messages.typed_addresses import take_apart
from securemail.web.viewmodels import Chip, Person
from tests.visitor import Visitor

KEY = "A" * 22
MANY = ", ".join(f"a{number}@example.org" for number in range(2000))


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/compose/chips", {"entry": MANY}, 200),
        ("/drafts", {"key": KEY, "revision": "0", "to": MANY}, 200),
        ("/compose", {"key": KEY, "to": MANY, "subject": "Dag", "body": "Dag"}, 422),
    ],
)
def test_a_long_list_is_not_looked_up_to_its_end(
    sanne: Visitor, monkeypatch: pytest.MonkeyPatch, path: str, form: dict[str, str], status: int
) -> None:
    asked: list[str] = []
    find = directory.find

    def count(ctx: Context, address: str) -> directory.Entry | None:
        asked.append(address)
        return find(ctx, address)

    monkeypatch.setattr(directory, "find", count)
    assert sanne.post(path, form).status_code == status
    assert len(asked) <= 240


def test_a_long_list_is_kept_whole(sanne: Visitor) -> None:
    sanne.post("/drafts", {"key": KEY, "revision": "0", "to": MANY})
    assert "a1999@example.org" in sanne.get(f"/drafts/{KEY}").text


@pytest.mark.parametrize("name", ["Fatima <juridisch>", 'Fatima "Fem" A', "<b>"])
def test_a_receiver_whose_name_has_brackets_comes_back_from_its_chip(name: str) -> None:
    chip = Chip(Person(name, "fatima@example.org", "F", 1))
    [(address, _name)] = take_apart(chip.typed)
    assert address == "fatima@example.org"
