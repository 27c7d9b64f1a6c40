"""Examples as a person looks at them: an image that is clicked lights up its neurons, a cell leads to its images."""

import re

import pytest
from playwright.sync_api import Page, expect

from clnp_core.runs.store import Store
from clnp_core.runs.views.classes import confusion
from tests.browser.test_capacity_and_accuracy import assert_nothing_is_wider_than_a_phone, drawn

pytestmark = pytest.mark.browser


def test_an_image_that_is_clicked_lights_up_its_neurons_and_a_cell_of_the_confusion_leads_to_its_images(
    page: Page, learned: tuple[str, Store, str]
):
    address, store, run = learned
    page.goto(f"{address}/examples?run={run}&task=2")
    drawn(page, 4)
    wall = page.locator(".live-chart[aria-label*='test images of task 2']")
    wall.locator("path.point").nth(5).click(force=True)
    page.wait_for_url(re.compile(r"image=\d+"))
    image = re.search(r"image=(\d+)", page.url)[1]
    expect(page.get_by_text(re.compile(f"Image {image} is of class"))).to_be_visible()
    expect(page.locator(".live-chart .gtitle", has_text=f"Neurons that image {image} of task 2")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("7 of 360")).to_be_visible()
    cell = page.locator(".live-chart[aria-label*='taken for another'] .heatmap-label").first
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(r"label=\d&answer=\d"))
    label, answer = map(int, re.findall(r"(?:label|answer)=(\d)", page.url))
    pairs = confusion(store, run, 2)
    (count,) = pairs[(pairs["label"] == label) & (pairs["answer"] == answer)]["images"]
    expect(page.get_by_text(f"{count} images of 360")).to_be_visible()
    assert_nothing_is_wider_than_a_phone(page)
