"""A class as its students and its lecturer come into it, each in a browser of their own."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from clnp_core.runs.classroom.codes import classroom_of
from clnp_core.runs.store import Store
from tests.browser.conftest import PATIENCE, serving
from tests.browser.lab import button, run_of

pytestmark = pytest.mark.browser


def test_a_student_and_the_lecturer_come_in_and_are_known_again(browser: Browser, tmp_path: Path):
    store, here = Store(tmp_path), classroom_of(tmp_path)
    with ExitStack() as stack:
        stack.enter_context(store.hold_engine())
        address = stack.enter_context(serving(tmp_path, "", "--class", "--address=127.0.0.1"))
        (example,) = store.runs()

        def elsewhere() -> Page:
            page = stack.enter_context(browser.new_context()).new_page()
            page.set_default_timeout(PATIENCE)
            return page

        students = elsewhere()
        students.goto(f"{address}/?code={here.code}&run={example.id}")
        students.get_by_label("Your name").fill("Anna")
        button(students, "Come in").first.click()
        expect(button(students, "Fork")).to_be_visible()
        assert students.get_by_role("button", name="Delete").count() == 0
        before = students.url
        button(students, "Start").click()
        run = run_of(students, "digits", before)
        expect(button(students, "Cancel")).to_be_visible()
        assert store.run(run).owner == "Anna"

        again = students.context.new_page()
        again.goto(f"{address}/class")
        expect(again.get_by_text("You have 1 of at most 3 runs under way.")).to_be_visible(timeout=PATIENCE)

        lecturers = elsewhere()
        lecturers.goto(f"{address}/class")
        lecturers.get_by_text("I am the lecturer").click()
        lecturers.get_by_label("Your code").fill(here.lecturers_code)
        button(lecturers, "Come in").last.click()
        picture = lecturers.get_by_alt_text("QR code of the link")
        expect(picture).to_be_visible()
        assert picture.evaluate("(picture) => picture.naturalWidth") > 0
        lecturers.wait_for_function("(name) => document.cookie.includes(name)", arg=here.cookie)
        (cookie,) = (each for each in lecturers.context.cookies() if each["name"] == here.cookie)
        assert (cookie["path"], cookie["expires"], cookie["sameSite"]) == ("/", -1, "Strict")

        again.goto(f"{address}/learn?step=2")
        button(again, "Place the bet").click()
        lecturers.goto(f"{address}/learn?step=2&lecture=1")
        expect(lecturers.get_by_text("1 of 1 have bet")).to_be_visible(timeout=PATIENCE)
        lecturers.get_by_role("slider").focus()
        lecturers.keyboard.press("b")
        for each in (lecturers, again):  # which is told, and asks for nothing
            expect(each.get_by_text("The bets of the class")).to_be_visible(timeout=PATIENCE)
