"""Setting the recipient check while writing: at a chip, for everybody, with and without script."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from securemail.store.models import GuestLink, Message, Recipient
from tests.browser import open_context
from tests.journeys.people import Office, add_recipients, arrive, compose, let_in, wait_until_kept


def sheet(page: Page, name: str) -> None:
    """A tap on somebody's chip."""
    page.locator("[data-chip]", has_text=name).locator(".chip-button").click()
    expect(page.get_by_role("heading", name="Ontvangerscontrole")).to_be_visible()


def settle(page: Page) -> None:
    page.get_by_role("button", name="Instellen", exact=True).click()
    expect(page.locator("#dialog")).not_to_be_visible()


def hold(page: Page, pattern: str) -> Callable[[], None]:
    """The next request to such an address gets no answer until the story lets it go by calling this."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route), times=1)

    def let_go() -> None:
        with page.expect_response(pattern):
            held.pop().continue_()

    return let_go


def methods_of(office: Office, sender: bytes) -> dict[str, list[str]]:
    """The methods of the links that somebody made, and the states of who received."""
    with office.work() as ctx:
        mine = select(Message.id).where(Message.sender == sender)
        return {
            "methods": sorted(ctx.db.scalars(select(GuestLink.method).where(GuestLink.maker == sender))),
            "states": sorted(ctx.db.scalars(select(Recipient.state).where(Recipient.message.in_(mine)))),
        }


def test_each_recipient_gets_a_check_of_their_own(office: Office, page: Page) -> None:
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    fatima, peter = f"Fatima El Amrani <fatima.{marieke.address}>", f"Peter Hoekstra <peter.{marieke.address}>"
    let_in(page, office, marieke)
    compose(page, office.url, fatima, peter, sanne.address)
    expect(page.locator(".chip-check")).to_have_text(["Geen", "Geen", "Account"])

    sheet(page, "Fatima")
    expect(page.get_by_text("Hoe weten we zeker dat het Fatima is?").last).to_be_visible()
    expect(page.get_by_text("Kan niet: Fatima heeft geen account.")).to_be_visible()
    expect(page.get_by_label("Mobiel nummer")).not_to_be_visible()
    page.get_by_label("Sms-code").check()
    page.get_by_label("Mobiel nummer").fill("12")
    page.get_by_role("button", name="Instellen", exact=True).click()
    expect(page.get_by_text("Dit nummer kan geen sms krijgen")).to_be_visible()
    page.get_by_label("Mobiel nummer").fill("06 12 34 56 78")
    settle(page)
    expect(page.locator(".chip-check")).to_have_text(["Sms", "Geen", "Account"])
    expect(page.get_by_text("Peter opent zonder extra controle")).to_be_visible()

    sheet(page, "Peter")
    page.get_by_label("Wachtwoord", exact=False).first.check()
    page.get_by_label("Afgesproken wachtwoord").fill("blauwe fiets 1987")
    settle(page)
    expect(page.locator(".chip-check")).to_have_text(["Sms", "Wachtwoord", "Account"])
    expect(page.get_by_text("Alleen zij en jij kunnen dit lezen")).to_be_visible()

    page.get_by_label("Bericht", exact=True).fill("Hierbij de stukken.")
    wait_until_kept(page)
    page.get_by_role("button", name="Verzenden").click()
    page.wait_for_url("**/conversations/**")
    assert methods_of(office, marieke.mailbox)["methods"] == ["password", "sms"]

    page.goto(f"{office.url}/compose")
    add_recipients(page, [f"fatima.{marieke.address}"])
    expect(page.locator(".chip-check")).to_have_text(["Sms"])
    sheet(page, "Fatima")
    expect(page.get_by_label("Mobiel nummer")).to_have_value("06 12345678")
    expect(page.get_by_text("Laatst gebruikt op")).to_be_visible()


def test_one_missing_number_holds_back_one_person(office: Office, page: Page) -> None:
    marieke = office.member()
    let_in(page, office, marieke)
    compose(page, office.url, f"Fatima El Amrani <fatima.{marieke.address}>", f"peter.{marieke.address}")
    sheet(page, "Fatima")
    page.get_by_label("Sms-code").check()
    settle(page)
    expect(page.locator(".chip-check")).to_have_text(["Nummer mist", "Geen"])
    expect(page.locator("#readiness")).to_contain_text("Nummer van Fatima mist. Je kunt al verzenden.")
    page.get_by_role("button", name="Verzenden").click()
    page.wait_for_url("**/conversations/**")
    assert methods_of(office, marieke.mailbox)["states"][0] in ("unready", "notified")
    assert "unready" in methods_of(office, marieke.mailbox)["states"]
    assert office.sink.wait_for(f"peter.{marieke.address}", 1)


def test_everybody_is_checked_with_one_switch(office: Office, page: Page) -> None:
    marieke = office.member()
    let_in(page, office, marieke)
    compose(page, office.url, f"fatima.{marieke.address}", f"peter.{marieke.address}", f"jan.{marieke.address}")
    wait_until_kept(page)  # or its answer would close what is opened now
    page.locator(".secure-button").click()
    page.get_by_role("button", name="Ontvangerscontrole").click()
    page.get_by_label("Controleer de ontvangers").check()
    page.get_by_role("button", name="Stel in").click()
    expect(page.locator("#dialog")).not_to_be_visible()
    expect(page.locator(".chip-check")).to_have_text(["Nummer mist"] * 3)
    page.locator(".secure-button").click()
    page.get_by_role("button", name="Ontvangerscontrole").click()
    page.get_by_role("button", name="Instellingen voor peter").click()
    page.get_by_label("Mobiel nummer").fill("06 12 34 56 78")
    settle(page)
    expect(page.locator(".chip-check")).to_have_text(["Nummer mist", "Sms", "Nummer mist"])


def test_three_strangers_are_better_written_to_apart(office: Office, page: Page) -> None:
    marieke = office.member()
    let_in(page, office, marieke)
    to = [f"{name}.{marieke.address}" for name in ("fatima", "peter", "jan")]
    compose(page, office.url, *to)
    expect(page.get_by_text("Verstuur het dan aan ieder apart.")).to_be_visible()
    page.get_by_label("Ieder apart").check()
    expect(page.get_by_text("ziet de anderen niet.")).to_be_visible()
    wait_until_kept(page)
    page.get_by_role("button", name="Verzenden").click()
    page.wait_for_url("**/sent?apart=3")
    expect(page.get_by_text("Verzonden in 3 aparte conversaties. Ze staan hier bovenaan.")).to_be_visible()
    expect(page.locator("li.row")).to_have_count(3)
    with office.work() as ctx:
        sent = ctx.db.scalars(select(Message.conversation).where(Message.sender == marieke.mailbox)).all()
    assert len(set(sent)) == len(sent) == 3


def test_apart_stays_chosen_when_an_earlier_save_answers_later(office: Office, page: Page) -> None:
    marieke = office.member()
    let_in(page, office, marieke)
    compose(page, office.url, f"fatima.{marieke.address}", f"peter.{marieke.address}")
    wait_until_kept(page)
    let_go = hold(page, "**/drafts*")
    with page.expect_request("**/drafts*"):
        page.get_by_label("Bericht", exact=True).fill("Hierbij de stukken.")
    page.get_by_label("Ieder apart").check()
    let_go()
    page.get_by_role("button", name="Verzenden").click()
    page.wait_for_url("**/sent?apart=2")


def test_a_switch_stays_under_the_finger_while_the_address_field_gives_its_line_back(
    office: Office, page: Page
) -> None:
    marieke = office.member()
    arrive(page, office, marieke, "/compose")
    add_recipients(page, [f"{'lang' * 12}{nth}.{marieke.address}" for nth in range(3)])
    expect(page.get_by_label("Aan", exact=True)).to_be_focused()
    apart = page.get_by_label("Ieder apart")
    expect(apart).to_be_visible()
    wait_until_kept(page)
    before = apart.bounding_box()
    assert before is not None
    apart.check()
    expect(apart).to_be_checked()
    # The field had a line of its own, and gives it back.
    page.wait_for_function(
        "([apart, y]) => apart.getBoundingClientRect().y < y - 20", arg=[apart.element_handle(), before["y"]]
    )


def test_nobody_is_proposed_who_is_a_chip_already(office: Office, page: Page) -> None:
    marieke = office.member()
    office.send(marieke, (f"peter.{marieke.address}", "Peter Hoekstra"))
    arrive(page, office, marieke, "/compose")
    let_go = hold(page, "**/compose/suggestions")
    field = page.get_by_label("Aan", exact=True)
    with page.expect_request("**/compose/suggestions"):
        field.fill(f"peter.{marieke.address}")
    field.press("Enter")
    expect(page.locator("[data-chip]")).to_have_count(1)
    let_go()
    expect(page.locator("#suggestions [data-address]")).to_have_count(1)
    expect(page.locator("#suggestions")).to_be_hidden()


def test_all_of_the_sheet_is_on_the_screen_whatever_opens_in_it(office: Office, page: Page) -> None:
    marieke = office.member()
    let_in(page, office, marieke)
    compose(page, office.url, *[f"{'lang' * 8}{nth}.{marieke.address}" for nth in range(4)])
    sheet(page, f"{'lang' * 8}3")
    for name in ("none", "sms", "password"):
        page.locator(f"#check-{name}").check()
        leave = page.get_by_role("button", name="Ontvanger verwijderen")
        leave.scroll_into_view_if_needed()
        expect(leave).to_be_in_viewport(ratio=1)


def test_a_recipient_leaves_by_the_sheet(office: Office, page: Page) -> None:
    marieke = office.member()
    let_in(page, office, marieke)
    compose(page, office.url, f"fatima.{marieke.address}", f"peter.{marieke.address}")
    sheet(page, "peter")
    page.get_by_role("button", name="Ontvanger verwijderen").click()
    expect(page.locator("[data-chip]")).to_have_count(1)
    expect(page.get_by_text("Verzegeld voor 1 ontvanger")).to_be_visible()


def test_it_goes_without_script(office: Office, chromium: Browser, size: str) -> None:
    marieke = office.member()
    with open_context(chromium, size, java_script_enabled=False) as context:
        page = context.new_page()
        arrive(page, office, marieke, "/compose")
        page.get_by_label("Aan", exact=True).fill(f"Fatima El Amrani <fatima.{marieke.address}>")
        page.get_by_label("Onderwerp").fill("Stukken")
        page.get_by_label("Bericht", exact=True).fill("Hierbij de stukken.")
        page.locator(".secure-button").click()
        page.get_by_role("button", name="Ontvangerscontrole").click()
        page.get_by_role("button", name="Instellingen voor Fatima").click()
        page.get_by_label("Sms-code").check()
        page.get_by_label("Mobiel nummer").fill("06 12 34 56 78")
        page.get_by_role("button", name="Instellen", exact=True).click()
        expect(page.locator(".check-state")).to_have_text("Sms")
        page.get_by_role("link", name="Terug naar je bericht").click()
        page.get_by_role("button", name="Verzenden").click()
        page.wait_for_url("**/conversations/**")
    assert methods_of(office, marieke.mailbox)["methods"] == ["sms"]
