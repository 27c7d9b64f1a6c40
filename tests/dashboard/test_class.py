"""The app for a class, without a browser: the door, and what a student sees and can do behind it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.runs import background
from clnp_core.runs.classroom.codes import Visitor, classroom_of
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from dashboard.learn.lesson import lesson
from dashboard.shared import visit

APP = str(Path(dashboard.__file__).parent / "app.py")
SPEC = preset("digits", {"stream.tasks": 2})
LECTURER = Visitor(None)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_STORE", str(tmp_path))
    monkeypatch.setenv(dashboard.QUOTA, "2")
    monkeypatch.setattr(background, "ensure_engine", lambda store: None)
    return Store(tmp_path)


@pytest.fixture
def visits(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Open the app at a page and a run, as somebody whom the browser has a cookie of."""

    def visits(who: Visitor | None, page: str = "", **query: str) -> AppTest:
        token = classroom_of(store.location).token(who) if who else ""
        monkeypatch.setattr(visit, "cookie", lambda here: token)
        app = AppTest.from_file(APP, default_timeout=60)
        app.query_params.update(query)
        app.run()
        if page:
            app.switch_page(page).run()
        assert not app.exception
        return app

    return visits


def text(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.subheader, *app.error, *app.toast, *app.title]
    return "\n".join(element.value for element in elements)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def press(app: AppTest, label: str, nth: int = 0) -> AppTest:
    [button for button in app.button if button.label == label][nth].click().run()
    assert not app.exception
    return app


def knock(app: AppTest, code: str, name: str) -> AppTest:
    app.text_input[0].set_value(code)
    app.text_input[1].set_value(name)
    return press(app, "Come in")


def test_behind_the_door_is_nothing_before_the_code_and_then_what_the_address_says(store, visits):
    run = store.add(SPEC)
    code = classroom_of(store.location).code
    app = visits(None, run=run, code=code)
    assert (app.title[0].value, app.subheader[0].value) == ("CLNP Lab", "Come into the class")
    assert (labels(app), len(app.dataframe), len(app.selectbox)) == (["Come in"] * 2, 0, 0)
    assert app.text_input[0].value == code
    assert "This is not the class's code" in text(knock(app, "K7M3Q1", "Anna"))
    assert "Give the name" in text(knock(app, code, " "))
    assert store.students() == []
    knock(app, code, "Anna")
    assert store.students() == ["Anna"]
    assert (app.query_params["run"], "code" in app.query_params) == (run, False)
    assert [heading.value for heading in app.subheader] == [run]
    assert "is taken" in text(knock(visits(None), code, "anna"))


def test_the_lecturer_comes_in_by_another_code_and_can_do_all(store, visits):
    his = store.add(SPEC, owner="Ben")
    app = visits(None, run=his)
    app.text_input[2].set_value(classroom_of(store.location).lecturers_code)
    press(app, "Come in", 1)
    assert {"Pause", "Cancel", "Delete"} <= set(labels(app))
    press(app, "Cancel")
    assert store.run(his).state == "cancelled"


def test_a_student_sees_no_foreign_run_and_can_only_fork_the_lecturers(store, visits):
    lecturers, his = store.add(SPEC), store.add(SPEC, owner="Ben")
    app = visits(Visitor("Anna"), run=lecturers)
    assert list(app.dataframe[0].value["Run"]) == [lecturers]
    assert {"Pause", "Resume", "Cancel", "Delete"}.isdisjoint(labels(app))
    assert "Fork" in labels(app)
    assert "that you can see" in text(visits(Visitor("Anna"), run=his))
    store.share(his, True)
    app = visits(Visitor("Anna"), run=his)
    assert dict(zip(app.dataframe[0].value["Run"], app.dataframe[0].value["Owner"], strict=True)) == {
        his: "Ben",
        lecturers: "lecturer",
    }
    assert "Cancel" not in labels(app)


