"""The lesson's page without a browser: every step in both views, the bet, the links, and computing anew."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.analysis.figures import Theme
from clnp_core.errors import SpecError
from clnp_core.lesson.parts import PARTS, shipped
from clnp_core.lesson.runs import RUNS
from clnp_core.runs import background
from clnp_core.runs.store import Store
from dashboard.learn.lesson import lesson
from dashboard.learn.state import move
from dashboard.learn.step import Shown, Step
from tests.made_up import record, summary

PAGE = str(Path(dashboard.__file__).parent / "learn" / "page.py")
STEPS = lesson()
BET = 2
NUMBERS = range(1, len(STEPS) + 1)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_STORE", str(tmp_path))
    monkeypatch.setattr(background, "ensure_engine", lambda store: None)
    return Store(tmp_path)


def opened(**query: object) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params.update({name: str(value) for name, value in query.items()})
    app.run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.info, *app.error])


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("lecture", [0, 1])
def test_every_step_opens_in_both_views(number: int, lecture: int):
    app, step = opened(step=number, lecture=lecture), STEPS[number - 1]
    assert [title.value for title in app.title] == [f"{number} · {step.title}"]
    assert not app.error
    told = text(app)
    assert step.text in told
    assert (step.question in told) == (not lecture)
    anew = [button for button in app.button if button.label == "Compute again"]
    assert len(anew) == (not lecture)


def test_next_and_back_walk_from_the_first_step_to_the_last():
    app = opened()
    for number in NUMBERS[1:]:
        press(app, "Next")
        assert app.query_params["step"] == str(number)
    assert next(button for button in app.button if button.label == "Next").disabled
    press(app, "Back")
    assert app.query_params["step"] == str(len(STEPS) - 1)
    press(app, "Lecture")
    assert app.query_params["lecture"] == "1"
    press(app, "Back")
    assert (app.query_params["step"], app.query_params["lecture"]) == (str(len(STEPS) - 2), "1")
    press(app, "End the lecture")
    assert "lecture" not in app.query_params


def test_the_contents_lead_to_every_step():
    app = opened(step=3)
    titles = [button.label.strip("*") for button in app.sidebar.button]
    assert titles == [f"{number} · {step.title}" for number, step in enumerate(STEPS, start=1)]
    press(app, titles[6])
    assert app.query_params["step"] == "7"


def test_the_curve_is_shown_only_once_the_bet_is_placed():
    app, step = opened(step=BET, at=4), STEPS[BET - 1]
    assert step.show_bet(4, "light").says in text(app)
    assert step.show(4, "light").says not in text(app)
    press(app, "Place the bet")
    assert step.show(4, "light").says in text(app)
    press(app, "Bet again")
    assert step.show_bet(4, "light").says in text(app)


@pytest.mark.parametrize(
    ("query", "place"),
    [({"at": 0}, 0), ({"at": 999}, None), ({"at": "9" * 5000}, None), ({"at": "x"}, None), ({}, None)],
)
def test_the_address_says_where_the_slider_stands(query: dict, place: int | None):
    step = STEPS[3]
    assert step.show(step.start if place is None else place, "light").says in text(opened(step=4, **query))


@pytest.mark.parametrize("place", [-1, 8, 3.0, True, "3", None, [3]])
def test_a_place_that_the_slider_does_not_have_is_refused_also_if_it_does_not_come_from_the_slider(place: object):
    with pytest.raises(SpecError, match="it has places 0 to 7"):
        move(4, 8, place, settled=True)


def test_a_choice_of_two_is_kept_and_goes_into_the_address():
    app, step = opened(step=7), STEPS[6]
    app.segmented_control[0].set_value(1).run()
    assert app.query_params["at"] == "1"
    assert step.show(1, "light").says in text(app)
    press(press(app, "Next"), "Back")
    assert app.query_params["at"] == "1"
    assert step.show(1, "light").says in text(app)


@pytest.mark.parametrize("wrong", ["0", "99", "two", "-1", "9" * 5000])
def test_a_wrong_step_gets_one_sentence(wrong: str):
    error = f"The lesson has no step '{wrong[:20]}'; it has steps 1 to {len(STEPS)}."
    assert [each.value for each in opened(step=wrong).error] == [error]


def shows(step: Step, theme: Theme) -> list[Shown]:
    """What a step shows at the ends of its slider, where it starts, before the bet, and of a class's bets."""
    places = {0, step.start, len(step.places) - 1}
    bets = [step.show_bets(bets, theme) for bets in ([], [3, 1, 3]) if step.show_bets]
    return bets + [show(place, theme) for show in (step.show, step.show_bet) if show for place in sorted(places)]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_its_code_makes_the_same_figure(step: Step):
    for shown in shows(step, "light"):
        *lines, last = shown.code.split("\nfigures.")
        names: dict = {}
        exec("\nfigures.".join(lines), names)  # noqa: S102 - the page's own lines
        assert eval(f"figures.{last}", names).to_json() == shown.figure.to_json()  # noqa: S307
    assert len({shown.says for shown in shows(step, "dark")}) == len(shows(step, "dark"))


def learned(store: Store, off: float) -> None:
    """Store what the step's runs came to, fine-tuning's first accuracy off by so much."""
    ships = shipped("forgetting")
    for name, matrix in {"finetune": ships["accuracy"], **ships["held"]}.items():
        run = store.add(RUNS[name])
        store.start(run)
        for task, row in enumerate(matrix, start=1):
            first = row[0] + off * (task == 1 and name == "finetune")
            store.put_learned(run, record(task=task, accuracy=[first, *row[1:]]))
        store.finish(run, summary())


@pytest.mark.parametrize(
    ("off", "said"), [(0.0, "every number is the same, to the bit"), (-0.01, "with **other numbers**")]
)
def test_fresh_numbers_stand_beside_those_that_ship(store: Store, off: float, said: str):
    learned(store, off)
    app = opened(step=BET)
    assert said in text(app)
    table = app.table[0].value
    assert list(table["shipped"]) == list(PARTS["forgetting"].headlines(shipped("forgetting")).values())
    assert (table["shipped"] == table["here"]).all() == (off == 0)


def test_computing_anew_queues_the_runs_of_the_step_once(store: Store):
    app = press(opened(step=8), "Compute again")
    assert [run.spec for run in store.runs()] == [RUNS["finetune"], RUNS["clnp"]]
    assert app.get("progress")
    press(opened(step=3), "Next")
    assert len(store.runs()) == 2
