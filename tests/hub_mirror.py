"""A small server of our own that serves folders as a hub does: listings, metadata, files."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMIT = hashlib.sha1(b"first", usedforsecurity=False).hexdigest()
CHUNK = 64 * 1024
API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/(?P<kind>revision|tree)/(?P<rest>.*))?")
FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/[^/]+/(?P<name>.+)")


class HubMirror:
    """Serves folders under `owner/name`, one commit each, and counts what it delivers.

    Attributes:
        repos: content by hub id and file name; an `int` stands for so many bytes that nobody
            should fetch.
        delivered: names of the files whose content was asked for.
        requests: number of all requests.
        before_file: called with each file's name before its content is sent.
    """

    def __init__(self, repos: dict[str, dict[str, bytes | int]]) -> None:
        self.repos = repos
        self.delivered: list[str] = []
        self.requests = 0
        self.before_file: Callable[[str], None] = lambda _: None

    def list_files(self, repo: str) -> list[dict[str, Any]]:
        return [
            {"name": name, "size": _measure(content), "hash": _hash(content)}
            for name, content in self.repos[repo].items()
        ]


def read_folder(folder: Path) -> dict[str, bytes | int]:
    """Read a folder's files, to be served."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@contextmanager
def serve_hub(mirror: HubMirror) -> Iterator[str]:
    """Serve on a free port of this machine; give the endpoint for HF_ENDPOINT."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"mirror": mirror}))
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _measure(content: bytes | int) -> int:
    return content if isinstance(content, int) else len(content)


def _hash(content: bytes | int) -> str:
    return hashlib.sha256(
        str(content).encode() if isinstance(content, int) else content
    ).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers for one mirror."""

    mirror: HubMirror
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(with_content=False)

    def do_GET(self) -> None:
        self.answer(with_content=True)

    def answer(self, with_content: bool) -> None:
        self.mirror.requests += 1
        path = urlsplit(self.path).path
        if (found := API.fullmatch(path)) and found["repo"] in self.mirror.repos:
            self.answer_api(found["repo"], found["kind"], found["rest"])
        elif (found := FILE.fullmatch(path)) and found["repo"] in self.mirror.repos:
            self.answer_file(found["name"], self.mirror.repos[found["repo"]], with_content)
        else:
            self.refuse("RepoNotFound")

    def answer_api(self, repo: str, kind: str | None, rest: str | None) -> None:
        files = self.mirror.list_files(repo)
        if kind != "tree":
            siblings = [
                {
                    "rfilename": one["name"],
                    "size": one["size"],
                    "blobId": one["hash"][:40],
                    "lfs": {"sha256": one["hash"], "size": one["size"], "pointerSize": 134},
                }
                for one in files
            ]
            self.response({"id": repo, "sha": COMMIT, "siblings": siblings})
        elif "/" in str(rest):  # a folder of the repository, and there is none
            self.refuse("EntryNotFound")
        else:
            self.response(
                [
                    {
                        "type": "file",
                        "path": one["name"],
                        "size": one["size"],
                        "oid": one["hash"][:40],
                        "lfs": {"oid": one["hash"], "size": one["size"], "pointerSize": 134},
                    }
                    for one in files
                ]
            )

    def answer_file(self, name: str, files: dict[str, bytes | int], with_content: bool) -> None:
        if name not in files:
            self.refuse("EntryNotFound")
            return
        content = files[name]
        if with_content:
            self.mirror.delivered.append(name)
            self.mirror.before_file(name)
        self.send_response(200)
        self.send_header("ETag", f'"{_hash(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(_measure(content)))
        self.end_headers()
        if with_content and isinstance(content, bytes):
            try:
                for start in range(0, len(content), CHUNK):
                    self.wfile.write(content[start : start + CHUNK])
            except OSError:  # who downloads has gone
                self.close_connection = True

    def response(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()
