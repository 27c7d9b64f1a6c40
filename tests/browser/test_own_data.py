"""A folder of images is uploaded, looked at and given a network, in a real browser."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from clnp_core.runs.store import Store
from tests.browser.test_accessibility import serious

pytestmark = pytest.mark.browser


def test_a_folder_is_looked_at_before_anything_is_trained(page: Page, held: tuple[str, Store], tmp_path: Path):
    draw = np.random.default_rng(0)
    for name in ("cat", "<b>dog"):
        (folder := tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(13):
            Image.fromarray(draw.integers(0, 256, (12, 12, 3), np.uint8)).save(folder / f"{number}.png")
    page.set_viewport_size({"width": 400, "height": 860})
    page.goto(f"{held[0]}/your-data")
    page.get_by_role("radio", name="A folder").click()
    page.locator("input[webkitdirectory]").set_input_files(tmp_path / "pets")
    expect(page.locator(".clnp-samples img")).to_have_count(20)
    expect(page.locator(".clnp-samples figcaption").first).to_have_text("<b>dog")
    assert page.evaluate("[...document.querySelectorAll('.clnp-samples img')].every((image) => image.naturalWidth)")

    expect(page.get_by_text("127,200 parameters")).to_be_visible()
    page.get_by_role("slider", name="Dense layers").press("ArrowRight")
    expect(page.get_by_text("167,400 parameters")).to_be_visible()
    expect(page.locator(".live-chart svg").first).to_contain_text("Layer 3")
    expect(page.get_by_role("textbox", name="Name of the data")).to_have_value("pets")
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollWidth <= 400")
    assert serious(page) == []