def test_a_run_is_its_students_until_it_is_shared_and_a_quota_holds(store, visits):
    store.add(SPEC)
    app = press(visits(Visitor("Anna")), "Start")
    (run,) = (each for each in store.runs() if each.owner)
    assert (run.owner, run.shared) == ("Anna", False)
    assert {"Pause", "Cancel", "Delete"} <= set(labels(app))
    assert "Baseline" not in [toggle.label for toggle in app.toggle]
    next(toggle for toggle in app.toggle if toggle.label == "Shared with the class").set_value(True).run()
    assert store.run(run.id).shared
    press(press(app, "Start"), "Start")
    assert "You have 2 of at most 2 runs under way" in app.toast[0].value
    assert len(store.runs()) == 3


def test_the_class_page_has_the_way_in_and_the_queue_for_the_lecturer(store, visits, monkeypatch):
    monkeypatch.setenv(dashboard.PUBLIC_URL, "https://lab.example.org/clnp")
    store.welcome("Anna")
    queued = store.add(SPEC, owner="Anna")
    app = visits(LECTURER, "classroom/class_page.py")
    assert app.code[0].value == f"https://lab.example.org/clnp/?code={classroom_of(store.location).code}"
    assert app.dataframe[0].value.to_dict("records") == [{"Name": "Anna", "Queued": 1, "Running": 0, "Finished": 0}]
    app.toggle[0].set_value(True).run()
    assert store.is_held()
    assert "the lecturer holds the queue" in visits(Visitor("Anna"), run=queued).get("progress")[0].proto.text


def test_a_class_bets_and_nobody_sees_the_answer_before_the_lecturer_reveals_it(store, visits):
    number, step = next((number, step) for number, step in enumerate(lesson(), start=1) if step.show_bets)
    store.welcome("Anna")
    store.welcome("Ben")
    store.bet(step.part, 9, "Ben")

    def opened(who: Visitor, at: int) -> AppTest:
        return visits(who, "learn/page.py", step=str(number), at=str(at))

    press(opened(Visitor("Anna"), 2), "Place the bet")
    anna = press(opened(Visitor("Anna"), 4), "Change the bet")
    assert store.bets(step.part) == {"Anna": 4, "Ben": 9}
    assert step.show_bet(4, "light").says in text(anna)
    assert "Reveal the bets" not in labels(anna)
    lecturer = opened(LECTURER, 0)
    revealed = step.show_bets([4, 9], "light").says
    assert "**2 of 2** have bet" in text(lecturer)
    assert revealed not in text(lecturer)
    press(lecturer, "Reveal the bets")
    assert {revealed, step.show(4, "light").says} <= {each.value for each in anna.run().markdown}
    assert {"Place the bet", "Change the bet"}.isdisjoint(labels(anna))
    press(lecturer, "Take bets again")
    assert step.show_bet(4, "light").says in text(anna.run())


def test_a_student_leaves_and_comes_back_by_an_own_link(store, visits):
    app = visits(Visitor("Anna"), "classroom/class_page.py")
    assert "You are **Anna**. You have 0 of at most 2 runs under way." in text(app)
    link = app.code[0].value
    press(app, "Leave")
    assert app.subheader[0].value == "Come into the class"
    app = visits(None, "classroom/class_page.py", me=link.partition("me=")[2])
    assert "You are **Anna**" in text(app)


def test_without_a_class_there_is_no_door_and_no_page_about_it(store, visits, monkeypatch):
    monkeypatch.delenv(dashboard.QUOTA)
    his = store.add(SPEC, owner="Ben")
    app = visits(None, run=his)
    assert app.title[0].value == "CLNP Lab"
    assert {"Pause", "Cancel", "Delete"} <= set(labels(app))
    assert "Shared with the class" not in [toggle.label for toggle in app.toggle]
    with pytest.raises(ValueError, match="class_page"):
        app.switch_page("classroom/class_page.py").run()
