// The lines of a plotly.js pattern as one path that covers a box; `size` is that of a tile.
const hatch = (drawn, size, { x: left, y: top, width, height }) => {
  const [right, bottom] = [left + width, top + height];
  const path = [];
  const each = (low, high, add) => {
    for (let place = Math.floor(low / size); place <= Math.ceil(high / size); place++) add(place * size);
  };
  const line = (...ends) => path.push(`M${ends[0].toFixed(2)},${ends[1].toFixed(2)}L${ends[2].toFixed(2)},${ends[3].toFixed(2)}`);
  const d = drawn.getAttribute("d");
  if (!d) {
    each(left, right, (x) => each(top, bottom, (y) => path.push(`M${(x + size / 2).toFixed(2)},${(y + size / 2).toFixed(2)}h0`)));
    return path.join("");
  }
  const [up, down] = [d.startsWith("M-"), d.includes("M0,0L")];
  if (up) each(left + top, right + bottom, (sum) => line(sum - bottom, bottom, sum - top, top));
  if (down) each(left - bottom, right - top, (gap) => line(gap + top, top, gap + bottom, bottom));
  if (up || down) return path.join("");
  if (d.includes("M0,")) each(top, bottom, (y) => line(left, y + size / 2, right, y + size / 2));
  if (!d.startsWith("M0,")) each(left, right, (x) => line(x + size / 2, top, x + size / 2, bottom));
  return path.join("");
};

// Chromium prints patterns as pictures, which are large and coarse; so hatches become lines.
const withLines = (svg) => {
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  document.body.append(root);
  const make = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) if (value) made.setAttribute(attribute, value);
    return made;
  };
  for (const [number, shape] of root.querySelectorAll(".pattern_filled").entries()) {
    const pattern = root.querySelector(`pattern${shape.style.fill.match(/#[^"')]+/)?.[0] ?? ":not(*)"}`);
    const drawn = pattern?.querySelector("path, circle");
    if (!drawn) continue;
    const size = parseFloat(pattern.getAttribute("width")) * (pattern.getAttribute("patternTransform") ? 0.8 : 1);
    const [outline, inside] = [shape.cloneNode(), shape.cloneNode()];
    const clip = make("clipPath", { id: `hatched${number}` });
    const group = make("g", {
      "clip-path": `url(#hatched${number})`, transform: shape.getAttribute("transform"), opacity: shape.style.opacity,
    });
    const dot = drawn.getAttribute("r");
    group.append(make("path", {
      d: hatch(drawn, size, shape.getBBox()), fill: "none", opacity: drawn.getAttribute("opacity"),
      stroke: drawn.getAttribute(dot ? "fill" : "stroke"), "stroke-linecap": dot && "round",
      "stroke-width": dot ? 2 * dot : drawn.getAttribute("stroke-width"),
    }));
    inside.removeAttribute("transform");
    clip.append(inside);
    outline.style.fill = "none";
    shape.style.fill = pattern.querySelector("rect")?.getAttribute("fill") ?? "none";
    shape.style.stroke = "none";
    shape.after(clip, group, outline);
  }
  root.remove();
  return new XMLSerializer().serializeToString(root);
};

// Has a page's Plotly draw pictures with their fonts inside them: where a picture is shown, no font of a page is known.
// `faces` is a style sheet with a font of ours on each line, as data. Resolves once text can be laid out in them.
window.withFonts = async (faces) => {
  const style = document.createElement("style");
  style.textContent = faces;
  document.head.append(style);
  const ours = [...document.fonts].filter(({ family }) => family.includes("CLNP"));
  const loaded = Promise.all(ours.map((face) => face.load()));
  const plain = window.Plotly.toImage;

  const withFaces = (svg) => {
    const weights = /font-weight: *(600|700|bold)/.test(svg) ? ["400", "600"] : ["400"];
    const used = faces.split("\n").filter((face) => {
      const [, family, weight] = face.match(/font-family: '(.*?)'; font-weight: (\d+)/) ?? [];
      return family && svg.includes(family) && weights.includes(weight);
    });
    return svg.replace(/<svg[^>]*>/, (head) => `${head}<style>${used.join("")}</style>`);
  };

  window.Plotly.toImage = async (figure, options) => {
    const { format, width, height, scale = 1, imageDataOnly } = options;
    if (!["svg", "png"].includes(format)) return plain(figure, options);
    await loaded;
    const picture = await plain(figure, { ...options, format: "svg", imageDataOnly: true });
    const svg = withFaces(options.setBackground instanceof Function ? withLines(picture) : picture);  // so for a PDF
    if (format === "svg" && imageDataOnly) return svg;
    const url = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    if (format === "svg") return url;
    if (width * height * scale ** 2 > 8e7) throw new Error("it would have more than 80 million dots");
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: width * scale, height: height * scale });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const png = canvas.toDataURL("image/png");
    return imageDataOnly ? png.replace(/^.*,/, "") : png;
  };

  await loaded;
};
