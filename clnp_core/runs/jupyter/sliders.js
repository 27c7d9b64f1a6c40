// Sliders over given values. What a hand does is told, one move at a time: the next one when the last is answered.
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity };

const makeRow = (tell) => {
  const [label, input, output] = ["label", "input", "output"].map((tag) => document.createElement(tag));
  Object.assign(input, { type: "range", min: 0, step: 1 });
  Object.assign(input.style, { width: "100%", margin: "0", accentColor: "var(--jp-brand-color1, auto)" });
  Object.assign(output.style, { fontVariantNumeric: "tabular-nums" });
  const row = { parts: [label, input, output] };
  row.put = ({ name, values, texts, at }) => {
    row.texts = texts;
    label.textContent = name;
    input.setAttribute("aria-label", name);
    input.max = values.length - 1;
    input.value = values.indexOf(at);
    row.say();
    input.oninput = () => {
      row.say();
      tell({ name, value: values[Number(input.value)] });
    };
  };
  input.onkeydown = (event) => { // by itself it does not hear what JupyterLab has already taken
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    event.stopPropagation();
    input.value = Math.max(0, Math.min(input.max, Number(input.value) + STEPS[event.key]));
    input.oninput();
  };
  row.say = () => {
    output.textContent = row.texts[Number(input.value)];
    input.setAttribute("aria-valuetext", output.textContent);
  };
  return row;
};

const render = ({ model, el }) => {
  const grid = document.createElement("div");
  Object.assign(grid.style, { display: "grid", gridTemplateColumns: "max-content 1fr 4em", gap: "6px 12px", alignItems: "center" });
  Object.assign(el.style, { width: "100%" });
  grid.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrows for commands of its own
  el.append(grid);
  const rows = new Map();
  let asked = null;
  const waiting = new Map();
  const ask = () => {
    const [move] = waiting.values();
    asked = move ? { ...move, turn: `${Math.random()}` } : null;
    if (!asked) return;
    waiting.delete(asked.name);
    model.send(asked);
  };
  const tell = (move) => {
    waiting.set(move.name, move);
    if (!asked) ask();
  };
  const isHeld = (name) => name === asked?.name || waiting.has(name); // the hand is further than the kernel
  const place = () => {
    const sliders = model.get("sliders");
    for (const slider of sliders) {
      if (!rows.has(slider.name)) rows.set(slider.name, makeRow(tell));
      if (!isHeld(slider.name)) rows.get(slider.name).put(slider);
    }
    const shown = sliders.flatMap(({ name }) => rows.get(name).parts);
    if (shown.length !== grid.children.length || shown.some((part, number) => part !== grid.children[number])) {
      grid.replaceChildren(...shown);
    }
  };
  const goOn = () => {
    if (asked?.turn !== model.get("turn")) return;
    ask();
    place();
  };
  model.on("change:sliders", place);
  model.on("change:turn", goOn);
  place();
  return () => {
    model.off("change:sliders", place);
    model.off("change:turn", goOn);
  };
};

export default { render };
