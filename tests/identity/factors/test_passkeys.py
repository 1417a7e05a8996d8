"""Passkeys, signed in software: those that open and those that do not, and everything that is not believed."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from securemail import ids
from securemail.crypto import unlock
from securemail.crypto.secrets import RootKey, Secret
from securemail.errors import InvalidInput
from securemail.identity import challenges, second_step, vault
from securemail.identity.factors import backup_codes, ceremonies, passkeys
from securemail.identity.factors.ceremonies import RelyingParty
from securemail.identity.second_step import LastStep, Refused
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import Unlocker
from tests.identity.factors.helpers import Browser, refused, sixty_four
from tests.passkeys import ORIGIN, RP, SoftKey

HERE = RelyingParty.of("http://localhost:8000", "Van Dalen & Bakker")
NO_PRF = None


def _create(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = browser.do(passkeys.creation_options, browser.held, browser.owner, rp=HERE)
    return found


def _add(browser: Browser, key: SoftKey, name: str = "Telefoon", **named: Any) -> Any:
    made = key.create(_create(browser))
    return browser.do(passkeys.add, browser.held, browser.owner, made, name=name, prf=key.prf, **named)


def _ask(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = browser.do(passkeys.request_options, browser.held, browser.vault, rp=HERE)
    return found


def _prove(browser: Browser, answer: dict[str, Any]) -> str:
    return refused(lambda: browser.do(passkeys.prove, browser.held, browser.owner.root, answer))


class Stranger:
    """A browser of nobody yet, before the log-in page."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.held = browser.do(challenges.ask_stranger)

    def ask(self) -> dict[str, Any]:
        found: dict[str, Any] = self.browser.do(passkeys.request_options, self.held, None, rp=HERE)
        return found

    def enter(self, key: SoftKey, answer: dict[str, Any] | None = None) -> passkeys.Proved:
        answer = answer or key.get(self.ask())
        proved: passkeys.Proved = self.browser.do(passkeys.prove_alone, self.held, answer, key.prf)
        return proved


def test_the_place_it_is_for_comes_from_the_settings() -> None:
    assert RelyingParty(RP, ORIGIN, "Van Dalen & Bakker") == HERE
    assert RelyingParty.of("https://post.example.org", "x") == RelyingParty(
        "post.example.org", "https://post.example.org", "x"
    )


def test_what_the_browser_is_asked_for(sanne: Browser) -> None:
    options = _create(sanne)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "preferred"
    assert options["attestation"] == "none"
    assert options["extensions"]["prf"]["eval"]["first"] == ids.to_base64url(unlock.prf_input())
    assert options["excludeCredentials"] == []
    assert json.loads(json.dumps(options)) == options


def test_with_its_secret_it_opens_the_root_key_alone(sanne: Browser) -> None:
    key = SoftKey()
    entry = _add(sanne, key)
    assert entry.opens
    assert sanne.vault.has_second_step
    proved = Stranger(sanne).enter(key)
    assert proved.root.rk == sanne.owner.root.rk
    assert proved.unlocker.hex() == entry.id


def test_without_its_secret_it_is_a_second_step_only(sanne: Browser) -> None:
    key = SoftKey(prf=NO_PRF)
    entry = _add(sanne, key)
    assert not entry.opens
    assert _prove(sanne, key.get(_ask(sanne))) == "done"
    assert refused(lambda: Stranger(sanne).enter(key)) == "second-only"


def test_a_secret_that_comes_with_the_first_use_counts(sanne: Browser) -> None:
    key = SoftKey()
    made = key.create(_create(sanne))
    first = sanne.do(passkeys.first_use_options, sanne.held, made["id"], rp=HERE)
    named = {"name": "Sleutel", "prf": key.prf, "assertion": key.get(first)}
    assert sanne.do(passkeys.add, sanne.held, sanne.owner, made, **named).opens
    Stranger(sanne).enter(key)


def test_a_first_use_by_another_key_adds_nothing(sanne: Browser) -> None:
    key, other = SoftKey(), SoftKey()
    made = key.create(_create(sanne))
    first = sanne.do(passkeys.first_use_options, sanne.held, made["id"], rp=HERE)
    other.id = key.id
    named = {"name": "Sleutel", "prf": key.prf, "assertion": other.get(first)}
    assert refused(lambda: sanne.do(passkeys.add, sanne.held, sanne.owner, made, **named)) == "wrong"
    assert not sanne.vault.has_second_step


