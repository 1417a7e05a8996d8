"""T3 and T4 for second steps: what a stolen passkey's secret opens, and what the other steps do not."""

from securemail import ids
from securemail.crypto.codes import read_backup_code
from securemail.identity.factors import backup_codes, passkeys
from securemail.identity.factors.ceremonies import RelyingParty
from tests.house import SANNE, House
from tests.identity.factors.helpers import Browser
from tests.passkeys import SoftKey
from tests.security.test_thief import shown_to
from tests.security.thief import thief_in

HERE = RelyingParty.of("http://localhost:8000", "Van Dalen & Bakker")


def add(browser: Browser, key: SoftKey) -> None:
    made = key.create(browser.do(passkeys.creation_options, browser.held, browser.owner, rp=HERE))
    browser.do(passkeys.add, browser.held, browser.owner, made, name="Telefoon", prf=key.prf)


def test_a_passkeys_secret_opens_its_account_alone(house: House) -> None:
    house.send(SANNE)
    browser, key = Browser(house), SoftKey()
    add(browser, key)
    assert key.prf is not None
    thief = thief_in(house).try_everything(key.prf)
    assert thief.keys_of("account.sealed_vault") == {house.sanne.root.account}
    assert thief.keys_of("message.sealed_body") == shown_to(house, house.sanne) != set()


def test_after_its_removal_it_opens_nothing(house: House) -> None:
    house.send(SANNE)
    browser, key = Browser(house), SoftKey()
    add(browser, key)
    nothing = thief_in(house).try_everything().columns()
    [entry] = browser.vault.passkeys
    browser.do(passkeys.remove, browser.owner, bytes.fromhex(entry.id))
    assert key.prf is not None
    assert thief_in(house).try_everything(key.prf).columns() == nothing


def test_seeds_codes_and_keys_that_are_only_second_steps_open_nothing(house: House) -> None:
    house.send(SANNE)
    browser = Browser(house)
    app, key, secret = browser.app(), SoftKey(prf=None), ids.new_token()
    add(browser, key)
    codes = browser.do(backup_codes.renew, browser.owner.root)
    stolen = [app.byte_secret(), app.secret.encode(), secret, key.id, *(read_backup_code(code) for code in codes)]
    thief = thief_in(house).try_everything(*stolen)
    assert thief.columns() == thief_in(house).try_everything().columns()
