"""The door of a class: who is let in, who is known again, and who has to wait."""

import pytest

from clnp_core.errors import CodeError, StoreError
from clnp_core.runs.classroom.codes import Classroom, Gate, Visitor, classroom_of

HERE = Classroom("K7M3QX", "ABCDEFGHJKMNPQRS", bytes(32))
ANNA, LECTURER = Visitor("Anna Ω"), Visitor(None)


def test_codes_last_and_nobody_else_can_read_them(tmp_path):
    here = classroom_of(tmp_path)
    assert classroom_of(tmp_path) == here
    assert (len(here.code), len(here.lecturers_code), len(here.key)) == (6, 16, 32)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("{}")
    with pytest.raises(StoreError, match=r"class\.json, are damaged"):
        classroom_of(tmp_path)


def test_a_token_is_known_again_and_none_can_be_made_up():
    tokens = {who: HERE.token(who) for who in (ANNA, LECTURER)}
    assert {who: HERE.visitor(token) for who, token in tokens.items()} == {ANNA: ANNA, LECTURER: LECTURER}
    told, signature = (tokens[who].split(".")[part] for part, who in enumerate((LECTURER, ANNA)))
    other = Classroom(HERE.code, HERE.lecturers_code, bytes([1]) * 32)
    for made_up in ("", ".", f"{told}.{signature}", f"{told}.", f"{told}.Ω", "Ω.Ω", other.token(ANNA)):
        assert HERE.visitor(made_up) is None, made_up


@pytest.mark.parametrize("code", ["K7M3QX", "k7m 3qx ", "K7M-3QX"])
def test_the_code_lets_in_however_it_is_written(code):
    assert Gate().let_in(HERE, code, None) is False
    assert Gate().let_in(HERE, HERE.lecturers_code.lower(), None) is True


def test_who_guesses_has_to_wait_and_nobody_else():
    now = 0.0
    gate = Gate(lambda: now)

    def answer(code: str, address: str) -> str:
        try:
            return "lecturer" if gate.let_in(HERE, code, address) else "student"
        except CodeError as error:
            return str(error)

    guesses = [answer(f"K7M3Q{number}", "guesser") for number in range(2, 12)]
    assert set(guesses) == {"This is not the class's code; it stands on the lecturer's screen."}
    assert answer(HERE.code, "guesser").startswith("Too many wrong codes were given; try again in 2 s")
    assert answer(HERE.code, "another") == "student"
    assert answer(HERE.lecturers_code, "guesser") == "lecturer"
    now = 2.0
    assert answer("", "guesser").startswith("This is not")
    assert answer("", "guesser").startswith("Too many")
    now = 3600.0
    taken = [answer("", "guesser") for _ in range(30)]
    assert sum(each.startswith("This is not") for each in taken) == 10
