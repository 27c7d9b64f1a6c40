"""Figures for print and as files: their sizes, their text, their data, and what happens without a browser."""

import os
import re
import shutil
import warnings
from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pikepdf
import pytest
from PIL import Image, ImageFont

from clnp_core.analysis import capacity, export, figures, sweeps
from clnp_core.analysis.figures.paper import FONTS, WIDTHS
from clnp_core.analysis.latex import without_latex
from clnp_core.analysis.transfer import by_similarity
from clnp_core.errors import ExportError, StoreError
from clnp_core.networks.architectures import layered
from tests.analysis import test_capacity_and_accuracy_figures as accuracies
from tests.analysis import test_examples as examples
from tests.analysis import test_figures as basics
from tests.analysis import test_lesson_figures as lesson
from tests.analysis import test_partition_figures as partition
from tests.analysis import test_reuse as reuse

PX = 96 / 25.4
TEXT = pytest.approx(8 * 96 / 72)
BY_TASK = pd.DataFrame(
    {"group": ["clnp"] * 2 + ["finetune"] * 2, "task": [1, 2] * 2, "seeds": 5, "accuracy": 0.7, "std": [0.1, 0.2] * 2}
)
QUOTED = pd.DataFrame({"group": "Zenke et al.", "task": [1, 2], "accuracy": [0.6, 0.7], "std": [0.01, np.nan]})
MEMORY = pd.DataFrame(
    {"group": ["clnp", "ewc"], "mean_accuracy": 0.9, "best_accuracy": [0.9, 0.95], "memory": [1000, 4000]}
).assign(std=0.01, seeds=5, forgetting=0.1)
SPEED = [{"width": 500 * n, "task": n, "first epoch s": n, "last epoch s": n, "plain epoch s": n} for n in (1, 2)]
FIGURES = {
    "learning_curves": lambda: figures.learning_curves(basics.shrinking(2), layers=basics.NAMES),
    "capacity": lambda: figures.capacity(basics.LAYERS),
    "accuracy_matrix": lambda: figures.accuracy_matrix(basics.MATRIX),
    "accuracy_by_class": lambda: figures.accuracy_by_class(basics.CLASSES),
    "confusion_matrix": lambda: figures.confusion_matrix(basics.CONFUSION, 1),
    "trade_off": lambda: figures.trade_off(basics.POINTS, (0.96, 0.98), basics.MARK),
    "activities": lambda: figures.activities(basics.COUNTS, [0.5, 0.2, 0.0], 0.1),
    "sweep": lambda: figures.sweep(basics.SWEEP, ["m", "λ"]),
    "parallel_coordinates": lambda: figures.parallel_coordinates(basics.SWEEP, ["m", "λ"]),
    "setting_importance": lambda: figures.setting_importance(sweeps.importance(basics.SEEDS, ["m", "seed"])),
    "accuracy_by_task": lambda: figures.accuracy_by_task(BY_TASK, quoted=QUOTED),
    "mean_accuracies": lambda: figures.mean_accuracies(BY_TASK.rename(columns={"accuracy": "mean_accuracy"})),
    "used_capacity": lambda: figures.used_capacity(accuracies.LAYERS),
    "planned_capacity": lambda: figures.planned_capacity(capacity.plan([accuracies.LONGER], 6)),
    "neurons_in_use": lambda: figures.neurons_in_use(accuracies.REUSE),
    "reuse_matrix": lambda: figures.reuse_matrix(accuracies.REUSE, "layer 1"),
    "reuse_by_layer": lambda: figures.reuse_by_layer(accuracies.REUSE),
    "accuracy_over_tasks": lambda: figures.accuracy_over_tasks(basics.MATRIX, [0.9]),
    "mean_accuracy": lambda: figures.mean_accuracy(basics.MATRIX),
    "partition_graph": lambda: partition.graph(partition.anatomy(), partition.anatomy().related(2, 3)),
    "weight_classes": lambda: partition.matrix(partition.anatomy(), 2),
    "neuron_activity": lambda: figures.neuron_activity([np.nan, 0.5, 0.1], 2),
    "looks_at": lambda: figures.looks_at(np.ones((3, 5, 5))),
    "permuted_images": lambda: figures.permuted_images(lesson.IMAGES, lesson.ORDERS, 2),
    "accuracy_on_first": lambda: figures.accuracy_on_first({"task 1": [0.9, 0.1]}, 0.5),
    "bets_on_first": lambda: figures.bets_on_first([0.5, 0.7], 0.64),
    "between_tasks": lambda: figures.between_tasks(lesson.LINE, 1),
    "neurons_needed": lambda: figures.neurons_needed(lesson.NEEDED, 1),
    "partition_sketch": lambda: figures.partition_sketch((4, 6, 6, 2), (2, 3), [[0.5, 0.1], [0.2, 0.0]], 0.15),
    "answers_compared": lambda: figures.answers_compared(lesson.ANSWERS, 2, 1),
    "filling": lambda: figures.filling(lesson.SEQUENCES, 1),
    "shrinking": lambda: figures.shrinking(lesson.TRAININGS, ["layer 1", "layer 2"], 1),
    "training_speed": lambda: figures.training_speed(SPEED, SPEED),
    "accuracy_and_memory": lambda: figures.accuracy_and_memory(MEMORY),
    "network": lambda: figures.network(layered("small", (3, 8, 8), 10, widths=[400], channels=[16])),
    "transfer": lambda: figures.transfer(by_similarity(reuse.RUNS, "share")),
    "example_wall": lambda: figures.example_wall(examples.EXAMPLES, examples.look([0, 1, 2])),
    "class_probabilities": lambda: figures.class_probabilities([0.7, 0.2, 0.1], examples.CLASSES, "dog"),
    "weight_importance": lambda: figures.weight_importance(np.eye(3), ("input", "layer 1"), 1),
}


