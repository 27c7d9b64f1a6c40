"""A slider over given values that tells of every one it passes, so that figures follow the hand.

Streamlit's own slider tells of a value only when it is let go, and cannot mark values.
"""

from collections.abc import Callable, Sequence

import streamlit as st

_HTML = """
<label class="row"><span class="name"></span><output></output></label>
<input type="range" min="0" step="1">
<div class="marks" aria-hidden="true"></div>
"""

_CSS = """
:host { display: block; }
.row { display: flex; justify-content: space-between; gap: 0.75rem; font-size: 0.875rem; line-height: 1.4; }
output { font-variant-numeric: tabular-nums; font-weight: 600; white-space: nowrap; }
output.marked { color: var(--st-orange-text-color); }
input {
  --line: linear-gradient(to right, var(--st-primary-color) var(--share), var(--st-border-color) var(--share));
  appearance: none; width: 100%; height: 1.25rem; margin: 0.25rem 0 0; background: none; cursor: pointer;
}
input::-webkit-slider-runnable-track { height: 0.25rem; border-radius: 0.125rem; background: var(--line); }
input::-moz-range-track { height: 0.25rem; border-radius: 0.125rem; background: var(--line); }
input::-webkit-slider-thumb {
  appearance: none; width: 1rem; height: 1rem; margin-top: -0.375rem; border-radius: 50%; border: none;
  background: var(--st-primary-color);
}
input::-moz-range-thumb {
  width: 1rem; height: 1rem; border-radius: 50%; border: none; background: var(--st-primary-color);
}
input:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; border-radius: 0.25rem; }
input:disabled { cursor: not-allowed; opacity: 0.5; }
.marks { position: relative; height: 0.5rem; margin: 0 0.5rem; }
.marks i {
  position: absolute; top: 0; width: 0.375rem; height: 0.375rem; margin-left: -0.1875rem; border-radius: 50%;
  border: 1px solid var(--st-orange-text-color);
}
.marks i.trained { background: var(--st-primary-color); border-color: var(--st-primary-color); }
"""

# While the page is at work on one value the next is held back: Streamlit would begin again with every one, and the
# figures would stand still until the hand does.
_JS = """
export default function ({ parentElement, data, setStateValue }) {
  const [input, output, name, marks] =
    ["input", "output", ".name", ".marks"].map((each) => parentElement.querySelector(each));
  const { label, texts, marked, place, turn, disabled } = data;

  function say(at) {
    output.textContent = texts[at] ?? "";
    output.className = marked.includes(at) ? "marked" : "";
    input.setAttribute("aria-valuetext", output.textContent);
    input.style.setProperty("--share", `${100 * at / Math.max(1, texts.length - 1)}%`);
  }
  function tell(settled) {
    const at = Number(input.value);
    input.sent = [at, settled];
    setStateValue("moved", { place: at, turn: (input.turn = (input.turn ?? turn) + 1), settled });
  }

  name.textContent = label;
  input.setAttribute("aria-label", label);
  input.disabled = disabled;
  input.max = Math.max(0, texts.length - 1);
  const answered = turn >= (input.turn ?? turn);
  if (answered && input.held) {
    input.held = false;
    say(Number(input.value));
    tell(false);
  } else if (answered && !input.inHand) {
    input.value = place;
    input.turn = turn;
    say(place);
  }
  input.oninput = () => {
    input.inHand = true;
    say(Number(input.value));
    if (turn >= (input.turn ?? turn)) tell(false);
    else input.held = true;
  };
  input.onchange = () => {
    input.inHand = input.held = false;
    tell(true);
  };
  const shown = marked.length ? texts.map((_, at) => at) : [];
  marks.style.display = shown.length ? "" : "none";
  marks.replaceChildren(...shown.map((at) => {
    const mark = document.createElement("i");
    mark.className = marked.includes(at) ? "" : "trained";
    mark.style.left = `${100 * at / Math.max(1, texts.length - 1)}%`;
    return mark;
  }));
}
"""

_component = st.components.v2.component("clnp.live_slider", html=_HTML, css=_CSS, js=_JS)


def live_slider(
    label: str,
    texts: Sequence[str],
    place: int,
    on_move: Callable[[int, bool], None],
    key: str,
    *,
    marked: Sequence[int] = (),
    disabled: bool = False,
) -> None:
    """Show a slider. What follows its value has to be drawn before it: by being drawn it asks for the next one.

    Parameters
    ----------
    label : str
    texts : sequence of str
        What each place stands for.
    place : int
        Where it stands.
    on_move : callable
        Called with the new place, and whether the hand has let go.
    key : str
    marked : sequence of int
        Places that stand out; if there are any, all places get a dot.
    disabled : bool
    """
    turns = f"{key} turn"

    def moved() -> None:
        told = st.session_state[key]["moved"]
        st.session_state[turns] = told["turn"]
        on_move(told["place"], told["settled"])

    _component(
        key=key,
        data={
            "label": label,
            "texts": list(texts),
            "marked": list(marked),
            "place": place,
            "turn": st.session_state.get(turns, 0),
            "disabled": disabled,
        },
        on_moved_change=moved,
    )
