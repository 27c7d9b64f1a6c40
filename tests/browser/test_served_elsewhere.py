"""The app behind a proxy that serves it under a path of its own, and under another name without https."""

import asyncio
import re
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from clnp_core.runs.store import Store
from tests.browser.conftest import OTHER_NAME

pytestmark = pytest.mark.browser

PATH = "/user/me/proxy/8501"


async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while part := await source.read(2**16):
        target.write(part)
        await target.drain()
    target.close()


class Proxy:
    """Strips `PATH` off what it is asked for and passes it on to the app, as jupyter-server-proxy does."""

    def __init__(self, app: str) -> None:
        self._app = urlsplit(app)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{PATH}"

    def close(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _end(self) -> None:
        self._server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, rest = head.split(b" ", 2)
        if not path.startswith(PATH.encode()):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        if b"\r\nupgrade:" not in rest.lower():  # one request a connection, so that each has its path stripped
            rest = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"\r\nConnection: close", rest)
        inner, outer = await asyncio.open_connection(self._app.hostname, self._app.port)
        outer.write(b" ".join([method, path.removeprefix(PATH.encode()) or b"/", rest]))
        await asyncio.gather(pass_on(reader, outer), pass_on(inner, writer), return_exceptions=True)


@pytest.fixture(scope="module")
def proxied(learned: tuple[str, Store, str]) -> Iterator[str]:
    """Address of the app behind the proxy."""
    proxy = Proxy(learned[0])
    yield proxy.address
    proxy.close()


def test_charts_are_drawn_behind_a_proxy_that_strips_a_path(page: Page, proxied: str, learned: tuple[str, Store, str]):
    page.goto(f"{proxied}/accuracy?run={learned[2]}")
    expect(page.locator(".live-chart .main-svg").first).to_be_visible()
    charts = page.locator(".live-chart").count()
    assert charts > 1
    expect(page.locator(".live-chart:has(.main-svg)")).to_have_count(charts)


def test_where_the_charts_script_cannot_be_loaded_the_page_says_so(browser: Browser, learned: tuple[str, Store, str]):
    address, _, run = learned
    with browser.new_context() as context:  # in which it was not loaded before
        page = context.new_page()
        page.route("**/plotly.min.js", lambda route: route.fulfill(content_type="text/html", body="<p>Log in"))
        page.goto(f"{address}/accuracy?run={run}")
        told = page.get_by_role("alert").filter(has_text="Charts cannot be drawn")
        expect(told.first).to_contain_text(f"{address}/component/")
        page.unroute_all()
        page.reload()
        expect(page.locator(".live-chart .main-svg").first).to_be_visible()
        expect(told).to_have_count(0)


def test_a_link_is_copied_without_https_too(page: Page, learned: tuple[str, Store, str]):
    address, _, run = learned
    page.goto(f"{address.replace('127.0.0.1', OTHER_NAME)}/trade-off?run={run}")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.get_by_label("Link to this page")).to_be_hidden()
    assert page.evaluate("navigator.clipboard === undefined")
    page.evaluate("document.body.append(document.createElement('textarea'))")
    field = page.locator("body > textarea")
    field.press("Control+v")
    expect(field).to_have_value(page.url)


def test_a_link_that_cannot_be_copied_is_shown(page: Page, learned: tuple[str, Store, str]):
    address, _, run = learned
    page.add_init_script("document.execCommand = () => false; navigator.clipboard.writeText = () => Promise.reject()")
    page.goto(f"{address}/trade-off?run={run}")
    page.get_by_role("button", name="Copy link").click()
    shown = page.get_by_label("Link to this page")
    expect(shown).to_be_visible()
    expect(shown).to_have_value(page.url)
