// Charts of a notebook's cell, side by side where there is room. They change in place when their figures do.

// JupyterLab, Notebook and VS Code each say their theme in another way; the colour of their text is the same in all.
const themeAround = (el) => {
  const [red, green, blue] = getComputedStyle(el).color.match(/[\d.]+/g).map(Number);
  return red + green + blue > 1.5 * 255 ? "dark" : "light";
};

const render = ({ model, el }) => {
  const grid = document.createElement("div");
  Object.assign(grid.style, { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(420px, 100%), 1fr))" });
  Object.assign(el.style, { width: "100%" });
  el.append(grid);
  const charts = [];
  const draw = () => {
    model.get("figures").forEach((text, place) => {
      if (!charts[place]) {
        charts[place] = document.createElement("div");
        charts[place].style.minWidth = "0";
        grid.append(charts[place]);
      }
      const { data, layout } = JSON.parse(text);
      window.Plotly.react(charts[place], data, { ...layout, autosize: true }, { responsive: true, displaylogo: false });
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
  requestAnimationFrame(() => { // once the cell has a width and its colours
    draw();
    follow();
  });
  return () => {
    themes.disconnect();
    model.off("change:figures", draw);
    charts.forEach((chart) => window.Plotly.purge(chart));
  };
};

export default { render };
