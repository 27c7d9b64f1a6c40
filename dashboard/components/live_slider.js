// While the page is at work on one value the next is held back: Streamlit would begin again with every one, and the
// figures would stand still until the hand does.
export default function ({ parentElement, data, setStateValue }) {
  const [input, output, name, marks] =
    ["input", "output", ".name", ".marks"].map((each) => parentElement.querySelector(each));
  const { label, texts, values, marked, place, turn, disabled } = data;

  function say(at) {
    output.textContent = texts[at] ?? "";
    output.className = marked.includes(at) ? "marked" : "";
    input.setAttribute("aria-valuetext", output.textContent);
    input.style.setProperty("--share", `${100 * at / Math.max(1, texts.length - 1)}%`);
  }
  function tell(settled) {
    const at = Number(input.value);
    input.sent = [at, settled];
    setStateValue("moved", { value: values[at], turn: (input.turn = (input.turn ?? turn) + 1), settled });
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
