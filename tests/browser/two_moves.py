"""θ and m of the page Trade-off, moved one shortly after the other."""

import random
import time

from playwright.sync_api import Page

MOST_MILLISECONDS = 300
"""Between the two moves."""
SECONDS = 20
"""After which a move that the address does not tell is lost."""

# A slider has its own tree. What its value is called, it says beside itself.
MOVE_BOTH = """
async ([moves, milliseconds]) => {
  const move = ([slider, place]) => {
    slider.value = place;
    for (const event of ["input", "change"]) slider.dispatchEvent(new Event(event, { bubbles: true }));
    return slider.getRootNode().querySelector("output").textContent;
  };
  const first = move(moves[0]);
  await new Promise((passed) => setTimeout(passed, milliseconds));
  return [first, move(moves[1])];
}
"""


def lost(page: Page, chance: random.Random) -> list[str]:
    """Move θ and m, in any order, to other places, and tell which of the moves is not in the page's address at last.

    θ goes to where hardly anything is left of the network: no m puts it there, and so it follows none.
    """
    sliders = {name: page.get_by_role("slider", name=name, exact=True) for name in ("θ", "Margin m")}
    places = {name: (int(slider.input_value()), int(slider.get_attribute("max"))) for name, slider in sliders.items()}
    (theta, most), (margin, _) = places["θ"], places["Margin m"]
    wanted = {
        "θ": chance.choice([place for place in range(most // 2, most) if place != theta]),
        "Margin m": chance.choice([place for place in range(8) if place != margin]),
    }
    names = chance.sample(list(wanted), 2)
    moves = [[sliders[name].element_handle(), wanted[name]] for name in names]
    texts = dict(zip(names, page.evaluate(MOVE_BOTH, [moves, chance.uniform(0, MOST_MILLISECONDS)]), strict=True))
    deadline = time.monotonic() + SECONDS
    while missing := [name for name, told in _told(page).items() if told != texts[name].split()[0]]:
        if time.monotonic() > deadline:
            break
        page.wait_for_timeout(50)
    return missing


def _told(page: Page) -> dict[str, str]:
    """What the address says, as the sliders say it."""
    link = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    return {"θ": f"{float(link['theta']):.3g}", "Margin m": f"{100 * float(link['margin']):g}"}
