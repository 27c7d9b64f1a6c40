"""Figures leave the page whole: with their font, and for paper as the dialog under them says."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from clnp_core.analysis import figures
from clnp_core.runs.store import Store

# How far the widest entry of the legend ends before what clips it, in px.
ROOM = """async () => {
  await Promise.all([...document.fonts].map((face) => face.load()));
  const clip = document.querySelector("[id^=legend] > rect").getAttribute("width");
  const start = document.querySelector(".legend").getBoundingClientRect().left;
  const ends = [...document.querySelectorAll(".legendtext")].map((text) => text.getBoundingClientRect().right - start);
  return clip - Math.max(...ends);
}"""


def open_trade_off(page: Page, learned: tuple[str, Store, str]) -> None:
    address, _, run = learned
    page.goto(f"{address}/trade-off?run={run}")
    page.wait_for_function("[...document.querySelectorAll('.live-chart')].some((chart) => chart.on)")


def downloaded(page: Page, button: str, within: Locator | None = None) -> Path:
    with page.expect_download() as download:
        (within or page).get_by_role("button", name=button, exact=True).first.click()
    return Path(download.value.path())


def test_a_pictures_text_is_as_wide_as_it_was_laid_out(page: Page, learned: tuple[str, Store, str]):
    open_trade_off(page, learned)
    picture = downloaded(page, "Save the figure as SVG").read_text()
    assert "CLNP Sans" in picture
    assert "what the run kept" in picture
    assert downloaded(page, "Save the figure as PNG").read_bytes().startswith(b"\x89PNG")
    elsewhere = page.context.new_page()
    elsewhere.set_content(picture)
    assert elsewhere.evaluate("document.fonts.size") > 0
    assert elsewhere.evaluate(ROOM) >= 0
    elsewhere.close()


def test_a_dialog_lays_a_figure_out_for_paper_and_always_light_and_sends_nothing_that_cannot_be(
    page: Page, learned: tuple[str, Store, str]
):
    page.emulate_media(color_scheme="dark")
    open_trade_off(page, learned)
    dialog = page.get_by_role("dialog", name="Save the figure for paper")
    page.get_by_role("button", name="Save the figure for paper").first.click()
    dialog.get_by_role("combobox", name="Width", exact=True).select_option("")
    dialog.get_by_label("Width in mm").fill("1000")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Width in mm")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    page.get_by_role("button", name="Save the figure for paper").first.click()
    for asked, wanted in (("Width", "139.7"), ("Letters", "serif"), ("As", "svg")):
        dialog.get_by_role("combobox", name=asked, exact=True).select_option(wanted)
    dialog.get_by_label("Size in pt").fill("10")
    expect(dialog.get_by_label("Dots per inch")).to_be_hidden()
    picture = downloaded(page, "Save", dialog).read_text()
    expect(dialog).to_have_count(0)
    assert 'width="139.70mm"' in picture
    sizes = [float(size) for size in re.findall(r'class="legendtext"[^>]*font-size: ([\d.]+)px', picture)]
    assert sizes == pytest.approx([10 * 96 / 72] * len(sizes), abs=0.01)
    assert "CLNP Serif" in picture
    assert "rgb(38, 39, 48)" in picture, "the light theme's ink"
    assert "rgb(250, 250, 250)" not in picture


def test_a_page_that_a_figure_is_saved_as_has_our_fonts_and_so_have_pictures_saved_from_it(page: Page, tmp_path: Path):
    saved = figures.save(figures.neuron_activity([0.5, 0.1], 1), tmp_path / "fig.html")
    page.goto(saved.as_uri())
    button = page.locator("[data-title='Save as PNG']")
    expect(button).to_have_count(1)
    assert page.evaluate("[...document.fonts].filter((face) => face.status === 'loaded').length") == 4
    page.locator(".js-plotly-plot").hover()
    with page.expect_download() as download:
        button.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    assert download.value.suggested_filename == "figure.png"
