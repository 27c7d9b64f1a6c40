"""The recipes of docs/proxies.md, as they stand there but for ports and paths, each with its real server.

The browser asks for the app under the recipe's own name, which leads to this machine.
"""

import datetime
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Page, Response, expect

from clnp_core.runs.classroom.codes import classroom_of
from clnp_core.runs.store import Store
from tests.browser.conftest import FLAGS, HEALTH_SECONDS, IS_TRY, PATIENCE, find_chromium, serving, wait_for_health
from tests.browser.lab import button

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "proxies.md"
LAB, HUB = "lab.example.org", "hub.example.org"
END_SECONDS = 60

TRIAL = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {{"JUPYTER_CONFIG_DIR": "{folder}/jupyter", "CLNP_STORE": "{folder}/users"}}
c.Spawner.http_timeout = c.Spawner.start_timeout = 200
"""
"""What a Hub has besides the recipe: anybody may log in as anybody."""


def recipe(language: str, nth: int, changes: dict[str, str]) -> str:
    """A block of code of the guide, with other words in place of some that it has."""
    block = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)[nth]
    for words, others in changes.items():
        assert words in block
        block = block.replace(words, others)
    return block


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = " and no ".join(program for program in programs if not shutil.which(program))
    return pytest.mark.skipif(bool(missing), reason=f"no {missing} on the path; docs/proxies.md is tried without it")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(folder: Path, port: int, *command: str, **environment: str) -> Iterator[None]:
    """A server in a folder of its own, from when it listens at that port."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log)
    try:
        for _ in range(10 * HEALTH_SECONDS):
            if listens(port):
                break
            try:
                server.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"{command[0]} ended: {(folder / 'log').read_text('utf-8')[-2000:]}")
        yield
    finally:
        server.terminate()
        server.wait(timeout=END_SECONDS)


@contextmanager
def visiting(browser: Browser, name: str, port: int) -> Iterator[Page]:
    """A page to which that name is that port of this machine.

    It has to end with no request that failed.
    """
    (others,) = (flag for flag in FLAGS if flag.startswith("--host-resolver-rules"))
    flags = [*(flag for flag in FLAGS if flag != others), f"{others},MAP {name} 127.0.0.1:{port}"]
    own = browser.browser_type.launch(executable_path=find_chromium(), args=flags)
    failed: list[str] = []

    def look(response: Response) -> None:
        # A Hub answers 424 where a server is yet to be launched.
        if response.status >= 400 and not IS_TRY.search(response.url) and "/hub/" not in response.url:
            failed.append(f"{response.status} {response.url}")

    try:
        page = own.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("response", look)
        yield page
        assert failed == []
    finally:
        own.close()


def come_in(page: Page, address: str, store: Store, name: str) -> None:
    """Come into a class by its link."""
    here = classroom_of(store.location)
    page.goto(f"{address}/?code={here.code}")
    page.get_by_label("Your name").fill(name)
    button(page, "Come in").first.click()
    expect(page.get_by_role("link", name="Class", exact=True)).to_be_visible(timeout=PATIENCE)
    page.wait_for_function("(name) => document.cookie.includes(name)", arg=here.cookie)


def look_around(page: Page, address: str, folder: Path) -> None:
    """See charts drawn, take something down, and bring more than a megabyte up."""
    sockets: list[str] = []
    page.on("websocket", lambda each: sockets.append(each.url))
    page.goto(f"{address}/compare")
    expect(page.locator(".live-chart .main-svg").first).to_be_visible(timeout=PATIENCE)
    charts = page.locator(".live-chart").count()
    expect(page.locator(".live-chart:has(.main-svg)")).to_have_count(charts, timeout=PATIENCE)
    assert charts > 1
    assert sockets == [re.sub("^http", "ws", f"{address}/_stcore/stream")]
    with page.expect_download() as download:
        button(page, "Table as CSV").click()
    assert download.value.path().read_bytes().startswith(b"group,")

    draw = np.random.default_rng(0)
    images, labels = draw.integers(0, 256, (2000, 1, 28, 28), np.uint8), np.arange(2000) % 4
    np.savez(folder / "noise.npz", x=images, y=labels)
    page.goto(f"{address}/your-data")
    page.locator("input[type=file]").set_input_files(folder / "noise.npz")
    expect(page.locator(".clnp-samples img").first).to_be_visible(timeout=PATIENCE)


