"""Ten backup codes: each once, all replaced together, none without something that they stand in for."""

import pytest

from securemail.identity.factors import backup_codes
from tests.identity.factors.helpers import Browser, refused, sixty_four


@pytest.fixture
def secured(sanne: Browser) -> Browser:
    sanne.app()
    return sanne


def test_ten_different_codes_of_forty_bits(secured: Browser) -> None:
    codes = secured.do(backup_codes.renew, secured.owner.root)
    assert len(set(codes)) == 10
    assert all(len(code) == 9 and code[4] == "-" for code in codes)
    assert not any(code in repr(secured.vault.backup_codes) for code in codes)


def test_each_works_once_and_says_how_many_are_left(secured: Browser) -> None:
    codes = secured.do(backup_codes.renew, secured.owner.root)
    assert secured.do(backup_codes.prove, secured.owner.root, codes[3]) == 9
    assert refused(lambda: secured.do(backup_codes.prove, secured.owner.root, codes[3])) == "wrong"
    assert secured.do(backup_codes.prove, secured.owner.root, codes[0].lower().replace("-", " ")) == 8


def test_new_ones_replace_all_the_old_ones(secured: Browser) -> None:
    old = secured.do(backup_codes.renew, secured.owner.root)
    new = secured.do(backup_codes.renew, secured.owner.root)
    assert all(refused(lambda c=code: secured.do(backup_codes.prove, secured.owner.root, c)) == "wrong" for code in old)
    assert secured.do(backup_codes.prove, secured.owner.root, new[9]) == 9


@pytest.mark.parametrize("typed", ["", "4F7K", "4F7K-92Q", "4F7K-92QU", "4F7K-92QXX", "é" * 8, "x" * 100_000])
def test_what_cannot_be_a_code_is_a_slip(secured: Browser, typed: str) -> None:
    assert refused(lambda: secured.do(backup_codes.prove, secured.owner.root, typed)) == "typing"


def test_without_a_second_step_there_are_none(sanne: Browser) -> None:
    assert refused(lambda: sanne.do(backup_codes.renew, sanne.owner.root)) == "wrong"


def test_another_accounts_code_is_worth_nothing(secured: Browser, marieke: Browser) -> None:
    marieke.app()
    hers = marieke.do(backup_codes.renew, marieke.owner.root)
    assert refused(lambda: secured.do(backup_codes.prove, secured.owner.root, hers[0])) == "wrong"
    assert marieke.do(backup_codes.prove, marieke.owner.root, hers[0]) == 9


def test_of_sixty_four_with_one_code_one_gets_in(secured: Browser) -> None:
    code = secured.do(backup_codes.renew, secured.owner.root)[0]
    said = sixty_four(lambda: secured.do(backup_codes.prove, secured.owner.root, code))
    assert said.count("done") == 1
    assert set(said) == {"done", "wrong"}
    assert len(secured.vault.backup_codes) == 9


def test_they_are_shown_again_until_they_are_put_away(secured: Browser) -> None:
    codes = secured.do(backup_codes.renew, secured.owner.root)
    secured.do(backup_codes.show, secured.held, codes)
    assert secured.do(backup_codes.shown, secured.held) == codes
    secured.do(backup_codes.put_away, secured.held)
    assert secured.do(backup_codes.shown, secured.held) == []


def test_they_are_not_shown_after_half_an_hour_nor_elsewhere(secured: Browser) -> None:
    secured.do(backup_codes.show, secured.held, ["4F7K-92QX"])
    other = Browser(secured.house)
    assert other.do(backup_codes.shown, other.held) == []
    secured.house.clock.forward(minutes=31)
    assert secured.do(backup_codes.shown, secured.held) == []
