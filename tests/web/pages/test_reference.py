"""What an organisation asks of its members can be told later, and mended."""

import pytest

from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from tests.house import House
from tests.visitor import Visitor, alerts

PLACE = "/settings/profile/reference"


@pytest.fixture
def asked(house: House) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(sign_up="open", reference_label="a-nummer"))


@pytest.mark.usefixtures("asked")
def test_sanne_tells_hers_and_the_administrator_sees_it(sanne: Visitor, marieke: Visitor) -> None:
    assert "Nog niet opgegeven" in sanne.get("/settings/profile").text
    assert "Geen a-nummer" in marieke.get("/admin/members").text
    sanne.get(PLACE)
    for wrong in ("", "x" * 65, "a\u202eb"):
        refused = sanne.post(PLACE, {"reference": wrong})
        assert refused.status_code == 422
        assert len(alerts(refused)) == 1
    assert sanne.post(PLACE, {"reference": " A-98765 "}).status_code == 303
    assert "A-98765" in sanne.get("/settings/profile").text
    assert "A-98765" in marieke.get("/admin/members").text
    sanne.get(PLACE)
    sanne.post(PLACE, {"reference": "A-11111"})
    assert "A-98765" not in marieke.get("/admin/members").text


def test_where_nothing_is_asked_there_is_nothing_to_tell(sanne: Visitor) -> None:
    assert "reference" not in sanne.get("/settings/profile").text
    assert sanne.get(PLACE).location == "/settings/profile"
    assert sanne.post(PLACE, {"reference": "A-1"}).location == "/settings/profile"