def test_every_figure_is_drawn_for_paper_here():
    others = {"Theme", "for_paper", "in_light", "save", "task_colour"}
    assert set(FIGURES) == {name for name in figures.__all__ if name.islower()} - others


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES.keys())
def test_a_figure_for_paper_has_its_width_one_size_of_text_no_title_and_no_background(draw):
    screen = draw()
    before = screen.to_json()
    figure = figures.for_paper(screen, columns=2, font="serif")
    assert screen.to_json() == before
    layout = figure.to_dict()["layout"]
    assert layout["width"] == pytest.approx(174 * PX)
    assert layout["height"] < screen.layout.height
    assert "text" not in layout.get("title", {})
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert layout["font"]["family"] == FONTS["serif"]
    titles = [axis["title"] for name, axis in layout.items() if name[1:5] == "axis" and "title" in axis]
    for text in (layout, layout["legend"]["title"], *titles):
        assert text["font"]["size"] == TEXT
    written = [text["font"]["size"] for text in layout.get("annotations", ()) if "font" in text]
    assert all(size == TEXT for size in written)
    assert layout["legend"]["yref"] == "container"
    pd.testing.assert_frame_equal(export.tidy(figure), export.tidy(screen))


def test_one_column_is_the_default_and_a_height_is_in_millimetres():
    figure = figures.for_paper(FIGURES["capacity"](), height=60)
    assert figure.layout.width == pytest.approx(WIDTHS[1] * PX)
    assert figure.layout.height == pytest.approx(60 * PX)
    assert figure.layout.font.family == FONTS["sans"]


def test_any_width_and_size_of_text():
    figure = figures.for_paper(FIGURES["capacity"](), width=139.7, size=10)
    assert figure.layout.width == pytest.approx(139.7 * PX)
    assert figure.layout.font.size == figure.layout.yaxis.title.font.size == pytest.approx(10 * 96 / 72)
    assert figure.layout.height > figures.for_paper(FIGURES["capacity"]()).layout.height


