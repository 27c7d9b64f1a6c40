"""Takes the app's pictures: `make tour`. Every page of the app, wide and narrow, light and dark, after a digits run.

Writes docs/tour/PAGE-WIDTH-SCHEME.png and docs/tour.md, which shows them all.
"""

import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from clnp_core.runs.store import Store
from tests.browser.conftest import FLAGS, find_chromium, serving

FOLDER = Path(__file__).parents[2] / "docs" / "tour"
PAGES = {
    "lab": "Start runs, watch them learn, find them again",
    "your-data": "Tasks made of data of your own, and a network for them",
    "partition": "Who owns each neuron, and which weights are free, severed or interference",
    "trade-off": "What another λ, θ or m would have meant",
    "capacity": "How full the network is, and what later tasks reuse",
    "accuracy": "What was learned, and that nothing was forgotten",
    "examples": "Which class an image is taken for, through which neurons, and which are taken for another",
    "compare": "Runs side by side",
    "sweeps": "Many settings over whole sequences",
    "learn": "A lesson on forgetting, catastrophic and graceful",
}
WIDTHS = {"wide": (1440, 1000), "narrow": (400, 860)}
COLOURS = 128  # of a picture: a page has few
RUN = ["run", "digits", "--tasks", "6", "--set", "lambda.2=5e-4,1e-3,2e-3", "--set", "search=every-task"]
FINETUNE = ["run", "digits", "--tasks", "6", "--set", "method=finetune"]
SWEEP = ["sweep", "digits", "--tasks", "6", "--over", "lambda.2=5e-4,1e-3", "--over", "margin=0.0,0.01,0.03"]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as store:
        for command in (SWEEP, FINETUNE, RUN):
            arguments = [*command, "--set", "single_task=false", "--store", store]
            subprocess.run([sys.executable, "-m", "clnp_core.cli", *arguments], check=True)
        newest, finetuned = (run.id for run in Store(Path(store)).runs()[:2])
        links = {"lab": "", "partition": "partition?task=3", "compare": f"compare?runs={newest},{finetuned}"}
        with serving(Path(store)) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            for name in PAGES:
                for width, size in WIDTHS.items():
                    for scheme in ("light", "dark"):
                        picture = photograph(browser, f"{url}/{links.get(name, name)}", size, scheme)
                        keep(picture, FOLDER / f"{name}-{width}-{scheme}.png")
    (FOLDER.parent / "tour.md").write_text(album(), "utf-8")


def photograph(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> bytes:
    """A whole page, as tall as it is."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(address)
    settle(page)
    tall = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(height, tall + 60)})
    page.wait_for_timeout(1000)  # the charts take on their new width
    picture = page.screenshot()
    page.close()
    return picture


def settle(page: Page) -> None:
    """Wait until nothing moves any more."""
    page.wait_for_selector("h1")
    page.wait_for_function(
        "[...document.querySelectorAll('.live-chart')].every((chart) => chart.on)"
        " && document.querySelector('[data-test-script-state=notRunning]')"
    )
    page.wait_for_timeout(3000)  # what the engine is asked comes a moment later


def keep(picture: bytes, file: Path) -> None:
    """As a small file."""
    Image.open(BytesIO(picture)).convert("RGB").quantize(COLOURS).save(file, optimize=True)


def album() -> str:
    """All pictures on one page."""
    lines = ["# Tour", "", "Taken by `make tour`, after runs of digits on this version.", ""]
    for name, about in PAGES.items():
        lines += [f"## {name.capitalize()}", "", f"{about}.", ""]
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                share = "58%" if width == "wide" else "20%"
                lines.append(
                    f'<img src="tour/{name}-{width}-{scheme}.png" width="{share}" alt="{name}, {width}, {scheme}">'
                )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
