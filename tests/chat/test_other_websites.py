"""Pages of other origins in a real browser, which try what they can to reach the chat page."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.chat.conftest import JOIN, UPLOAD, Served

SITE = "This page answers to itself only, not to other websites."
HOST = "This page answers to 127.0.0.1 and to localhost only."
MINUTES = 1200 * 1000
# What the page sends when somebody asks. The last key takes in what a form puts after a name.
QUESTION = (
    '{"data": ["Planted", null], "fn_index": 0, "session_hash": "planted", "event_data": null'
)
FORM_NAME = f'{QUESTION}, "trigger_id": "'
READ = """async ([url, options]) => {
    try { return await (await fetch(url, {credentials: "include", ...options})).text(); }
    catch { return "failed"; }
}"""
SEND = """async ([url, body, kind]) => {
    const form = new FormData();
    form.append("files", new File(["planted"], "planted.txt"));
    const options = {method: "POST", mode: "no-cors", credentials: "include"};
    if (body) { options.body = body; options.headers = {"Content-Type": kind}; }
    else { options.body = form; }
    try { return (await fetch(url, options)).status; } catch { return "failed"; }
}"""
LOAD = """([tag, key, url]) => new Promise(resolve => {
    const element = document.createElement(tag);
    element.onload = () => resolve("loaded");
    element.onerror = () => resolve("failed");
    element[key] = url;
    if (tag === "link") element.rel = "stylesheet";
    document.body.append(element);
})"""
LISTEN = """url => new Promise(resolve => {
    const source = url.startsWith("ws") ? new WebSocket(url) : new EventSource(url);
    source.onopen = () => resolve("open");
    source.onerror = () => resolve("failed");
})"""
SUBMIT = """([url, name, kind]) => {
    const form = document.createElement("form");
    Object.assign(form, {method: "POST", action: url, enctype: kind});
    const field = document.createElement("input");
    Object.assign(field, {name, value: '"}'});
    form.append(field);
    document.body.append(form);
    form.submit();
}"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve an empty page from another port."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "index.html").write_text("<!doctype html><body></body>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(params=["127.0.0.1", "localhost", "evil.test"])
def foreign(browser: Any, elsewhere: int, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a page of another origin: another port of this machine, or another website."""
    tab = browser.new_page()
    tab.set_default_timeout(MINUTES)
    tab.goto(f"http://{request.param}:{elsewhere}/")
    yield tab
    tab.close()


def test_it_cannot_read(served: Served, foreign: Any):
    for path in ("/", "/theme.css", "/gradio_api/app_id", "/config"):
        assert foreign.evaluate(READ, [served.url + path, {}]) == "failed"
    asked = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": QUESTION}
    assert foreign.evaluate(READ, [served.url + JOIN, asked]) == "failed"
    data = "/gradio_api/queue/data?session_hash=planted"
    assert foreign.evaluate(LISTEN, served.url + data) == "failed"
    assert foreign.evaluate(LISTEN, served.url.replace("http", "ws") + JOIN) == "failed"


def test_it_cannot_take_parts_of_the_page(served: Served, foreign: Any):
    script = served.ask("GET", "/").text.split('src="')[1].split('"')[0].removeprefix(".")
    for tag, key, path in (
        ("script", "src", script),
        ("link", "href", "/theme.css"),
        ("img", "src", "/favicon.ico"),
    ):
        assert served.ask("GET", path).status_code == 200
        assert foreign.evaluate(LOAD, [tag, key, served.url + path]) == "failed"


def test_it_cannot_show_the_page_in_a_frame(served: Served, foreign: Any):
    foreign.evaluate(LOAD, ["iframe", "src", served.url])
    frame = foreign.frames[1]
    assert frame.url.startswith(served.url)
    assert frame.inner_text("body") == SITE


def test_it_cannot_upload_and_cannot_ask(served: Served, foreign: Any, browser: Any):
    foreign.evaluate(SEND, [served.url + UPLOAD, None, None])
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        foreign.evaluate(SEND, [served.url + JOIN, QUESTION + "}", kind])
        foreign.evaluate(SEND, [served.url + "/gradio_api/run/predict", QUESTION + "}", kind])
    check_nothing_came(served, browser)


def test_it_cannot_send_a_form(served: Served, foreign: Any, browser: Any):
    before = foreign.url
    for path in (JOIN, "/gradio_api/run/predict", UPLOAD, "/"):
        for kind in ("text/plain", "multipart/form-data"):
            with foreign.expect_navigation() as going:
                foreign.evaluate(SUBMIT, [served.url + path, FORM_NAME, kind])
            assert going.value.status == 403
            assert foreign.inner_text("body") == SITE
            foreign.goto(before)
    check_nothing_came(served, browser)


def test_a_name_that_turns_into_this_machine_shows_nothing(served: Served, browser: Any):
    tab = browser.new_page()
    assert tab.goto(f"http://rebound.test:{served.port}/").status == 403
    assert tab.inner_text("body") == HOST
    tab.evaluate(SEND, [UPLOAD, None, None])
    tab.evaluate(SEND, [JOIN, QUESTION + "}", "application/json"])
    assert tab.evaluate(READ, ["/theme.css", {}]) == HOST
    check_nothing_came(served, browser)
    tab.close()


def test_a_link_on_it_leads_to_the_page(served: Served, foreign: Any):
    with foreign.expect_navigation():
        foreign.evaluate("url => { location.href = url; }", served.url)
    foreign.wait_for_selector("#question textarea")


def check_nothing_came(served: Served, browser: Any) -> None:
    """Ask on the page itself: whoever asked before would be answered before."""
    page = browser.new_page()
    page.set_default_timeout(MINUTES)
    page.goto(served.url)
    page.fill("#question textarea", "Spoon")
    page.click("#ask")
    page.wait_for_function(
        "document.querySelector('#tuned-speed textarea').value.includes('tokens/s')"
    )
    page.close()
    heard = list(served.chat.heard)
    served.chat.heard.clear()
    assert heard == ["Spoon"]
    assert served.list_files() == []
