// Charts of a notebook's cell, the first over its width, the others side by side where there is room. They change in
// place when their figures do.

// JupyterLab, Notebook and VS Code each say their theme in another way; the colour of their text is the same in all.
const themeAround = (el) => {
  const [red, green, blue] = getComputedStyle(el).color.match(/[\d.]+/g).map(Number);
  return red + green + blue > 1.5 * 255 ? "dark" : "light";
};

const render = ({ model, el }) => {
  const grid = document.createElement("div");
  Object.assign(grid.style, { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(270px, 100%), 1fr))" });
  Object.assign(el.style, { width: "100%" });
  el.append(grid);
  const charts = [];
  let width = 0; // of the cell, when its charts were last drawn; they keep their heights
  const draw = () => {
    if (!width) return;
    const figures = model.get("figures").map((text) => JSON.parse(text));
    while (charts.length < figures.length) {
      const chart = document.createElement("div");
      chart.style.minWidth = "0";
      if (!charts.length) chart.style.gridColumn = "1 / -1"; // the first has the most to say
      grid.append(chart);
      charts.push(chart);
    }
    figures.forEach(({ data, layout }, place) => {
      const own = { ...layout, width: charts[place].clientWidth };
      window.Plotly.react(charts[place], data, own, { displaylogo: false });
    });
  };
  const follow = () => {
    const theme = themeAround(el);
    if (!el.isConnected || theme === model.get("theme")) return;
    model.set("theme", theme);
    model.save_changes();
  };
  model.on("change:figures", draw);
  const themes = new MutationObserver(follow);
  themes.observe(document.body, { attributes: true });
  // It tells first when the cell is in the page, and has its colours.
  const resizing = new ResizeObserver(() => {
    if (!grid.clientWidth || grid.clientWidth === width) return;
    width = grid.clientWidth;
    draw();
    follow();
  });
  resizing.observe(grid);
  return () => {
    themes.disconnect();
    resizing.disconnect();
    model.off("change:figures", draw);
    charts.forEach((chart) => window.Plotly.purge(chart));
  };
};

export default { render };
