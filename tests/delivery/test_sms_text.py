"""The words of an SMS: both languages, one SMS long, the code where phones look for it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.delivery import gsm7, sms_text
from securemail.delivery.brand import Brand
from securemail.delivery.channels import channel_of
from securemail.delivery.notifications import Unsendable
from tests.delivery.office import START, job_of

PAYLOAD: dict[str, object] = {
    "to": "+31612345678", "code": "042317", "language": "nl", "host": "mail.vandalenbakker.example",
    "until": "2026-11-22T09:08:00+00:00",
}  # fmt: skip


def _text(name: str = "Van Dalen & Bakker", **changes: object) -> str:
    return sms_text.write(job_of({**PAYLOAD, **changes}, "sms_code"), now=START, brand=Brand(name)).text


def test_the_words_in_dutch_and_english() -> None:
    assert _text() == (
        "Je inlogcode voor Van Dalen & Bakker is 042317. Geef deze code aan niemand.\n"
        "\n"
        "@mail.vandalenbakker.example #042317"
    )
    assert _text(language="en").startswith(
        "Your log-in code for Van Dalen & Bakker is 042317. Give this code to nobody.\n"
    )
    assert _text(language="fr") == _text()


def test_the_code_is_bound_to_the_host_without_its_port() -> None:
    assert _text(host="localhost:8000").splitlines()[-1] == "@localhost #042317"
    assert _text(host="Bücher.example").splitlines()[-1] == "@xn--bcher-kva.example #042317"


def test_every_kind_has_a_template_and_goes_by_phone() -> None:
    for kind in sms_text.KINDS:
        assert (sms_text.TEMPLATES / "sms" / f"{kind}.txt").is_file()
        assert channel_of(kind) == "sms"


@pytest.mark.parametrize("language", ["nl", "en"])
@given(name=st.text(st.sampled_from("abcdeé ë&|€'.’–-Øł"), min_size=1, max_size=200))
def test_a_name_of_our_letters_fits_in_one_sms(language: str, name: str) -> None:
    text = _text(name, language=language)
    taken = gsm7.length(text)
    if taken is None:
        assert "ł" in name  # the only one here without a letter of the alphabet beneath it
        assert len(text) <= 134
    else:
        assert taken <= 160
    assert text.endswith(" #042317")


@given(name=st.text(max_size=300))
def test_no_name_can_touch_the_last_line(name: str) -> None:
    lines = _text(f"{name}\n@evil.example #999999\n").splitlines()
    assert lines[-1] == "@mail.vandalenbakker.example #042317"
    assert sum(line.startswith("@") for line in lines) == 1


def test_a_long_name_is_cut_between_words() -> None:
    text = _text("Stichting Samenwerkende Advocaten en Mediators in de Regio Haaglanden en Rijnmond")
    assert re.search(r"voor Stichting Samenwerkende Advocaten en Mediators in de Regio\.\.\. is 042317\.", text)
    assert gsm7.length(text) is not None


def test_accents_outside_the_alphabet_become_plain_letters() -> None:
    assert "voor Notariaat Noël & Zoë's - Van Eé is" not in _text("Notariaat Noël & Zoë’s – Van Eé")
    assert "voor Notariaat Noel & Zoe's - Van Eé is" in _text("Notariaat Noël & Zoë’s – Van Eé")


def test_a_name_in_another_script_stays_as_it_is() -> None:
    assert "voor Бюро Иванов is 042317" in _text("Бюро Иванов")


def test_a_very_long_host_leaves_a_name_to_go_by() -> None:
    assert "voor Van Dalen... is 042317" in _text("Van Dalen & Bakker advocaten", host="a" * 60 + ".example" * 8)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "0612345678"}, {"to": "+31612345678\n"}, {"to": "+31612345678,+31687654321"}, {"to": None},
        {"code": ""}, {"code": "12345a"}, {"code": 123456}, {"host": "a b"}, {"host": "x\ny"}, {"host": None},
        {"host": "mail.example #999999"}, {"host": ""}, {"to": "+" + "1" * 40}, {"host": "é" * 200},
        {"until": START.isoformat()}, {"until": "2026-11-22T09:08:00"}, {"until": "soon"}, {"until": None},
    ],
)  # fmt: skip
def test_a_payload_that_is_not_ours_is_not_sent(changes: dict[str, object]) -> None:
    with pytest.raises(Unsendable) as caught:
        _text(**changes)
    assert "612345678" not in str(caught.value)


@pytest.mark.parametrize("missing", list(PAYLOAD))
def test_a_payload_that_lacks_something_is_not_sent(missing: str) -> None:
    payload = {name: value for name, value in PAYLOAD.items() if name != missing}
    with pytest.raises(Unsendable):
        sms_text.write(job_of(payload, "sms_code"), now=START, brand=Brand("x"))


def test_an_unknown_kind_and_a_broken_template_are_not_sent(tmp_path: Path) -> None:
    for payload, kind in ((PAYLOAD, "sms_other"), (None, "sms_code"), (PAYLOAD, "activation")):
        with pytest.raises(Unsendable):
            sms_text.write(job_of(payload, kind), now=START, brand=Brand("x"))
    with pytest.raises(Unsendable):
        sms_text.write(job_of(PAYLOAD, "sms_code"), now=START, brand=Brand("x"), templates=tmp_path)


@pytest.mark.parametrize(
    ("language", "words"),
    [("nl", "De code voor uw bericht van Van Dalen & Bakker is 123456."), ("en", "The code for your message from")],
)
def test_a_guest_is_told_of_a_message_not_of_a_log_in(language: str, words: str) -> None:
    job = job_of({**PAYLOAD, "language": language, "code": "123456"}, "sms_guest_code")
    text = sms_text.write(job, now=START, brand=Brand("Van Dalen & Bakker")).text
    assert text.startswith(words)
    assert text.endswith("#123456")
