import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import time

import pytest
from tornado.websocket import websocket_connect

from qnlr.report import (
    Cell,
    Claim,
    Claims,
    Code,
    Details,
    Document,
    Figure,
    Section,
    Table,
    Text,
    Verdict,
)

KEYS = {
    "Enter": {"code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "Escape": {"code": "Escape", "windowsVirtualKeyCode": 27},
    "+": {"code": "NumpadAdd", "windowsVirtualKeyCode": 107, "text": "+"},
}
FLAGS = [
    "--headless=new",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-port=0",
]


class Page:
    """One tab of a running Chromium, driven through the DevTools protocol."""

    def __init__(self, loop, socket):
        self.loop, self.socket, self.last = loop, socket, 0
        self.events = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    async def _read(self):
        message = json.loads(await asyncio.wait_for(self.socket.read_message(), 30))
        if "method" in message:
            self.events.append(message)
        return message

    async def _answer(self, method, parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        await self.socket.write_message(json.dumps(message))
        while (answer := await self._read()).get("id") != self.last:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def call(self, method, **parameters):
        return self.loop.run_until_complete(self._answer(method, parameters))

    def show(self, width, height=800, dark=False, scripts=True, media=""):
        """Set what the page is shown on, before it is opened or while it is open."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def open(self, file):
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.loop.run_until_complete(self._read())

    def __call__(self, script):
        """Return what a JavaScript expression is in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def key(self, key):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **KEYS[key])
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=KEYS[key]["code"])

    def mouse(self, kind, x, y, **parameters):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **parameters)

    @property
    def troubles(self):
        """Everything that was logged, thrown, or asked of a network since the page was opened."""
        asked = [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        logged = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [url for url in asked if not url.startswith(("file:", "data:"))] + [
            event["params"] for event in self.events if event["method"] in logged
        ]


@contextlib.contextmanager
def running(program, profile):
    """Run Chromium and yield the address of its tab."""
    command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with (
        (profile / "log.txt").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            file = profile / "DevToolsActivePort"
            deadline = time.monotonic() + 60
            while not (file.exists() and len(file.read_text().split()) == 2):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"Chromium did not start: {(profile / 'log.txt').read_text()}")
                time.sleep(0.05)
            yield "ws://127.0.0.1:{}{}".format(*file.read_text().split())
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def new_tab(address):
    """Connect to a new tab that shares no storage with any other, and is gone afterwards."""
    browser = await websocket_connect(address)

    async def ask(method, **parameters):
        await browser.write_message(json.dumps({"id": 1, "method": method, "params": parameters}))
        while (answer := json.loads(await browser.read_message())).get("id") != 1:
            pass
        return answer["result"]

    context = await ask("Target.createBrowserContext", disposeOnDetach=True)
    tab = await ask("Target.createTarget", url="about:blank", **context)
    host = address.split("/devtools/")[0]
    page = await websocket_connect(f"{host}/devtools/page/{tab['targetId']}")
    try:
        yield page
    finally:
        for socket in (page, browser):
            socket.close()
            while await socket.read_message() is not None:  # until it says that it is closed
                pass


@pytest.fixture(scope="session")
def running_chromium(tmp_path_factory):
    """The address of a headless Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("CI_NO_BROWSER"):
            pytest.skip("CI_NO_BROWSER is set, and there is no Chromium")
        pytest.fail(
            "Chromium is not installed; install it (apt-get install chromium), "
            "or set CI_NO_BROWSER=1 to leave the tests of the page out"
        )
    with running(program, tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
def chromium(running_chromium):
    """A page in a fresh tab of headless Chromium."""
    loop = asyncio.new_event_loop()
    tab = new_tab(running_chromium)
    yield Page(loop, loop.run_until_complete(tab.__aenter__()))
    loop.run_until_complete(tab.__aexit__(None, None, None))
    loop.close()


@pytest.fixture(scope="session")
def document():
    """A small document with every kind of block, and signs that every format has to escape."""
    losses = Table(
        "losses",
        "Loss & <cost>",
        ("optimizer", "loss"),
        (
            (Cell("SGD"), Cell("0.30 ± 0.01", 0.3, note='runs "a" & <b>')),
            (Cell("NLR <b>"), Cell("9.00", 9, kind="good")),
            (Cell("layer 10"), Cell("10.0", 10, kind="bad")),
            (Cell("layer 2"), Cell("–", kind="muted")),
            (Cell("Adam"), Cell("0.30 ± 0.02", 0.3, kind="paper")),
        ),
        caption='At η = 0.01, 50 % of "all" | {each}.',
        source="qnlr run configs/table_06.toml --set 'a|b'",
    )
    wide = Table(
        "wide",
        "Many columns",
        tuple(f"gradient norm {number}" for number in range(12)),
        (tuple(Cell(f"{number / 7:.6f}", number / 7) for number in range(12)),),
        text_columns=0,
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="640pt" height="400pt" '
        'viewBox="0 0 640 400"><title>η</title><circle r="90" cx="300" cy="200"/></svg>'
    )
    claims = Claims(
        tuple(
            Claim(
                verdict.value.replace(" ", "_"),
                f"It says {number} < 4.",
                f"It is {words} & more.",
                verdict,
                where=f"Table {number}",
                interval="0.1 to 0.2",
                detail="" if number % 2 else "‖g‖ ≤ 2√2",
            )
            for number, (verdict, words) in enumerate(
                zip(Verdict, ("one", "two", "three", "four", "five"), strict=True)
            )
        )
    )
    return Document(
        'Does "it" escape <at all> & when?',
        "What was measured.",
        (
            Section("start", "In short", (Text(("A paragraph.",), ("One <item>", "* another")),)),
            Section("claims", "Claims", (claims,)),
            Section("numbers", "Numbers", (losses, Figure("circle", "A circle", "Of η.", svg))),
            Section("more", "More", (Details("All", (wide, Code("folded away <b>"))),), level=3),
        ),
        footer="qnlr & friends",
    )