def test_lines_and_marks_are_thinner_and_packed_marks_shrink_with_the_figure():
    screen = FIGURES["used_capacity"]()
    paper, screen = figures.for_paper(screen).data[0], screen.data[0]
    assert paper.line.width == pytest.approx(2 / 3 * screen.line.width)
    assert paper.marker.size == pytest.approx(2 / 3 * screen.marker.size)
    screen = FIGURES["partition_graph"]()
    sizes = [
        np.max(next(trace for trace in figure.data if trace.name == "free" and trace.mode == "markers").marker.size)
        for figure in (screen, figures.for_paper(screen, 2), figures.for_paper(screen, 1))
    ]
    assert sizes[0] > sizes[1] > 2 * sizes[2]


def test_numbers_in_many_cells_are_as_small_as_they_must_be():
    sizes = [figures.for_paper(figures.accuracy_matrix([[1.0]], tasks)).data[0].textfont.size for tasks in (3, 10, 16)]
    assert sizes[0] == TEXT
    assert sizes[0] >= sizes[1] > sizes[2] > 5


def test_titles_of_axes_are_broken_where_there_is_no_room():
    assert figures.for_paper(FIGURES["training_speed"]()).layout.xaxis.title.text == "Neurons of each<br>hidden layer"
    assert "<br>" not in figures.for_paper(FIGURES["training_speed"](), 2).layout.xaxis.title.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": 3}, "1 column or 2, not 3"),
        ({"font": "comic"}, "'sans' or 'serif', not 'comic'"),
        ({"height": 3}, "at least 20 mm high, not 3"),
        ({"height": float("nan")}, "at least 20 mm high, not nan"),
        ({"width": 401}, "A figure is 40 to 400 mm wide, not 401"),
        ({"size": float("nan")}, "Text is 4 to 24 pt high, not nan"),
    ],
)
def test_what_cannot_be_printed_is_said(options, said):
    with pytest.raises(ExportError, match=said):
        figures.for_paper(FIGURES["capacity"](), **options)


def test_a_figure_for_a_dark_screen_is_not_printed():
    with pytest.raises(ExportError, match="theme 'light'"):
        figures.for_paper(figures.capacity(basics.LAYERS, "dark"))


def test_a_figure_for_a_dark_screen_is_drawn_again_in_light():
    for theme in ("dark", "light"):
        drawn = figures.capacity(basics.LAYERS, theme, title="of mine")
        assert figures.in_light(drawn) == figures.capacity(basics.LAYERS, title="of mine")
    assert figures.in_light(figures.accuracy_matrix(basics.MATRIX, theme="dark")) == figures.accuracy_matrix(
        basics.MATRIX
    )


def test_quoted_accuracies_are_hollow_and_say_so():
    *own, quoted = figures.accuracy_by_task(BY_TASK, quoted=QUOTED).data
    assert quoted.name == "Zenke et al., quoted"
    assert list(quoted.y) == pytest.approx([60, 70])
    assert quoted.error_y.array[0] == pytest.approx(1)
    assert list(quoted.customdata) == [" ± 1.00 %", " %"]
    assert quoted.marker.color == "#FFFFFF"
    assert quoted.marker.line.color not in {bar.marker.color for bar in own}
    assert [bar.name for bar in own] == ["clnp", "finetune"]


def test_owners_are_numbered_beside_the_weights():
    given = partition.anatomy()
    axes = partition.matrix(given, 2).layout
    assert axes.xaxis.ticktext == ("1", "2", "3", "free")
    assert list(axes.xaxis.tickvals) == [15, 40, 51, 76]
    assert axes.yaxis.ticktext == ("1", "2", "3", "free")
    assert partition.matrix(given, 1).layout.xaxis.ticktext == ()  # nobody owns inputs


def test_the_data_are_those_of_the_traces_with_errors_and_the_axes_they_stand_on():
    table = export.tidy(FIGURES["accuracy_by_task"]())
    assert list(table) == ["series", "x", "y", "error"]
    assert table["error"].tolist() == pytest.approx([10, 20, 10, 20, 1, np.nan], nan_ok=True)
    curves = export.tidy(FIGURES["learning_curves"]())
    along = "against Epochs, the tasks one after another"
    assert set(curves["axes"]) == {f"{shown} {along}" for shown in ("Loss (nats)", "Accuracy (%)", "Neurons left")}
    assert len(curves) == 24


