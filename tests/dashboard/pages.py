"""Pages under AppTest: opened, their charts, and the figures that the code under them makes."""

import ast
import json
from typing import Any

from plotly.io.json import to_json_plotly
from streamlit.testing.v1 import AppTest


def at(page: str, **query: str) -> AppTest:
    """A page, opened by an address with that query; it shows no exception."""
    app = AppTest.from_file(page, default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def charts(app: AppTest) -> list[dict[str, Any]]:
    """What each live chart of the page was given, in order: figure (JSON), alt, code and so on."""
    components = (element.proto for element in app.get("bidi_component"))
    return [json.loads(proto.json) for proto in components if proto.component_name == "clnp.live_chart"]


def made_by(code: str) -> Any:
    """The value of the last line of some code, run as a cell of a notebook is."""
    *lines, last = ast.parse(code).body
    names: dict[str, Any] = {}
    exec(compile(ast.Module(lines, []), "<cell>", "exec"), names)  # noqa: S102
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # noqa: S307


def assert_code_makes_its_chart(chart: dict[str, Any]) -> None:
    """The figure that the code under a chart makes is the one that is shown."""
    shown, made = json.loads(chart["figure"]), json.loads(to_json_plotly(made_by(chart["code"])))
    del shown["layout"]["uirevision"]
    assert made == shown
