function load(url) {
  window.clnpPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    // A proxy may answer with a page of its own, which loads and is no script.
    script.onload = script.onerror = () => {
      if (window.Plotly) return resolve(window.Plotly);
      window.clnpPlotly = undefined;
      script.remove();
      reject(new Error(`Charts cannot be drawn: ${script.src} cannot be loaded. If the app is behind a proxy, it has to ` +
        "pass on this address too; then reload the page."));
    };
    document.head.append(script);
  });
  return window.clnpPlotly;
}

function listen(plot) {
  plot.on("plotly_click", ({ points }) => plot.tell("clicked", points[0].customdata));
  plot.on("plotly_relayout", (change) => {
    if ("shapes[0].x0" in change) plot.tell("dragged", change["shapes[0].x0"]);
  });
}

function save(url, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
}

function furnish(root, plot) {
  const picture = async (format) => {
    const background = getComputedStyle(plot).getPropertyValue("--st-background-color");
    const { data, layout } = plot;
    const size = { width: plot.offsetWidth, height: plot.offsetHeight, scale: format === "png" ? 3 : 1 };
    const shown = { data, layout: { ...layout, paper_bgcolor: background } };
    save(await window.Plotly.toImage(shown, { format, ...size }), `${plot.wanted.name}.${format}`);
  };
  for (const button of root.querySelectorAll("[data-save]")) {
    const format = button.dataset.save;
    button.onclick = () => (["svg", "png"].includes(format) ? picture(format) : plot.tell("saved", format));
  }
  const code = root.querySelector("pre");
  const show = root.querySelector("[data-show]");
  show.onclick = () => {
    code.hidden = !code.hidden;
    show.setAttribute("aria-expanded", String(!code.hidden));
  };
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
  load(data.plotly).then((Plotly) => {
    problem.textContent = "";
    const { figure, config, turn } = plot.wanted;
    const ink = getComputedStyle(plot).getPropertyValue("--st-text-color");
    if (!plot.isConnected || (plot.shown === figure && plot.ink === ink && plot.turn === turn)) return;
    Object.assign(plot, { shown: figure, ink, turn });
    const { data: traces, layout } = JSON.parse(figure);
    layout.font.color = ink || layout.font.color;
    Plotly.react(plot, traces, layout, config);
    if (plot.resizing) return;
    listen(plot);
    furnish(parentElement, plot);
    plot.resizing = new ResizeObserver(() => plot.offsetWidth && Plotly.Plots.resize(plot));
    plot.resizing.observe(plot);
  }).catch((error) => {
    problem.textContent = error.message;
  });
}
