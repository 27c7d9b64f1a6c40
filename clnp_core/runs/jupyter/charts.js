// Charts of a notebook's cell, side by side where there is room. They change in place when their figures do.
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
  model.on("change:figures", draw);
  requestAnimationFrame(draw); // once the cell has a width
  return () => {
    model.off("change:figures", draw);
    charts.forEach((chart) => window.Plotly.purge(chart));
  };
};

export default { render };
