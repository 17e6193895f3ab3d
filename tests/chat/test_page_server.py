"""What other websites may send to the page's server, sent by a client that may send anything."""

import socket
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.chat.conftest import JOIN, UPLOAD, Served
from tuneline.chat.page_server import MOST_BYTES

pytestmark = pytest.mark.slow

# Every path that the page needs, as Gradio's own routes call it.
NEEDED = {
    ("get", "/"),
    ("head", "/"),
    ("get", "/assets/{path}"),
    ("get", "/static/{path}"),
    ("get", "/theme.css"),
    ("get", "/favicon.ico"),
    ("get", "/manifest.json"),
    ("get", "/gradio_api/app_id"),
    ("get", "/gradio_api/startup-events"),
    ("get", "/gradio_api/heartbeat/{session_hash}"),
    ("get", "/gradio_api/queue/data"),
    ("post", JOIN),
    ("post", "/gradio_api/run/predict"),
}


def check_refusal(answer: httpx.Response, status: int) -> None:
    """Check that a request was refused in a sentence that no other origin may read."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert [name for name in answer.headers if name.startswith("access-control-")] == []
    assert "evil" not in answer.text


def test_the_page_may_be_asked_by_itself_and_gives_no_other_leave_to_read(served: Served):
    for name in ("127.0.0.1", "localhost"):
        host = f"{name}:{served.port}"
        for headers in ({}, {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}):
            for path in ("/", "/theme.css", "/gradio_api/app_id"):
                answer = served.ask("GET", path, headers={"Host": host, **headers})
                assert answer.status_code == 200
                assert not [one for one in answer.headers if one.startswith("access-control-")]


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:{port}",
        "127.0.0.1.evil.test:{port}",
        "localhost.evil.test",
        "evil.test@127.0.0.1:{port}",
        "127.0.0.1:{port}, evil.test",
        "0.0.0.0:{port}",
        "2130706433",
        "127.1",
        "[::1]:{port}",
        "localhost:",
        "",
    ],
)
def test_another_name_for_this_machine_is_refused(served: Served, host: str):
    host = host.format(port=served.port)
    for origin in ({}, {"Origin": f"http://{host}"}):
        for method, path in (("GET", "/"), ("POST", JOIN), ("POST", UPLOAD), ("OPTIONS", "/")):
            answer = served.ask(method, path, headers={"Host": host, **origin})
            check_refusal(answer, 403)


@pytest.mark.parametrize("hosts", [[], ["127.0.0.1", "evil.test"], ["evil.test", "127.0.0.1"]])
def test_no_name_and_two_names_are_refused(served: Served, hosts: list[str]):
    lines = ["GET / HTTP/1.0", *(f"Host: {host}" for host in hosts), "", ""]
    with socket.create_connection(("127.0.0.1", served.port), timeout=600) as connection:
        connection.sendall("\r\n".join(lines).encode())
        assert b" 403 " in connection.recv(200).splitlines()[0]


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test",
        "http://127.0.0.1:{other}",
        "http://localhost:{other}",
        "http://localhost:{port}",  # the page is open as 127.0.0.1
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://127.0.0.1:{port}.evil.test",
        "null",
        "",
    ],
)
def test_another_origin_is_refused_whatever_it_asks_for(served: Served, origin: str):
    origin = origin.format(port=served.port, other=served.port + 1)
    asked = {"Access-Control-Request-Method": "POST"}
    for method, path, headers in (
        ("GET", "/", {}),
        ("GET", "/theme.css", {}),
        ("GET", "/gradio_api/queue/data?session_hash=planted", {}),
        ("POST", JOIN, {}),
        ("POST", UPLOAD, {}),
        ("OPTIONS", JOIN, asked),
        ("OPTIONS", UPLOAD, asked),
    ):
        answer = served.ask(method, path, headers={"Origin": origin, **headers})
        check_refusal(answer, 403)


def test_a_link_leads_to_the_page_and_nothing_else_may_come_from_elsewhere(served: Served):
    link = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for site in ("cross-site", "same-site"):
        come = {"Sec-Fetch-Site": site}
        assert served.ask("GET", "/?from=elsewhere", headers=come | link).status_code == 200
        for path, headers in (
            ("/", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
            ("/", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
            ("/", {}),
            ("/theme.css", link),
            ("/gradio_api/heartbeat/planted", link),
        ):
            check_refusal(served.ask("GET", path, headers=come | headers), 403)
        check_refusal(served.ask("POST", JOIN, headers=come | link), 403)
    assert served.ask("GET", "/", headers=link | {"Sec-Fetch-Site": "none"}).status_code == 200


def test_only_what_the_page_needs_is_there(served: Served):
    found = set()
    for route, methods in served.page.app.openapi()["paths"].items():
        path = route.replace("{api_name}", "predict")
        for method in {*methods, "get", "post"}:
            answer = served.ask(method, path.replace("{", "").replace("}", ""))
            if answer.status_code != 404 or "json" in answer.headers["content-type"]:
                found.add((method, path))
            else:
                check_refusal(answer, 404)
    assert found == NEEDED


@pytest.mark.parametrize(
    "path",
    [
        "//gradio_api/upload",
        "/static/../gradio_api/upload",
        "/gradio_api/upload/",
        "/gradio_api/queue/join/",
        "/gradio_api/queue%2Fjoin/../upload",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/gradio_api/mcp/",
    ],
)
def test_a_path_written_otherwise_leads_nowhere_else(served: Served, path: str):
    check_refusal(served.ask("POST", path, files={"files": b"planted"}), 404)
    assert served.list_files() == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_another_method_is_refused(served: Served, method: str):
    check_refusal(served.ask(method, "/"), 404)
    check_refusal(served.ask(method, JOIN), 404)


def test_nobody_else_listens_for_the_page_whatever_the_environment_says(served: Served):
    for process in psutil.Process().children(recursive=True):
        listening = [one for one in process.net_connections("tcp") if one.status == "LISTEN"]
        assert listening == []


def test_a_web_socket_is_refused(served: Served):
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    asked["Sec-WebSocket-Key"] = "cGxhbnRlZHBsYW50ZWQhIQ=="
    check_refusal(served.ask("GET", "/", headers=asked), 404)
    check_refusal(served.ask("GET", "/", headers=asked | {"Origin": "null"}), 403)


def give(size: int) -> Iterator[bytes]:
    """Give a body in pieces, so that nobody says how long it is."""
    yield from (b" " * 65_536 for _ in range(size // 65_536))


@pytest.mark.parametrize("path", [JOIN, "/gradio_api/run/predict"])
def test_a_body_longer_than_any_question_is_refused_however_it_comes(served: Served, path: str):
    for body in (b" " * (MOST_BYTES + 1), give(MOST_BYTES + 65_536), give(100 * MOST_BYTES)):
        answer = served.ask("POST", path, content=body)
        assert answer.status_code == 413
        assert answer.text in {"Content Too Large", '{"detail":"Content Too Large"}'}
    # Read to its end: what is wrong with it is that it is empty.
    for body in (b" " * MOST_BYTES, give(MOST_BYTES)):
        assert served.ask("POST", path, content=body).status_code == 422
