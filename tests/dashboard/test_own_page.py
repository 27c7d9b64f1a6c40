"""The page Your data: a file becomes tasks that are looked at, a network, and a run in the Lab's form."""

import io
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.runs import background
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import load
from clnp_core.tasks.files.adding import kept, names_of_own
from tests.dashboard.pages import at, charts

FOLDER = Path(dashboard.__file__).parent


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty store and an empty data folder."""
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(background, "ensure_engine", lambda store: None)
    (tmp_path / "data").mkdir()


def digits() -> bytes:
    data, content = load("digits"), io.BytesIO()
    np.savez(content, x=15 * data.x_test, y=data.y_test)
    return content.getvalue()


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [error.value for error in app.error]


def test_a_file_becomes_tasks_a_network_and_a_run(empty: None, tmp_path: Path):
    page = at(str(FOLDER / "app.py")).switch_page("own/page.py").run()
    page.file_uploader(key="own file").set_value(("Digits 8x8.npz", digits(), "")).run()
    assert errors(page) == []
    tasks = [text.value for text in page.markdown if text.value.startswith("**Task")]
    assert [task.split(" · ")[1] for task in tasks] == ["0, 1", "2, 3", "4, 5", "6, 7", "8, 9"]
    looks = [html for html in page.get("html") if "clnp-samples" in html.proto.body]
    assert looks[0].proto.body.count("<img ") == 20
    assert "**53,602 parameters**" in "\n".join(text.value for text in page.markdown)

    page.number_input(key="own classes").set_value(11).run()
    assert errors(page) == ["tasks: 11 classes a task are more than the 10 of Digits 8x8.npz; give fewer."]
    page.number_input(key="own classes").set_value(5).run()
    page.slider(key="own conv").set_value(4).run()
    assert errors(page) == [
        "network: 4 convolutions are too many for images of 8x8, because each halves them; give at most 3."
    ]
    page.slider(key="own conv").set_value(1).run()
    page.select_slider(key="own dense 2").set_value(50).run()
    (chart,) = charts(page)
    assert chart["alt"] == "The network: conv 1 16 → dense 1 200 → dense 2 50 → 5 classes."

    page.text_input[-1].set_value("no/path").run()
    assert "'no/path' cannot name own data" in page.error[0].value
    page.text_input[-1].set_value("small-digits").run()
    next(button for button in page.button if button.label == "Open as a run").click().run()
    assert errors(page) == []
    assert (names_of_own(), kept("small-digits").tasks) == (["small-digits"], 2)
    assert page.selectbox(key="preset").value == "small-digits"
    page.switch_page("lab/page.py").run()  # where a browser is by now
    page.number_input(key="small-digits epochs").set_value(3).run()
    next(button for button in page.button if button.label == "Start").click().run()
    spec = Store(tmp_path / "store").runs()[0].spec
    assert (spec.stream.name, spec.head, spec.epochs, spec.architecture.widths) == (
        "small-digits",
        "multi",
        (3,),
        (16, 200, 50),
    )


def test_a_table_is_looked_at_by_its_columns_and_a_name_out_of_a_file_is_no_markdown(empty: None, tmp_path: Path):
    page = at(str(FOLDER / "own" / "page.py"))
    rows = [f"{n % 7}.5,{n},{n % 2},[x](http://a) {n % 3}" for n in range(60)]
    (tmp_path / "data" / "t.csv").write_text("\n".join(["a,b,kind,site", *rows]))
    page.segmented_control(key="own from").set_value("A path").run()
    page.text_input(key="own path").set_value("../../etc/passwd").run()
    assert "is not in the data folder" in errors(page)[0]
    page.text_input(key="own path").set_value("t.csv").run()
    page.selectbox(key="t.csv label").set_value("kind").run()
    assert "the column 'site' is text, not numbers" in errors(page)[0]
    page.segmented_control(key="own way").set_value("By a column").run()
    page.selectbox(key="t.csv column").set_value("site").run()
    assert errors(page) == []
    assert [list(table.value.columns) for table in page.dataframe] == [["class", "a", "b"]] * 3
    assert len(page.dataframe[0].value) == 16
    assert r"\[x\](http\://a) 0" in next(text.value for text in page.markdown if "Task 1" in text.value)
