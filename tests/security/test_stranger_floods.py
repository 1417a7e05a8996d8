"""Somebody with one code who does everything as often as they can: what they fill and cost has an end.

A forwarded mail is enough for that, or a guest who means ill; and where everybody may sign up, a member.
"""

import pytest
from sqlalchemy import func, select

from securemail.guests import devices
from securemail.messages import contacts
from securemail.store.models import GuestDevice, LinkDevice
from tests.guests.test_devices import come_back, enter, remember, send
from tests.house import FATIMA, House

pytestmark = pytest.mark.slow


def test_no_number_of_remembered_browsers_weighs_on_whoever_wrote(house: House) -> None:
    """Each browser's key stands in the maker's contact, which is opened whenever they write to anybody."""
    link = send(house)
    for _ in range(3 * devices.MOST):
        newest = remember(house, enter(house, link))
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(GuestDevice)) == devices.MOST
        assert ctx.db.scalar(select(func.count()).select_from(LinkDevice)) == devices.MOST
    assert come_back(house, newest, link) is not None
    later = send(house)
    for _ in range(devices.MOST):
        remember(house, enter(house, later))
    last = send(house)
    with house.work() as ctx:
        known = contacts.find(ctx, house.marieke, FATIMA[0])
        assert known is not None
        assert len(known.devices) == devices.MOST
        opens = select(func.count()).select_from(LinkDevice).where(LinkDevice.link == last)
        assert ctx.db.scalar(opens) == devices.MOST


def test_a_browser_that_is_used_is_not_the_one_that_makes_room(house: House) -> None:
    link = send(house)
    fatimas = remember(house, enter(house, link))
    for _ in range(2 * devices.MOST):
        house.clock.forward(minutes=1)
        back = come_back(house, fatimas, link)
        assert back is not None
        with house.work() as ctx:
            devices.open_here(ctx, back, None)
        house.clock.forward(minutes=1)
        remember(house, enter(house, link))
    assert come_back(house, fatimas, link) is not None
