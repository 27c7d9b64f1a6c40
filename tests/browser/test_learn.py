"""The lesson as a person takes it: by keyboard, with a bet, a slider in the hand, and as a lecturer shows it."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from clnp_core.lesson.parts import shipped
from clnp_core.runs.store import Store
from dashboard.learn.lesson import lesson

pytestmark = pytest.mark.browser

STEPS = lesson()
FIGURE = "[...document.querySelectorAll('.live-chart')].map(({ data }) => JSON.stringify(data)).join()"


@pytest.fixture
def learn(held: tuple[str, Store]) -> str:
    """The page's address, on an empty store."""
    return f"{held[0]}/learn"


def opened(page: Page, address: str) -> None:
    page.goto(address)
    drawn(page)


def drawn(page: Page) -> str:
    """The figure's data, once it is drawn and the page at rest."""
    page.wait_for_function("[...document.querySelectorAll('.live-chart')].some((chart) => chart.on)")
    page.wait_for_selector("[data-test-script-state=notRunning]")
    return page.evaluate(FIGURE)


def slider(page: Page) -> Locator:
    return page.get_by_role("slider")


def test_the_arrow_keys_walk_through_all_steps_and_back(page: Page, learn: str):
    opened(page, learn)
    figures = set()
    for number, step in enumerate(STEPS, start=1):
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{number} · {step.title}")
        expect(page.get_by_label(f"Step {number} of {len(STEPS)}")).to_be_visible()
        page.wait_for_function(f"(seen) => !seen.includes({FIGURE})", arg=list(figures))
        figures.add(drawn(page))
        if number < len(STEPS):
            page.keyboard.press("ArrowRight")
            page.wait_for_url(f"{learn}?step={number + 1}")
    assert len(figures) == len(STEPS)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"{learn}?step={len(STEPS) - 1}")


def test_a_bet_is_placed_and_the_curve_revealed(page: Page, learn: str):
    opened(page, f"{learn}?step=2")
    points = "document.querySelector('.live-chart').data[0].x.length"
    assert page.evaluate(points) == 1
    before = slider(page).get_attribute("aria-valuetext")
    slider(page).press("ArrowLeft")  # moves the slider, not the lesson
    page.wait_for_url(f"{learn}?step=2&at=13")
    expect(slider(page)).not_to_have_attribute("aria-valuetext", before)
    page.get_by_role("button", name="Place the bet").click()
    page.wait_for_function(f"{points} === {len(shipped('forgetting')['accuracy'])}")
    expect(page.get_by_text("points off")).to_be_visible()
    expect(slider(page)).to_be_disabled()


def test_a_figure_follows_its_slider_while_it_is_in_the_hand(page: Page, learn: str):
    opened(page, f"{learn}?step=6")
    seen, box = {drawn(page)}, slider(page).bounding_box()
    middle, address = box["y"] + box["height"] / 2, page.url
    page.mouse.move(box["x"] + 0.6 * box["width"], middle)
    page.mouse.down()
    for share in (0.45, 0.3, 0.1):
        before = page.evaluate(FIGURE)
        page.mouse.move(box["x"] + share * box["width"], middle)
        page.wait_for_function(f"(before) => {FIGURE} !== before", arg=before)
        seen.add(page.evaluate(FIGURE))
        assert page.url == address
    page.mouse.up()
    page.wait_for_url(f"{learn}?step=6&at=*")
    assert len(seen) == 4


def test_a_choice_changes_the_figure_and_is_in_the_link(page: Page, learn: str, browser: Browser):
    opened(page, f"{learn}?step=7")
    before = page.evaluate(FIGURE)
    page.get_by_text("cut, and left in").click()
    page.wait_for_url(f"{learn}?step=7&at=1")
    page.wait_for_function(f"(before) => {FIGURE} !== before", arg=before)
    shown = drawn(page)
    elsewhere = browser.new_context().new_page()
    opened(elsewhere, page.url)
    assert elsewhere.evaluate(FIGURE) == shown
    elsewhere.context.close()


def test_a_lecture_is_larger_and_leaves_out_what_is_not_for_the_wall(page: Page, learn: str):
    size = "parseFloat(getComputedStyle(document.querySelector('[data-testid=stMain] p')).fontSize)"
    opened(page, f"{learn}?step=4")
    usual, beside = page.evaluate(size), page.get_by_text("Contents", exact=True)
    expect(beside).to_be_visible()
    page.get_by_role("button", name="Lecture").click()
    page.wait_for_url(f"{learn}?step=4&lecture=1")
    expect(beside).to_be_hidden()
    expect(page.get_by_text("Exercise")).to_have_count(0)
    expect(page.get_by_role("button", name="Save the figure as SVG")).to_be_hidden()
    assert page.evaluate(size) > 1.2 * usual
    expect(page.get_by_role("link", name="Lab")).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollHeight <= 720")
    expect(slider(page)).to_be_in_viewport(ratio=1)
    for key, step in (("ArrowRight", 5), ("PageDown", 6), ("PageUp", 5)):
        drawn(page)  # a key that is pressed while the buttons change finds none
        if key == "PageDown":
            slider(page).focus()
        page.keyboard.press(key)
        page.wait_for_url(f"{learn}?step={step}&lecture=1")
    drawn(page)
    page.get_by_role("button", name="End the lecture").click()
    page.wait_for_url(f"{learn}?step=5")
    expect(beside).to_be_visible()
    page.set_viewport_size({"width": 1440, "height": 900})


def test_the_contents_and_a_narrow_screen(page: Page, learn: str):
    opened(page, learn)
    page.get_by_role("button", name=STEPS[8].title).click()
    page.wait_for_url(f"{learn}?step=9")
    page.set_viewport_size({"width": 400, "height": 900})
    for number in (4, 6, 8):  # the widest
        opened(page, f"{learn}?step={number}")
        page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollWidth <= 400")