def certificate(folder: Path, name: str) -> None:
    """Write a certificate of that name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(encoding))
    (folder / f"{name}.key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


@pytest.fixture(scope="module")
def taught(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """A class that a proxy serves under a path; its address on this machine and its store."""
    store = Store(tmp_path_factory.mktemp("taught"))
    with store.hold_engine(), serving(store.location, "", "--class", f"--public-url=https://{LAB}/clnp/") as address:
        yield address, store


def try_class(browser: Browser, proxy: str, port: int, store: Store, folder: Path) -> None:
    """Come into the class behind a proxy, as a student called as that proxy, and look around."""
    public = f"https://{LAB}/clnp"
    with visiting(browser, LAB, port) as page:
        page.goto(public)
        expect(page).to_have_url(f"{public}/")
        come_in(page, public, store, f"{proxy} {port}")
        (cookie,) = (each for each in page.context.cookies() if each["name"] == classroom_of(store.location).cookie)
        assert (cookie["path"], cookie["secure"]) == ("/clnp/", True)
        look_around(page, public, folder)


@needs("nginx")
def test_nginx(browser: Browser, taught: tuple[str, Store], tmp_path: Path):
    address, store = taught
    port = free_port()
    certificate(tmp_path, LAB)
    changes = {"listen 443": f"listen 127.0.0.1:{port}", "/etc/ssl": str(tmp_path)}
    changes["http://127.0.0.1:8501"] = address
    (tmp_path / "clnp.conf").write_text(recipe("nginx", 0, changes), "utf-8")
    parts = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{part}_temp_path {tmp_path}/{part};" for part in parts)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr; events {{}}"
        f"http {{ access_log off; {places} include {tmp_path}/clnp.conf; }}"
    )
    with running(tmp_path, port, "nginx", "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")):
        try_class(browser, "nginx", port, store, tmp_path)


@needs("caddy")
def test_caddy(browser: Browser, taught: tuple[str, Store], tmp_path: Path):
    address, store = taught
    port = free_port()
    site = recipe("caddy", 0, {"127.0.0.1:8501": address.removeprefix("http://")})
    # No certificate authority is asked, and nothing but this port is listened at.
    own = f"{{\nadmin off\nskip_install_trust\nlocal_certs\nhttps_port {port}\nauto_https disable_redirects\n"
    own += "default_bind 127.0.0.1\n}\n"
    (tmp_path / "Caddyfile").write_text(own + site, "utf-8")
    with running(
        tmp_path, port, "caddy", "run", "--config", "Caddyfile", HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)
    ):
        try_class(browser, "Caddy", port, store, tmp_path)


@needs("jupyterhub", "configurable-http-proxy")
def test_jupyterhub(browser: Browser, tmp_path: Path):
    taught, users, jupyter = (tmp_path / name for name in ("taught", "users", "jupyter"))
    for folder in (taught, users, jupyter):
        folder.mkdir()
    here = [sys.executable, "-m", "clnp_core.cli"]
    own = {'"clnp", "dashboard"': f'{", ".join(map(repr, here))}, "dashboard"'}
    (jupyter / "jupyter_server_config.py").write_text(recipe("python", 0, own), "utf-8")
    _, variable, _, *words = shlex.split(recipe("sh", 1, {"https://": "http://"}))
    path, value = variable.split("=")

    ports = {name: free_port() for name in ("app_port", "port", "hub_port", "api_port")}
    service = recipe("python", 1, {"127.0.0.1:8501": f"127.0.0.1:{ports['app_port']}"})
    (tmp_path / "jupyterhub_config.py").write_text(TRIAL.format(folder=tmp_path, **ports) + service, "utf-8")
    root = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    class_store, users_store = Store(taught / "class"), Store(users)
    with (
        class_store.hold_engine(),
        users_store.hold_engine(),
        running(taught, ports["app_port"], *here, *words, f"--port={ports['app_port']}", **{path: value}),
        running(tmp_path, ports["port"], "jupyterhub", PYTHONPATH=root),
        visiting(browser, HUB, ports["port"]) as page,
    ):
        wait_for_health(f"http://127.0.0.1:{ports['port']}/{value}/_stcore/health")
        come_in(page, f"http://{HUB}/{value}", class_store, "Anna")
        look_around(page, f"http://{HUB}/{value}", tmp_path)

        page.goto(f"http://{HUB}/hub/login?next=/user/ada/clnp/")
        page.get_by_label("Username").fill("ada")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Launch Server").click()
        expect(page.get_by_role("navigation", name="App pages")).to_be_visible(timeout=PATIENCE)
        look_around(page, f"http://{HUB}/user/ada/clnp", tmp_path)