def test_a_band_of_deviations_is_a_column():
    figure = FIGURES["mean_accuracies"]()
    assert len(figure.data) == 4, "two bands, two curves"
    table = export.tidy(figure)
    assert table["series"].tolist() == ["clnp"] * 2 + ["finetune"] * 2
    assert table["error"].tolist() == pytest.approx([10, 20] * 2)
    assert export.tidy(FIGURES["accuracy_and_memory"]())["tail"].tolist() == pytest.approx([0, 5])


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        (r"Choice of $\lambda$", "Choice of λ"),
        (r"$\theta_1 \leq 10^{-3}$ and $\Omega$", "θ<sub>1</sub> ≤ 10<sup>-3</sup> and Ω"),
        (r"$\mathrm{accuracy} \pm \sigma$", "accuracy ± σ"),
        ("from $5 to $6", "from $5 to $6"),
    ],
)
def test_formulas_are_written_as_text(given, drawn):
    figure = without_latex(figures.capacity(basics.LAYERS, title=given))
    assert figure.layout.title.text == drawn


def test_a_formula_that_cannot_be_drawn_is_refused(tmp_path):
    figure = figures.capacity(basics.LAYERS, title=r"of $\frac{1}{2}$")
    for form in ("pdf", "html"):
        with pytest.raises(ExportError, match=r"^\$\\frac\{1\}\{2\}\$ cannot be drawn; of LaTeX .*\.$"):
            figures.save(figure, tmp_path / f"fig.{form}")
    assert list(tmp_path.iterdir()) == []


NO_BROWSER = not (os.environ.get("BROWSER_PATH") or any(map(shutil.which, ("chromium", "google-chrome"))))


@pytest.mark.browser
@pytest.mark.skipif(NO_BROWSER, reason="no browser: `apt-get install chromium`")
def test_files_are_as_large_as_the_figure_and_have_its_data_beside_them(tmp_path):
    width, height = WIDTHS[1], 60
    figure = figures.for_paper(FIGURES["capacity"](), height=height)
    written, svg, png = (figures.save(figure, tmp_path / f"fig.{form}", dpi=200) for form in ("pdf", "svg", "png"))
    with pikepdf.open(written) as document:
        box = [float(side) / 72 * 25.4 for side in document.pages[0].MediaBox]
    assert box == pytest.approx([0, 0, width, height], abs=0.1)
    head = re.match(r"<svg[^>]*>", text := svg.read_text())[0]
    assert f'width="{width:.2f}mm" ' in head
    assert f'height="{height:.2f}mm" ' in head
    sizes = re.findall(r"font-size: ([\d.]+)px", text)
    assert [float(size) for size in sizes] == pytest.approx([8 * 96 / 72] * len(sizes), abs=0.01)
    image = Image.open(png)
    assert image.size == pytest.approx([width * 200 / 25.4, height * 200 / 25.4], abs=1)
    assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    assert image.convert("RGBA").getpixel((0, 0))[3] == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "fig.csv", dtype={"series": str}), export.tidy(figure))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["fig.csv", "fig.pdf", "fig.png", "fig.svg"]


@pytest.mark.browser
@pytest.mark.skipif(NO_BROWSER, reason="no browser: `apt-get install chromium`")
@pytest.mark.parametrize("name", ["mean_accuracies", "accuracy_by_task"])  # with lines, and with hatched bars
def test_the_same_figure_is_the_same_svg_to_the_byte(name, tmp_path):
    figure = figures.for_paper(FIGURES[name]())
    one, two = (figures.save(figure, tmp_path / f"{number}.svg").read_bytes() for number in (1, 2))
    assert one == two
    other = figures.save(figure.update_layout(height=300), tmp_path / "other.svg").read_bytes()
    ids = [set(re.findall(rb'\bid="([^"]+)"', svg)) for svg in (one, other)]
    assert all(ids)
    assert not ids[0] & ids[1]


