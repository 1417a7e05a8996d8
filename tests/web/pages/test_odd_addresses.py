"""Addresses that name a place out of this world: no such page, and never a mistake of ours."""

import pytest

from tests.visitor import Visitor

ID = "A" * 22


@pytest.mark.parametrize("folder", ["inbox", "sent", "drafts"])
@pytest.mark.parametrize("moment", ["253402300799000000", "-1", "-62135596800000000", "9" * 40, "x"])
def test_a_cursor_beyond_all_calendars_leads_nowhere(sanne: Visitor, folder: str, moment: str) -> None:
    assert sanne.get(f"/{folder}?cursor={moment}-{ID}").status_code == 404


@pytest.mark.parametrize("act", ["revoke", "resend"])
def test_a_place_that_no_list_has_leads_nowhere(sanne: Visitor, act: str) -> None:
    form = {"key": ID, "to": "fatima@example.org", "subject": "Dag", "body": "Dag"}
    letter = sanne.get(sanne.post("/compose", form).headers["Location"]).text
    message = letter.partition('id="letter-')[2][:22]
    assert sanne.post(f"/messages/{message}/recipients/{10**30}/{act}").status_code == 404
    assert sanne.post(f"/messages/{message}/recipients/77/{act}").status_code in (404, 409)
