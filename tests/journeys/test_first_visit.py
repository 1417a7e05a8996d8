"""The first visit: from the link in the console to an inbox, once."""

from playwright.sync_api import Page, expect

from tests.journeys.people import keep_recovery_code, set_up, setup_link
from tests.servers import Product, SmtpSink

MARIEKE = "marieke@vandalenbakker.example"


def test_the_set_up_link_leads_to_an_inbox_and_works_once(product: Product, smtp_sink: SmtpSink, page: Page) -> None:
    link = setup_link(product)
    page.goto(product.url)
    expect(page.get_by_role("heading", name="Securemail in gebruik nemen")).to_be_visible()

    set_up(page, link, address=MARIEKE)
    assert "#" not in page.url, "the token has left the address bar"
    keep_recovery_code(page)
    expect(page.get_by_text("Je postvak is leeg")).to_be_visible()

    page.goto(link)
    expect(page.get_by_role("heading", name="Securemail is al in gebruik")).to_be_visible()
    page.get_by_role("link", name="Inloggen").click()
    page.wait_for_url("**/inbox")  # she is logged in already