@pytest.mark.browser
@pytest.mark.skipif(NO_BROWSER, reason="no browser: `apt-get install chromium`")
def test_pictures_have_the_font_in_them_that_their_text_was_laid_out_in(tmp_path):
    screen = figures.trade_off(basics.POINTS, None, basics.MARK, basics.MARK | {"candidate": 2}, basics.MARK)
    for number, figure in enumerate((screen, figures.for_paper(screen, font="serif"))):
        family = ("CLNP Sans", "CLNP Serif")[number]
        text = figures.save(figure, tmp_path / "fig.svg").read_text()
        assert set(re.findall(r"@font-face \{ font-family: '(.*?)'", text)) == {family}
        face = re.search(rf"'{family}'; font-weight: 400; src: url\(data:font/woff2;base64,(.*?)\)", text)[1]
        size = float(re.search(r'class="legendtext"[^>]*font-size: ([\d.]+)px', text)[1])
        font = ImageFont.truetype(BytesIO(b64decode(face)), 100)
        clip = float(re.search(r'<clipPath id="legend[^>]*><rect width="([\d.]+)"', text)[1])
        entry = r'<g class="traces"[^>]*translate\(([\d.]+),.*?class="legendtext"[^>]*?x="([\d.]+)"[^>]*>(.*?)</text>'
        entries = re.findall(entry, text)
        assert "what the run kept" in {name for *_, name in entries}
        assert max(float(at) + float(x) + font.getlength(name) * size / 100 for at, x, name in entries) <= clip
        with pikepdf.open(figures.save(figure, tmp_path / "fig.pdf")) as document:
            fonts = [each for each in document.objects if isinstance(each, pikepdf.Dictionary)]
            named = {str(each.BaseFont)[8:] for each in fonts if each.get("/Type") == "/Font"}
            assert {name.partition("-")[0] for name in named} == {family.replace(" ", "")}
            assert document.docinfo.Title == screen.layout.title.text


@pytest.mark.browser
@pytest.mark.skipif(NO_BROWSER, reason="no browser: `apt-get install chromium`")
def test_hatches_are_lines_of_a_pdf_and_not_pictures(tmp_path):
    figure = figures.for_paper(FIGURES["neurons_in_use"](), height=70)
    assert any(trace.marker.pattern.shape for trace in figure.data)
    written = figures.save(figure, tmp_path / "fig.pdf")
    with pikepdf.open(written) as document:
        assert not [each for each in document.objects if isinstance(each, pikepdf.Stream) and "/Width" in each]
    assert written.stat().st_size < 30_000


def test_html_needs_no_network_and_is_written_without_a_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = figures.save(FIGURES["capacity"](), str(tmp_path / "fig.html"))
    text = written.read_text()
    assert "<script src=" not in text
    assert "Plotly.newPlot" in text
    assert len(text) > 1e6
    modes = {(tmp_path / name).stat().st_mode & 0o777 for name in ("fig.html", "fig.csv")}
    assert modes == {0o666 & ~os.umask(os.umask(0o022))}, "whom the umask lets in may read them"


def test_without_a_browser_html_is_written_and_one_sentence_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    with pytest.warns(
        UserWarning, match=r"^fig3\.html was written instead of fig3\.pdf\. Drawing .*none, which is not"
    ):
        written = figures.save(FIGURES["capacity"](), tmp_path / "fig3.pdf")
    assert written == tmp_path / "fig3.html"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["fig3.csv", "fig3.html"]
    with pytest.raises(ExportError, match="apt-get install chromium"):
        export.to_pdf(FIGURES["capacity"]())


def test_no_name_for_a_figure_no_dots_and_no_folder_are_said(tmp_path):
    figure = FIGURES["capacity"]()
    with pytest.raises(ExportError, match=r"fig\.jpg cannot name a figure; give a name that ends in \.pdf"):
        figures.save(figure, tmp_path / "fig.jpg")
    with pytest.raises(ExportError, match="dpi must be above 0, not 0"):
        figures.save(figure, tmp_path / "fig.png", dpi=0)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        figures.save(figure, tmp_path / "file" / "fig.html")
