"""T7: a sealed value opens in its own place only, and not after any change, for every pair of functions there is."""

import inspect
from collections.abc import Iterator

import pytest

from securemail.crypto import configured, content, cookies, links, locks, mailkeys, notes, unlock
from securemail.errors import CannotOpen
from tests.crypto.pairs import PAIRS, Pair
from tests.crypto.places import THERE, here, here_but

MODULES = [configured, content, cookies, links, locks, mailkeys, notes, unlock]

every_pair = pytest.mark.parametrize("pair", PAIRS, ids=str)


def public_functions(*beginnings: str) -> Iterator[str]:
    for module in MODULES:
        name = module.__name__.rpartition(".")[2]
        classes = [
            kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__
        ]
        for owner in [module, *classes]:
            prefix = name if owner is module else f"{name}.{owner.__name__}"
            for word, function in inspect.getmembers(owner, inspect.isfunction):
                if word.startswith(beginnings) and function.__module__ == module.__name__:
                    yield f"{prefix}.{word}"


def test_no_pair_is_missing_from_the_table() -> None:
    assert {pair.seal for pair in PAIRS} == {*public_functions("seal_"), "locks.lock", "locks.lock_to"}
    assert {pair.open for pair in PAIRS} == {*public_functions("open_"), "locks.unlock", "locks.unlock_with"}


def values_an_opening_hangs_on() -> Iterator[tuple[Pair, str]]:
    for pair in PAIRS:
        place = here()
        pair.opening(place, pair.locking(here()))
        yield from ((pair, name) for name in sorted(place.asked))


@every_pair
def test_it_opens_in_its_own_place(pair: Pair) -> None:
    assert pair.opening(here(), pair.locking(here())) == pair.content(here())


@pytest.mark.parametrize(("pair", "name"), list(values_an_opening_hangs_on()), ids=str)
def test_it_does_not_open_elsewhere(pair: Pair, name: str) -> None:
    with pytest.raises(CannotOpen):
        pair.opening(here_but(name), pair.locking(here()))
    if name in values_a_locking_hangs_on(pair):
        with pytest.raises(CannotOpen):
            pair.opening(here(), pair.locking(here_but(name)))


def values_a_locking_hangs_on(pair: Pair) -> set[str]:
    place = here()
    pair.locking(place)
    return place.asked


@every_pair
def test_no_value_opens_as_another_kind(pair: Pair) -> None:
    sealed = pair.locking(here())
    for other in PAIRS:
        # The holders of an organisation's mailbox and of an account's stand in one format, under different keys.
        if other is not pair:
            with pytest.raises(CannotOpen):
                other.opening(here(), sealed)


def byte_classes(pair: Pair, sealed: bytes) -> dict[str, range]:
    ends = {"generation": 1, "suite": 2}
    ends |= {"lattice": 1090, "curve": 1122} if pair.public_key else {"salt": 26, "commitment": 58}
    ends |= {"ciphertext": len(sealed) - 16, "tag": len(sealed)}
    starts = [0, *ends.values()]
    return {name: range(start, end) for (name, end), start in zip(ends.items(), starts, strict=False)}


@every_pair
def test_no_changed_byte_of_any_class_opens(pair: Pair) -> None:
    sealed, place = pair.locking(here()), here()
    for positions in byte_classes(pair, sealed).values():
        for position in {positions[0], positions[len(positions) // 2], positions[-1]}:
            for bit in range(8):
                changed = bytearray(sealed)
                changed[position] ^= 1 << bit
                with pytest.raises(CannotOpen):
                    pair.opening(place, bytes(changed))


@every_pair
def test_nothing_cut_or_extended_opens(pair: Pair) -> None:
    sealed, place = pair.locking(here()), here()
    cuts = {0, 1, 2, 3, 26, 58, 74, 1122, 1138, len(sealed) // 2, len(sealed) - 16, len(sealed) - 1}
    for size in (cut for cut in cuts if cut < len(sealed)):
        with pytest.raises(CannotOpen):
            pair.opening(place, sealed[:size])
    for more in (b"\x00", bytes(16), bytes(16384), sealed):
        with pytest.raises(CannotOpen):
            pair.opening(place, sealed + more)


@every_pair
def test_the_same_content_never_gives_the_same_bytes(pair: Pair) -> None:
    first, second = pair.locking(here()), pair.locking(here())
    assert first[:2] == second[:2] == bytes([1, 2 if pair.public_key else 1])
    assert first[2:26] != second[2:26]
    assert len(first) == len(second)


@pytest.mark.parametrize("bad", [-1, 1 << 64])
def test_a_row_with_an_impossible_number_does_not_open(bad: int) -> None:
    sealed = locks.lock(THERE["key"], b"", locks.Label.CONTACT, 1)
    with pytest.raises(CannotOpen):
        locks.unlock(THERE["key"], sealed, locks.Label.CONTACT, bad)


def test_a_row_with_an_impossible_word_does_not_open() -> None:
    pair = next(pair for pair in PAIRS if pair.seal == "unlock.seal_root_key")
    sealed = pair.locking(here())
    place = here()
    place._values = {**place._values, "kind": "pássword"}
    with pytest.raises(CannotOpen):
        pair.opening(place, sealed)


KEY_OPENERS = [pair for pair in PAIRS if pair.public_key and isinstance(pair.content(here()), bytes)][1:]


@pytest.mark.parametrize("pair", KEY_OPENERS, ids=str)
def test_a_planted_lock_that_holds_no_key_is_refused(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody can make an E1 lock, also one whose content has the length of no key."""
    module = {"links": links, "mailkeys": mailkeys, "notes": notes, "unlock": unlock}[pair.seal.partition(".")[0]]
    monkeypatch.setattr(module, "lock_to", lambda public, _key, *context: locks.lock_to(public, b"short", *context))
    with pytest.raises(CannotOpen):
        pair.opening(here(), pair.locking(here()))
