"""Drafts: nothing typed is lost, and two tabs never overwrite each other."""

import pytest

from securemail import ids
from securemail.errors import NotFound
from securemail.messages import drafts
from tests.house import FATIMA, House

HALF = drafts.Content(to=(FATIMA,), subject="Stukken zitting", text="Beste Fatima,\n")


def test_a_draft_comes_back_as_it_was_typed(house: House) -> None:
    draft = ids.new_id()
    with house.work() as ctx:
        drafts.save(ctx, house.marieke, draft, 0, HALF)
    with house.work() as ctx:
        assert drafts.load(ctx, house.marieke, draft).content == HALF
        assert drafts.count(ctx, house.marieke) == 1


def test_a_second_tab_is_told_and_overwrites_nothing(house: House) -> None:
    draft = ids.new_id()
    with house.work() as ctx:
        first = drafts.save(ctx, house.marieke, draft, 0, HALF)
        drafts.save(ctx, house.marieke, draft, first.revision, drafts.Content((FATIMA,), "Nieuw", "Nieuw"))
    for stale in (0, first.revision):
        with house.work() as ctx, pytest.raises(drafts.DraftChanged):
            drafts.save(ctx, house.marieke, draft, stale, HALF)
    with house.work() as ctx:
        assert drafts.load(ctx, house.marieke, draft).content.subject == "Nieuw"


def test_a_late_save_does_not_bring_back_what_was_sent(house: House) -> None:
    draft = ids.new_id()
    house.send(FATIMA, key=draft)
    with house.work() as ctx, pytest.raises(drafts.DraftGone):
        drafts.save(ctx, house.marieke, draft, 0, HALF)


def test_a_draft_is_its_owners_alone(house: House) -> None:
    draft = ids.new_id()
    with house.work() as ctx:
        drafts.save(ctx, house.marieke, draft, 0, HALF)
        drafts.discard(ctx, house.sanne, draft)
    with house.work() as ctx, pytest.raises(NotFound):
        drafts.load(ctx, house.sanne, draft)
    with house.work() as ctx:
        assert drafts.load(ctx, house.marieke, draft).revision == 1


def test_an_answer_being_written_is_found_by_its_conversation(house: House) -> None:
    sent, draft = house.send(FATIMA), ids.new_id()
    with house.work() as ctx:
        drafts.save(ctx, house.marieke, draft, 0, drafts.Content((), "", "Nog iets", sent.conversation))
    with house.work() as ctx:
        found = drafts.for_conversation(ctx, house.marieke, sent.conversation)
        assert found is not None
        assert found.content.text == "Nog iets"
