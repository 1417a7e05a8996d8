"""The authenticator app, against pyotp as the phone: nothing half set, a code once, a wrong clock told apart."""

from contextlib import suppress

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.identity.factors import totp
from securemail.identity.second_step import LastStep, Refused
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from tests.identity.factors.helpers import Browser, refused, sixty_four


def test_the_qr_code_says_whose_it_is(sanne: Browser) -> None:
    phone = sanne.scan()
    assert (phone.issuer, phone.name) == ("Van Dalen & Bakker", sanne.owner.address)
    assert (phone.interval, phone.digits) == (30, 6)
    assert len(phone.byte_secret()) == 20


def test_the_app_is_set_up_by_a_code_that_proves_it(sanne: Browser) -> None:
    phone = sanne.scan()
    assert not sanne.vault.has_second_step
    sanne.do(totp.enrol, sanne.held, sanne.owner, phone.at(sanne.now))
    assert sanne.vault.totp is not None
    assert sanne.vault.totp.seed == phone.secret


def test_a_wrong_code_leaves_nothing_half_set_and_the_same_qr_code(sanne: Browser) -> None:
    phone = sanne.scan()
    wrong = f"{(int(phone.at(sanne.now)) + 1) % 10**6:06d}"
    assert refused(lambda: sanne.do(totp.enrol, sanne.held, sanne.owner, wrong)) == "wrong"
    assert not sanne.vault.has_second_step
    sanne.do(totp.enrol, sanne.held, sanne.owner, phone.at(sanne.now))
    assert sanne.vault.has_second_step


def test_the_code_that_enrolled_logs_nobody_in(sanne: Browser) -> None:
    phone = sanne.app()
    assert refused(lambda: sanne.do(totp.prove, sanne.owner.root, phone.at(sanne.now))) == "used"


def test_a_code_is_used_once(sanne: Browser) -> None:
    phone = sanne.app()
    sanne.house.clock.forward(seconds=30)
    code = phone.at(sanne.now)
    assert refused(lambda: sanne.do(totp.prove, sanne.owner.root, code)) == "done"
    assert refused(lambda: sanne.do(totp.prove, sanne.owner.root, code)) == "used"


def test_an_older_code_than_the_last_works_no_more(sanne: Browser) -> None:
    phone = sanne.app()
    sanne.house.clock.forward(seconds=60)
    newer, older = phone.at(sanne.now), phone.at(sanne.now - 30)
    sanne.do(totp.prove, sanne.owner.root, newer)
    assert refused(lambda: sanne.do(totp.prove, sanne.owner.root, older)) == "used"


@pytest.mark.parametrize(
    ("drift", "said"),
    [(-30, "done"), (30, "done"), (-60, "clock"), (60, "clock"), (570, "clock"), (-570, "clock"), (660, "wrong")],
)
def test_a_wrong_clock_is_told_apart_from_a_wrong_code(sanne: Browser, drift: int, said: str) -> None:
    phone = sanne.app()
    sanne.house.clock.forward(minutes=30)
    code = phone.at(sanne.now + drift)
    assert refused(lambda: sanne.do(totp.prove, sanne.owner.root, code)) == said


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "१२३४५६", "12 34 5", "🙂", "1" * 100_000])
def test_what_cannot_be_a_code_is_a_slip_of_the_finger(sanne: Browser, typed: str) -> None:
    sanne.app()
    assert refused(lambda: sanne.do(totp.prove, sanne.owner.root, typed)) == "typing"


def test_spaces_in_a_code_are_forgiven(sanne: Browser) -> None:
    phone = sanne.app()
    sanne.house.clock.forward(seconds=30)
    code = phone.at(sanne.now)
    sanne.do(totp.prove, sanne.owner.root, f" {code[:3]}\u202f{code[3:]} ")


def test_an_enrolment_begun_long_ago_begins_again(sanne: Browser) -> None:
    phone = sanne.scan()
    sanne.house.clock.forward(minutes=31)
    assert refused(lambda: sanne.do(totp.enrol, sanne.held, sanne.owner, phone.at(sanne.now))) == "expired"
    assert sanne.do(totp.begun, sanne.held, issuer="x", address="y") is None


def test_another_browser_of_hers_cannot_finish_it(sanne: Browser) -> None:
    phone, other = sanne.scan(), Browser(sanne.house)
    assert refused(lambda: other.do(totp.enrol, other.held, other.owner, phone.at(sanne.now))) == "expired"


def test_of_sixty_four_enrolments_at_once_one_succeeds(sanne: Browser) -> None:
    phone = sanne.scan()
    code = phone.at(sanne.now)
    said = sixty_four(lambda: sanne.do(totp.enrol, sanne.held, sanne.owner, code))
    assert said.count("done") == 1
    assert set(said) <= {"done", "expired"}


def test_of_sixty_four_log_ins_with_one_code_one_succeeds(sanne: Browser) -> None:
    phone = sanne.app()
    sanne.house.clock.forward(seconds=30)
    code = phone.at(sanne.now)
    said = sixty_four(lambda: sanne.do(totp.prove, sanne.owner.root, code))
    assert said.count("done") == 1
    assert set(said) == {"done", "used"}


def test_a_new_app_takes_the_place_of_the_old_one(sanne: Browser) -> None:
    old = sanne.app()
    new = sanne.app()
    sanne.house.clock.forward(seconds=60)
    assert refused(lambda: sanne.do(totp.prove, sanne.owner.root, old.at(sanne.now))) == "wrong"
    sanne.do(totp.prove, sanne.owner.root, new.at(sanne.now))


def test_it_is_removed_with_the_backup_codes_that_stood_beside_it(sanne: Browser) -> None:
    from securemail.identity.factors import backup_codes

    sanne.app()
    sanne.do(backup_codes.renew, sanne.owner.root)
    sanne.do(totp.remove, sanne.owner)
    assert not sanne.vault.has_second_step
    assert sanne.vault.backup_codes == ()


def test_the_last_one_stays_where_the_organisation_wants_one(sanne: Browser) -> None:
    sanne.app()
    sanne.do(organisations.decide, sanne.owner.organisation, Policy(require_second_step=True))
    with pytest.raises(LastStep):
        sanne.do(totp.remove, sanne.owner)
    assert sanne.vault.totp is not None


def test_the_seed_stands_in_no_words(sanne: Browser) -> None:
    phone = sanne.app()
    assert phone.secret not in repr(sanne.vault)
    assert phone.secret not in repr(sanne.vault.totp)


@given(issuer=st.text(max_size=120), address=st.from_regex(r"[a-z.+]{1,30}@[a-z]{1,20}\.example", fullmatch=True))
def test_every_label_can_be_read_by_an_app(issuer: str, address: str) -> None:
    uri = totp._uri("A" * 32, issuer, address)
    assert uri.isascii()
    with suppress(ValueError):  # pyotp wants the issuer twice the same, and reads none that is empty
        found = pyotp.parse_uri(uri)
        assert isinstance(found, pyotp.TOTP)
        assert found.secret == "A" * 32
        assert found.name == address


@given(typed=st.text(max_size=60))
def test_a_typed_code_is_six_digits_or_a_slip(typed: str) -> None:
    with suppress(Refused):
        digits = totp._digits(typed)
        assert len(digits) == 6
        assert digits.isdigit()
