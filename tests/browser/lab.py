"""The lab's page under a browser: its buttons, and the run that it shows."""

from playwright.sync_api import Locator, Page, expect

ROW_PIXELS = 35
"""Of the list, its heading as well."""


def state(page: Page, run: str) -> Locator:
    return page.locator(f".st-key-state-{run}")


def button(page: Page | Locator, label: str) -> Locator:
    return page.get_by_role("button", name=label, exact=True)


def run_of(page: Page, preset: str, before: str) -> str:
    """The id of a run of that preset that has just been started, once the address is no more what it was."""
    page.wait_for_url(lambda url: f"?run={preset}-" in url and url != before)
    return page.url.partition("?run=")[2]


def wait_until_finished(page: Page, run: str) -> None:
    expect(state(page, run)).to_contain_text("Finished in")
