"""A guest's answer: sent once for each form, and never lost."""

import re

from sqlalchemy import select

from securemail import ids
from securemail.guests.checks import Check
from securemail.store.models import Message
from tests.house import House
from tests.visitor import Visitor
from tests.web.pages.test_guest_checks import enter, send


def test_other_words_from_a_form_that_has_sent_before_stand_ready_as_another_answer(
    house: House, visitor: Visitor
) -> None:
    """Back to the page before, some more words, and sent again: without script it is the same form."""
    page, code = send(house, Check())
    enter(visitor, page, code)
    key = ids.to_text(ids.new_id())
    for _twice in range(2):
        assert visitor.post(f"{page}/reply", {"reply": "Ik ga akkoord.", "key": key}).status_code == 303
    told = visitor.post(f"{page}/reply", {"reply": "Ik ga akkoord, behalve met punt 3.", "key": key})
    assert told.status_code == 409
    assert "Uw antwoord is al verstuurd, met een andere tekst." in told.text
    assert "Ik ga akkoord, behalve met punt 3.</textarea>" in told.text
    found = re.search(r'name="key" value="([^"]+)"', told.text)
    assert found is not None
    again = {"reply": "Ik ga akkoord, behalve met punt 3.", "key": found[1]}
    assert visitor.post(f"{page}/reply", again).status_code == 303
    with house.work() as ctx:
        sent = ctx.db.scalars(select(Message).where(Message.sender_kind == "link")).all()
    assert len(sent) == 2
