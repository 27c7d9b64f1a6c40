"""The class: how students come in, who is there, and the queue; for a student, who he is here."""

import os
from collections import Counter
from urllib.parse import urlsplit

import pandas as pd
import segno
import streamlit as st
from streamlit import config

import dashboard
from clnp_core.runs.classroom.codes import Classroom, Visitor
from clnp_core.runs.store import Store, default_location
from dashboard.shared.errors import attempt, show_errors
from dashboard.shared.follow import follow
from dashboard.shared.number_text import counted
from dashboard.shared.run_text import plain
from dashboard.shared.store import open_store
from dashboard.shared.style import style_sheet
from dashboard.shared.visit import OWN_LINK, classroom, leave, quota, visitor

_STYLE = style_sheet(dashboard.FOLDER / "classroom" / "join.css")
_SECONDS = 3
_TEXT_PIXELS = 640
_HERE = (None, "localhost", "127.0.0.1", "::1")
_HOLD = "hold the queue"


def main() -> None:
    st.title("Class", anchor=False)
    with show_errors():
        store, here, who = open_store(default_location()), classroom(), visitor()
        if who.is_lecturer:
            show_way_in(here)
            follow(lambda: show_students(store), True, _SECONDS)
        else:
            show_student(store, here, who)


def show_way_in(here: Classroom) -> None:
    """Show the link, the code and the QR code, to be read from the last row."""
    link = _link(f"code={here.code}")
    picture = segno.make(link, micro=False).svg_data_uri(scale=8, border=3, light="#fff")
    st.html(
        f"{_STYLE}<div class='way-in'><img src='{picture}' alt='QR code of the link'>"
        f"<div><p>Open</p><p class='link'>{link.partition('/?')[0]}</p><p>and give the code</p>"
        f"<p class='code'>{here.code}</p></div></div>"
    )
    st.code(link, language=None, width="content")
    if urlsplit(link).hostname in _HERE:
        st.caption(
            "Only this machine can open this link. Behind a proxy, open this page under the proxy's address, or start "
            "the app with `--public-url`, and the link is the right one; otherwise start it without `--address`."
        )


def show_students(store: Store) -> bool:
    """Show who is there and what they have asked for, and hold the queue or let it go on. It changes all the time."""
    runs, students = store.runs(), store.students()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(counted(len(students), "student"), anchor=False, width="stretch")
        st.session_state[_HOLD] = store.is_held()  # also after it was switched elsewhere
        st.toggle(
            "Hold the queue",
            key=_HOLD,
            on_change=lambda: attempt(lambda: store.hold(st.session_state[_HOLD])),
            help="Queued runs of students wait. What is running goes on, and your own runs begin.",
        )
    waiting = Counter(run.owner for run in runs if run.goes_on and run.state != "running")
    running = Counter(run.owner for run in runs if run.state == "running")
    finished = Counter(run.owner for run in runs if run.state == "finished")
    if students:
        table = {
            "Name": students,
            **{
                label: [counts[name] for name in students]
                for label, counts in (("Queued", waiting), ("Running", running), ("Finished", finished))
            },
        }
        st.dataframe(pd.DataFrame(table), hide_index=True, alt="Students, and how many runs each has")
    else:
        st.caption("Nobody has come in yet.")
    return True


def show_student(store: Store, here: Classroom, who: Visitor) -> None:
    """Show a student's name and runs under way, the way back in, and the way out."""
    under_way = sum(run.goes_on for run in store.runs() if store.may_change(run))
    st.markdown(f"You are **{plain(who.name)}**. You have {under_way} of at most {counted(quota(), 'run')} under way.")
    st.markdown(
        "You see your own runs, the lecturer's, and those that others share. You can look at all of these and fork "
        "them, and change your own. To share a run, or to stop sharing it: *Name, tags, note* in the Lab.",
        width=_TEXT_PIXELS,
    )
    with st.expander("On another device, or in another browser", icon=":material/devices:", width=_TEXT_PIXELS):
        st.markdown("This link is you: whoever opens it has your runs. Keep it for yourself.")
        st.code(_link(f"{OWN_LINK}={here.token(who)}"), language=None)
    if st.button("Leave", icon=":material/logout:", help="This browser forgets you. Your link above leads back."):
        leave()
        st.rerun()


def _link(query: str) -> str:
    """Write a link to the app as other machines find it."""
    here = os.environ.get(dashboard.PUBLIC_URL) or st.context.url or ""
    if urlsplit(here).hostname in _HERE:
        address, port = config.get_option("server.address"), config.get_option("server.port")
        return dashboard.link_elsewhere(address or "127.0.0.1", port, query)
    return f"{here.removesuffix('/class').rstrip('/')}/?{query}"


main()
