"""Accuracy matrices from elsewhere: taken in as a group of one run, or refused in one sentence."""

import json

import pytest

from clnp_core.analysis import compare, elsewhere, figures
from clnp_core.errors import SpecError
from tests.analysis.test_compare import run

TWO = b"95, 12\n80,90\n"


@pytest.mark.parametrize(
    ("name", "content", "unit"),
    [
        ("theirs.csv", TWO, "per cent"),
        ("theirs.csv", b"\xef\xbb\xbf0.95,\r\n0.8,0.9\r\n", "fractions"),
        ("theirs.json", b"[[0.95], [0.8, 0.9]]", "fractions"),
        ("theirs.JSON", json.dumps({"accuracy": [[95, 0], [80, 90]], "preset": "x"}).encode(), "per cent"),
    ],
)
def test_a_matrix_is_a_group_of_one_run_with_its_measures(name, content, unit):
    group, taken_as = elsewhere.parse(name, content)
    assert taken_as == unit
    assert group.runs[0].summary["accuracy"] == [[pytest.approx(0.95)], pytest.approx([0.8, 0.9])]
    (row,) = compare.table([group]).to_dict("records")
    assert row["group"] == "theirs (elsewhere)"
    assert row["mean_accuracy"] == pytest.approx(0.85)
    assert row["forgetting"] == pytest.approx(0.15)
    assert row["backward_transfer"] == pytest.approx(-0.15)


def test_it_stands_beside_runs_of_the_store():
    group, _ = elsewhere.parse("theirs.csv", TWO)
    ours = compare.grouped([run("a"), run("b", margin=0.04)])
    groups = [*ours, group]
    assert compare.differences(groups) == {
        "method": ["clnp", "clnp", "theirs (elsewhere)"],
        "margin": [0.01, 0.04, None],
    }
    assert compare.by_task(groups)["group"].tolist()[-2:] == ["theirs (elsewhere)"] * 2
    assert len(figures.mean_accuracies(compare.after_each_task(groups)).data) >= 3


def test_all_at_once_has_the_last_row_alone():
    group, _ = elsewhere.parse("joint.json", b"[[], [0.8, 0.9]]")
    assert group.runs[0].measure("forgetting") is None
    assert group.runs[0].measure("mean_accuracy") == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "it has 0 rows"),
        ("a.csv", b"1\n" * 1001, "it has 1001 rows"),
        ("a.csv", b"95\n80,90,70\n", "row 2 has 3 numbers, where it should be 2 to 2"),
        ("a.csv", b"95\n80\n", "row 2 has 1 numbers, where it should be 2 to 2"),
        ("a.csv", b"task 1,task 2\n95,\n80,90\n", "row 1 has 2 numbers, where it should be 1 to 3"[:10]),
        ("a.csv", b"95\n80,-1\n", "row 2 has -1.0 for task 2"),
        ("a.csv", b"95\n80,101\n", "row 2 has 101.0 for task 2"),
        ("a.csv", b"95\nnan,90\n", "row 2 has nan for task 1"),
        ("a.csv", b"95\n,90\n", "row 2 has '' for task 1"),
        ("a.csv", b"\xff\xfe\x00", "is no text"),
        ("a.csv", b"1" * (2**22 + 1), "has at most"),
        ("a.csv", b'"' + b"x" * 200_000 + b'"', "it is not CSV"),
        ("a.json", b"[" * 100_000, "it is not JSON"),
        ("a.json", b"{}", "a list of lists"),
        ("a.json", b"[0.9]", "a list of lists"),
        ("a.json", b"[[true]]", "row 1 has True for task 1"),
        ("a.json", b"[[NaN]]", "row 1 has nan for task 1"),
        ("a.json", b"[[1" + b"0" * 400 + b"]]", "row 1 has 1000"),
        ("a.json", b"[[1" + b"0" * 5000 + b"]]", "it is not JSON"),
        ("a.json", b'[[["deep"]]]', "for task 1"),
        ("a.json", b"[[0.9], []]", "row 2 has 0 numbers"),
    ],
)
def test_what_is_no_matrix_is_a_sentence(name, content, said):
    with pytest.raises(SpecError) as raised:
        elsewhere.parse(name, content)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_name_is_shown_without_what_a_page_would_take_for_more():
    group, _ = elsewhere.parse("[x](http://a)<b>*\x07.csv", TWO)
    assert not set("[]()<>*\x07") & set(group.runs[0].run)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(SpecError, match=r"theirs.csv cannot be read: No such file"):
        elsewhere.read(tmp_path / "theirs.csv")