def test_with_another_secret_nothing_opens(sanne: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    key.prf = b"m" * 32
    assert refused(lambda: Stranger(sanne).enter(key)) == "wrong"
    key.prf = b"m" * 31
    assert refused(lambda: Stranger(sanne).enter(key)) == "typing"


def test_a_secret_alone_signs_nobody_in(sanne: Browser) -> None:
    """Mallory knows the PRF result, but does not have the key."""
    key = SoftKey()
    _add(sanne, key)
    mallory = SoftKey(prf=key.prf, id=key.id, count=7)
    assert refused(lambda: Stranger(sanne).enter(mallory)) == "wrong"


def test_an_answer_is_used_once(sanne: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    answer = key.get(_ask(sanne))
    assert _prove(sanne, answer) == "done"
    assert _prove(sanne, answer) == "expired"
    stranger = Stranger(sanne)
    replayed = key.get(stranger.ask())
    stranger.enter(key, replayed)
    assert refused(lambda: stranger.enter(key, replayed)) == "expired"
    assert refused(lambda: Stranger(sanne).enter(key, replayed)) == "expired"


def test_an_answer_to_somebody_elses_question_is_not_one(sanne: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    answer = key.get(_ask(sanne))
    other = Browser(sanne.house)
    _ask(other)
    assert _prove(other, answer) == "wrong"


def test_a_question_is_good_for_five_minutes(sanne: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    answer = key.get(_ask(sanne))
    sanne.house.clock.forward(minutes=5, seconds=1)
    assert _prove(sanne, answer) == "expired"


@pytest.mark.parametrize("lie", [{"origin": "https://evil.example"}, {"rp": "evil.example"}, {"verified": False}])
def test_another_site_or_an_unverified_user_is_refused(sanne: Browser, lie: dict[str, Any]) -> None:
    key = SoftKey()
    _add(sanne, key)
    for name, value in lie.items():
        setattr(key, name, value)
    assert _prove(sanne, key.get(_ask(sanne))) == "wrong"
    assert refused(lambda: Stranger(sanne).enter(key)) == "wrong"
    other = SoftKey(**lie)
    assert refused(lambda: _add(sanne, other)) == "wrong"
    assert len(sanne.vault.passkeys) == 1


def test_a_counter_that_went_back_is_refused_with_an_alarm(sanne: Browser, caplog: pytest.LogCaptureFixture) -> None:
    key = SoftKey()
    _add(sanne, key)
    assert _prove(sanne, key.get(_ask(sanne))) == "done"
    key.count = 0
    assert _prove(sanne, key.get(_ask(sanne))) == "rewound"
    assert "alarm" in caplog.text
    key.count = 0
    assert refused(lambda: Stranger(sanne).enter(key)) == "rewound"


def test_a_synced_passkey_that_never_counts_goes_on_working(sanne: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    for _ in range(2):
        key.count = -1
        assert _prove(sanne, key.get(_ask(sanne))) == "done"


def test_of_two_copies_with_the_same_counter_one_gets_in(sanne: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    strangers = [Stranger(sanne) for _ in range(2)]
    answers = []
    for stranger in strangers:
        key.count = 0
        answers.append(key.get(stranger.ask()))
    said = [refused(lambda s=s, a=a: s.enter(key, a)) for s, a in zip(strangers, answers, strict=True)]
    assert said == ["done", "rewound"]


def test_a_passkey_of_another_account_is_no_second_step(sanne: Browser, marieke: Browser) -> None:
    hers, his = SoftKey(), SoftKey()
    _add(sanne, hers)
    _add(marieke, his)
    assert _prove(sanne, his.get(_ask(sanne))) == "unknown"
    assert [one["id"] for one in _ask(sanne)["allowCredentials"]] == [ids.to_base64url(hers.id)]


def test_a_passkey_that_names_another_account_signs_nobody_in(sanne: Browser, marieke: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    key.handle = marieke.owner.account
    assert refused(lambda: Stranger(sanne).enter(key)) == "unknown"


def test_an_unknown_passkey_signs_nobody_in(sanne: Browser) -> None:
    key = SoftKey()
    key.handle = sanne.owner.account
    assert refused(lambda: Stranger(sanne).enter(key)) == "unknown"


def test_a_credential_id_belongs_to_one_account(sanne: Browser, marieke: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    assert refused(lambda: _add(marieke, SoftKey(id=key.id))) == "taken"
    assert not marieke.vault.has_second_step
    _add(marieke, SoftKey())


def test_a_planted_second_step_is_ignored_with_an_alarm(sanne: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """T8: Mallory writes a row for her own key beside Sanne's."""
    _add(sanne, SoftKey())
    mallory = SoftKey()
    _plant(sanne, mallory)
    assert len(_ask(sanne)["allowCredentials"]) == 1
    assert "alarm" in caplog.text
    answer = mallory.get(_ask(sanne))
    with pytest.raises(UntrustedKey):
        sanne.do(passkeys.prove, sanne.held, sanne.owner.root, answer)


def test_a_planted_passkey_that_would_open_a_known_root_key_is_not_believed(sanne: Browser) -> None:
    """T8: a row that locks a root key of Mallory's own making to her passkey, for Sanne's account."""
    mallory = SoftKey()
    _plant(sanne, mallory, opens=True)
    with pytest.raises(UntrustedKey):
        Stranger(sanne).enter(mallory)


def test_another_key_under_a_listed_id_is_not_believed(sanne: Browser) -> None:
    """T8: Mallory's public key written into the row of Sanne's passkey."""
    key, mallory = SoftKey(), SoftKey()
    _add(sanne, key)
    mallory.id = key.id
    with sanne.house.work() as ctx:
        ctx.db.execute(
            update(Unlocker).where(Unlocker.credential_id == key.id).values(credential_key=mallory._public_key())
        )
    answer = mallory.get(_ask(sanne))
    with pytest.raises(UntrustedKey):
        sanne.do(passkeys.prove, sanne.held, sanne.owner.root, answer)


def test_a_second_step_that_is_given_a_lock_does_not_sign_in(sanne: Browser) -> None:
    """T8: Mallory stole a security key that only proves, and locks a root key of her own making to it."""
    key = SoftKey(prf=None)
    entry = _add(sanne, key)
    key.prf, unlocker = b"m" * 32, bytes.fromhex(entry.id)
    public = unlock.passkey_pair(Secret(key.prf), sanne.owner.account, unlocker).public
    sealed = unlock.seal_root_key(public, RootKey.new(), sanne.owner.account, 1, unlocker, "passkey")
    with sanne.house.work() as ctx:
        row = update(Unlocker).where(Unlocker.id == unlocker)
        ctx.db.execute(row.values(public_key=public, sealed_rk=sealed))
    with pytest.raises(UntrustedKey):
        Stranger(sanne).enter(key)
    assert _ask(sanne)["allowCredentials"] == []


def test_a_row_given_to_another_account_opens_nothing(sanne: Browser, marieke: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    with sanne.house.work() as ctx:
        moved = update(Unlocker).where(Unlocker.credential_id == key.id)
        ctx.db.execute(moved.values(account=marieke.owner.account))
    key.handle = None
    assert refused(lambda: Stranger(sanne).enter(key)) == "wrong"


def test_of_sixty_four_at_once_one_is_added(sanne: Browser) -> None:
    key = SoftKey()
    made = key.create(_create(sanne))
    said = sixty_four(lambda: sanne.do(passkeys.add, sanne.held, sanne.owner, made, name="Telefoon", prf=key.prf))
    assert said.count("done") == 1
    assert len(sanne.vault.passkeys) == 1


def test_of_sixty_four_log_ins_with_one_answer_one_succeeds(sanne: Browser) -> None:
    key = SoftKey()
    _add(sanne, key)
    stranger = Stranger(sanne)
    answer = key.get(stranger.ask())
    said = sixty_four(lambda: stranger.enter(key, answer))
    assert said.count("done") == 1


def test_ten_at_most(sanne: Browser) -> None:
    for number in range(10):
        _add(sanne, SoftKey(), f"Sleutel {number}")
    assert refused(lambda: _create(sanne)) == "many"


def test_they_have_names_that_can_be_changed(sanne: Browser) -> None:
    entry = _add(sanne, SoftKey(), "  Telefoon  van Sanne ")
    assert entry.name == "Telefoon van Sanne"
    sanne.do(passkeys.rename, sanne.owner, bytes.fromhex(entry.id), "Laptop")
    assert [one.name for one in sanne.vault.passkeys] == ["Laptop"]
    for name in ("", "a\nb", "x" * 200):
        with pytest.raises(InvalidInput):
            sanne.do(passkeys.rename, sanne.owner, bytes.fromhex(entry.id), name)
    assert refused(lambda: sanne.do(passkeys.rename, sanne.owner, bytes(16), "x")) == "unknown"


def test_the_last_one_stays_where_the_organisation_wants_one(sanne: Browser) -> None:
    entry = _add(sanne, SoftKey())
    sanne.do(organisations.decide, sanne.owner.organisation, Policy(require_second_step=True))
    with pytest.raises(LastStep):
        sanne.do(passkeys.remove, sanne.owner, bytes.fromhex(entry.id))
    assert sanne.vault.has_second_step


def test_one_that_is_removed_opens_nothing_and_neither_does_what_it_opened(sanne: Browser) -> None:
    key, other = SoftKey(), SoftKey()
    entry, _ = _add(sanne, key), _add(sanne, other)
    rotated = sanne.do(passkeys.remove, sanne.owner, bytes.fromhex(entry.id))
    assert rotated.root.rk != sanne.owner.root.rk
    assert refused(lambda: Stranger(sanne).enter(key)) == "unknown"
    assert Stranger(sanne).enter(other).root.rk == rotated.root.rk
    assert refused(lambda: sanne.do(passkeys.remove, sanne.owner, bytes.fromhex(entry.id))) != "done"


def test_with_the_last_one_the_backup_codes_go(sanne: Browser) -> None:
    entry = _add(sanne, SoftKey())
    sanne.do(backup_codes.renew, sanne.owner.root)
    rotated = sanne.do(passkeys.remove, sanne.owner, bytes.fromhex(entry.id))
    kept = sanne.do(vault.read, rotated.root)
    assert not kept.has_second_step
    assert kept.backup_codes == ()


@pytest.mark.parametrize("where", ["credential", "assertion", "itself"])
def test_a_body_with_the_secret_in_the_wrong_place_is_rejected(where: str) -> None:
    dirty = {"clientExtensionResults": {"prf": {"enabled": True, "results": {"first": "AAAA"}}}}
    body = dirty if where == "itself" else {where: dirty}
    assert refused(lambda: ceremonies.reject_secret(body)) == "typing"
    ceremonies.reject_secret({"credential": {"clientExtensionResults": {"prf": {"enabled": True}}}})


@pytest.mark.parametrize("body", [None, [], "x", 5, {"credential": [], "assertion": "x"}])
def test_any_json_may_be_looked_at(body: Any) -> None:
    ceremonies.reject_secret(body)


def test_methods_are_offered_best_first(sanne: Browser) -> None:
    assert second_step.methods(sanne.vault) == ()
    sanne.app()
    _add(sanne, SoftKey())
    sanne.do(backup_codes.renew, sanne.owner.root)
    assert second_step.methods(sanne.vault) == ("passkey", "totp", "backup")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=20).map(ids.to_base64url),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    where=st.sampled_from(
        ["id", "rawId", "type", "response", "clientDataJSON", "attestationObject", "authenticatorData", "signature",
         "userHandle", "authenticatorAttachment"]
    ),
    what=_json | st.binary(max_size=300).map(ids.to_base64url),
)  # fmt: skip
def test_whatever_a_browser_sends_is_refused_in_words(where: str, what: Any) -> None:
    asked = ceremonies.Asked(b"c" * 32, RP, ORIGIN)
    key = SoftKey()
    options = {"challenge": ids.to_base64url(b"c" * 32), "user": {"id": ids.to_base64url(bytes(16))}}
    made, got = key.create(options), key.get(options)
    for answer in (made, got):
        part = answer["response"] if where in answer["response"] else answer
        part[where] = what
    for check in (
        lambda: ceremonies.verified_new(made, asked),
        lambda: ceremonies.verified(got, asked, key._public_key(), 0, key.id),
    ):
        # "done" when what was changed is nothing that counts, such as the attachment.
        assert refused(check) in {"done", "wrong", "typing", "rewound"}


@settings(max_examples=300, deadline=None)
@given(public_key=st.binary(max_size=120), signature=st.binary(max_size=80))
def test_a_public_key_that_somebody_wrote_into_the_row_is_refused_in_words(public_key: bytes, signature: bytes) -> None:
    asked = ceremonies.Asked(b"c" * 32, RP, ORIGIN)
    key = SoftKey()
    got = key.get({"challenge": ids.to_base64url(b"c" * 32)})
    got["response"]["signature"] = ids.to_base64url(signature)
    with pytest.raises(Refused):
        ceremonies.verified(got, asked, public_key, 0, key.id)


def test_nested_cbor_is_refused_in_words() -> None:
    asked = ceremonies.Asked(b"c" * 32, RP, ORIGIN)
    made = SoftKey().create({"challenge": ids.to_base64url(b"c" * 32), "user": {"id": ids.to_base64url(bytes(16))}})
    made["response"]["attestationObject"] = ids.to_base64url(b"\x81" * 20_000 + b"\x00")
    assert refused(lambda: ceremonies.verified_new(made, asked)) == "wrong"


def _plant(browser: Browser, key: SoftKey, *, opens: bool = False) -> None:
    unlocker = ids.new_id()
    row = Unlocker(
        id=unlocker, account=browser.owner.account, kind="passkey", credential_id=key.id,
        credential_key=key._public_key(), sign_count=0,
    )  # fmt: skip
    if opens:
        assert key.prf is not None
        row.public_key = unlock.passkey_pair(Secret(key.prf), row.account, unlocker).public
        row.sealed_rk = unlock.seal_root_key(row.public_key, RootKey.new(), row.account, 1, unlocker, "passkey")
    with browser.house.work() as ctx:
        ctx.db.add(row)
        ctx.db.flush()
        assert ctx.db.scalar(select(Unlocker.id).where(Unlocker.credential_id == key.id)) == unlocker
