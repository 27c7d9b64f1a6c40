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
    const svg = withFaces(await plain(figure, { ...options, format: "svg", imageDataOnly: true }));
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
