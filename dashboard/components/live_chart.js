function run(url, made) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    // A proxy may answer with a page of its own, which loads and is no script.
    script.onload = script.onerror = () => {
      if (window[made]) return resolve(window[made]);
      script.remove();
      reject(new Error(`Charts cannot be drawn: ${script.src} cannot be loaded. If the app is behind a proxy, it has to ` +
        "pass on this address too; then reload the page."));
    };
    document.head.append(script);
  });
}

function load({ plotly, fonts }) {
  window.clnpPlotly ??= Promise.all([
    run(plotly, "Plotly"),
    run(`${fonts}/pictures.js`, "withFonts"),
    fetch(`${fonts}/faces.css`).then((faces) => faces.text()),
  ]).then(async ([Plotly, withFonts, faces]) => {
    await withFonts(faces);
    return Plotly;
  }).catch((error) => {
    window.clnpPlotly = undefined;
    throw error;
  });
  return window.clnpPlotly;
}

const isTouched = () => matchMedia("(pointer: coarse)").matches;

function listen(plot) {
  plot.on("plotly_click", ({ points }) => plot.tell("clicked", points[0].customdata));
  plot.on("plotly_relayout", (change) => {
    if ("shapes[0].x0" in change) plot.tell("dragged", change["shapes[0].x0"]);
  });
  plot.on("plotly_selected", (drawn) => {
    if (drawn?.range) plot.tell("brushed", drawn.range);
  });
  plot.on("plotly_deselect", () => plot.tell("brushed", {}));
}

function save(url, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
}

function askForPaper(root, plot) {
  const dialog = root.querySelector("template").content.querySelector("dialog").cloneNode(true);
  root.querySelector(".live-chart-menu").after(dialog);
  const form = dialog.querySelector("form");
  const { width, own, font, size, form: kind, dpi } = form.elements;
  const adapt = () => {
    own.disabled = width.value !== "" || kind.value === "csv";
    width.disabled = font.disabled = size.disabled = kind.value === "csv";
    dpi.disabled = kind.value !== "png";
  };
  form.onchange = adapt;
  form.onsubmit = ({ submitter }) => {
    if (submitter.value !== "save") return;
    const numbers = { width: Number(width.value || own.value), size: Number(size.value), dpi: Number(dpi.value) };
    plot.tell("saved", { form: kind.value, font: font.value, ...numbers });
  };
  dialog.onclose = () => dialog.remove();
  adapt();
  dialog.showModal();
}

function furnish(root, plot) {
  plot.picture = async (format) => {
    const background = getComputedStyle(plot).getPropertyValue("--st-background-color");
    const { data, layout } = plot.wanted.fills ? whole(plot) : plot;
    const size = { width: plot.offsetWidth, height: layout.height ?? plot.offsetHeight, scale: format === "png" ? 3 : 1 };
    const shown = { data, layout: { ...layout, paper_bgcolor: background } };
    save(await window.Plotly.toImage(shown, { format, ...size }), `${plot.wanted.name}.${format}`);
  };
  for (const button of root.querySelectorAll("[data-save]")) {
    const format = button.dataset.save;
    button.onclick = () => (["svg", "png"].includes(format) ? plot.picture(format) : plot.tell("saved", format));
  }
  root.querySelector("[data-paper]").onclick = () => askForPaper(root, plot);
  const code = root.querySelector("pre");
  const show = root.querySelector("[data-show]");
  show.onclick = () => {
    code.hidden = !code.hidden;
    show.setAttribute("aria-expanded", String(!code.hidden));
  };
}

const isNarrow = (plot) => plot.offsetWidth < 480;

function fill(plot, layout) {
  delete layout.height;
  layout.margin.t = 44;
  if (!plot.narrow) return;
  layout.showlegend = false;
  layout.margin = { l: 44, r: 8, t: 28, b: 24 };
  layout.title.font.size = 14;
  for (const axis of [layout.xaxis, layout.yaxis]) axis.title.font = { size: 12 };
}

// The figure as it would be if there were room.
function whole(plot) {
  const { data, layout } = JSON.parse(plot.shown);
  layout.font.color = plot.layout.font.color;
  for (const axis of ["xaxis", "yaxis"]) layout[axis].range = plot.layout[axis].range;
  return { data, layout };
}

function draw(Plotly, plot) {
  const { figure, config, turn, fills, brushes } = plot.wanted;
  const ink = getComputedStyle(plot).getPropertyValue("--st-text-color");
  const narrow = fills && isNarrow(plot);
  const same = plot.shown === figure && plot.ink === ink && plot.turn === turn && plot.narrow === narrow;
  if (!plot.isConnected || same) return;
  Object.assign(plot, { shown: figure, ink, turn, narrow });
  plot.classList.toggle("narrow", narrow);
  const { data: traces, layout } = JSON.parse(figure);
  layout.font.color = ink || layout.font.color;
  if (fills) fill(plot, layout);
  if (brushes) {
    // A finger has to scroll the page. What was drawn goes with the turn.
    const dragmode = isTouched() ? false : "select";
    Object.assign(layout, { dragmode, selectdirection: "d", selectionrevision: turn });
  }
  // Plotly's own button would draw the text in another font than it was laid out in. It is made once: with another
  // function in its configuration Plotly would draw the figure anew from nothing.
  plot.camera ??= { name: "Save as PNG", icon: Plotly.Icons.camera, click: () => plot.picture("png") };
  Plotly.react(plot, traces, layout, { ...config, modeBarButtonsToAdd: [plot.camera] });
}

// Called again whenever the data or the page's theme change.
export default function ({ parentElement, data, setTriggerValue }) {
  const plot = parentElement.querySelector(".live-chart");
  plot.setAttribute("aria-label", data.alt);
  plot.wanted = data;
  plot.tell = setTriggerValue;
  parentElement.querySelector("pre").textContent = data.code;
  parentElement.querySelector("[data-show]").style.display = data.code ? "" : "none";
  if (data.file && plot.saved !== data.file.turn) {
    plot.saved = data.file.turn;
    save(data.file.url, data.file.name);
  }
  const problem = parentElement.querySelector(".live-chart-problem");
  load(data).then((Plotly) => {
    problem.textContent = "";
    draw(Plotly, plot);
    if (plot.resizing) return;
    listen(plot);
    furnish(parentElement, plot);
    plot.resizing = new ResizeObserver(() => {
      if (!plot.offsetWidth) return;
      if (plot.wanted.fills && plot.narrow !== isNarrow(plot)) draw(Plotly, plot);
      Plotly.Plots.resize(plot);
    });
    plot.resizing.observe(plot);
  }).catch((error) => {
    problem.textContent = error.message;
  });
}
