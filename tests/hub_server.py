"""A local server that speaks the hub's protocol, as far as publishing and loading need it.

Accounts, tokens, repositories, the LFS batch protocol, commits in one piece, downloads. Files are
real and lie in a folder; commits are real, too: nothing of an upload can be seen before its commit.
Large files can come by Xet as well: then hf_xet keeps them in a local store of its own format.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import yaml

LFS_BYTES = 100_000  # larger files go by LFS, and so do weights, whatever their size
OWNER = "me"
TOKEN = "hf_" + "TestOnly" * 4


def read_token(role: str, **more: Any) -> dict[str, Any]:
    """Describe a token as whoami does."""
    return {"displayName": "test", "role": role, **more}


def fine_grained(kind: str, name: str, *permissions: str) -> dict[str, Any]:
    """Describe a fine-grained token with one scope."""
    scope = {"entity": {"type": kind, "name": name}, "permissions": list(permissions)}
    return read_token("fineGrained", fineGrained={"global": [], "scoped": [scope]})


@dataclass
class Repository:
    """A repository: every commit is the whole list of its files.

    Attributes:
        private: whether only its owner sees it.
        writers: accounts that may write.
        commits: by commit, in order, path to file content's SHA-256.
        visibility: what happened to it, in order.
    """

    private: bool
    writers: set[str] = field(default_factory=lambda: {OWNER})
    commits: dict[str, dict[str, str]] = field(default_factory=dict)
    visibility: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        """The latest commit."""
        return list(self.commits)[-1]


class HubServer:
    """A hub with one account, `me`, one organization of it, `team`, and someone else's.

    Attributes:
        folder: where contents lie, by SHA-256.
        tokens: what a token may do, by its value.
        repositories: by name.
        sent: how many bytes came in by LFS, by SHA-256.
        requests: all requests, as `METHOD path`.
        places: how many LFS uploads it takes before it leaves all others half-way; `None`: all.
        stalled: set as soon as an upload was left half-way.
        released: to be set when those that were left half-way may be given up.
        xet: whether large files come by Xet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "objects").mkdir(parents=True)
        self.tokens: dict[str, dict[str, Any]] = {}
        self.orgs = [
            {"name": "team", "roleInOrg": "write"},
            {"name": "readers", "roleInOrg": "read"},
        ]
        self.repositories: dict[str, Repository] = {}
        self.sent: dict[str, int] = {}
        self.requests: list[str] = []
        self.places: threading.Semaphore | None = None
        self.stalled, self.released = threading.Event(), threading.Event()
        self.xet = False
        self.url = ""

    def add(self, name: str, files: dict[str, bytes], private: bool = False, writer: str = OWNER):
        """Put a repository there."""
        repository = Repository(private, {writer})
        repository.commits["0" * 40] = {path: self.keep(data) for path, data in files.items()}
        self.repositories[name] = repository

    def keep(self, data: bytes) -> str:
        """Keep a content."""
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "objects" / digest).write_bytes(data)
        return digest

    def has(self, digest: str) -> bool:
        """Tell whether a content is there."""
        return (self.folder / "objects" / digest).is_file()

    def read(self, name: str, path: str) -> bytes:
        """Read a file of a repository's latest commit."""
        repository = self.repositories[name]
        return self.content(repository.commits[repository.head][path])

    def content(self, digest: str) -> bytes:
        """Read a content."""
        return (self.folder / "objects" / digest).read_bytes()


@contextmanager
def serve_hub(server: HubServer) -> Iterator[HubServer]:
    """Let a hub answer on a free port until the block ends."""
    handler = type("Handler", (_Handler,), {"hub": server})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    http.handle_error = lambda *_: None  # a client that was killed is part of the test
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Refused(Exception):  # noqa: N818 - an answer, no fault
    def __init__(self, status: int, code: str = "", message: str = "refused") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: HubServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parsed = urlparse(self.path)
        path = unquote(parsed.path)
        self.query = parse_qs(parsed.query)
        self.hub.requests.append(f"{self.command} {path}")
        if path.startswith("/lfs/"):
            self._take(path.removeprefix("/lfs/"))
            return
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        try:
            for pattern, method in _ROUTES:
                if found := re.fullmatch(pattern, f"{self.command} {path}"):
                    method(self, *found.groups())
                    return
            raise _Refused(404, "EntryNotFound", f"no such address: {path}")
        except _Refused as refused:
            headers = {"X-Error-Code": refused.code} if refused.code else {}
            self._send(refused.status, {"error": str(refused)}, headers)

    # Accounts

    def _token(self) -> dict[str, Any] | None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            return None
        if given not in self.hub.tokens:
            raise _Refused(401, message="Invalid username or password.")
        return self.hub.tokens[given]

    def _whoami(self) -> None:
        token = self._token()
        if token is None:
            raise _Refused(401, message="Invalid username or password.")
        auth = {"type": "access_token", "accessToken": token}
        self._send(200, {"type": "user", "name": OWNER, "orgs": self.hub.orgs, "auth": auth})

    def _may_write(self, name: str) -> bool:
        token, owner = self._token() or {}, name.split("/", maxsplit=1)[0]
        repository = self.hub.repositories.get(name)
        if repository and OWNER not in repository.writers:
            return False
        if owner not in {OWNER, "team"}:
            return False
        if token.get("role") != "fineGrained":
            return token.get("role") in {"write", "admin"}
        return any(
            "repo.write" in scope["permissions"]
            and scope["entity"]["name"] in {owner, name if repository else owner}
            for scope in token["fineGrained"]["scoped"]
        )

    # Repositories

    def _find(self, name: str) -> Repository:
        """Find a repository; a private one of someone else is answered as if it were not there."""
        token = self._token()
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and (token is None or not self._sees(name))):
            raise _Refused(404 if token else 401, "RepoNotFound", "Repository not found")
        return repository

    def _sees(self, name: str) -> bool:
        return OWNER in self.hub.repositories[name].writers

    def _write_to(self, name: str) -> Repository:
        repository = self._find(name)
        if not self._may_write(name):
            raise _Refused(403, message="You don't have the rights to write here")
        return repository

    def _create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or OWNER}/{asked['name']}"
        if name in self.hub.repositories:
            address = f"{self.hub.url}/{name}"
            self._send(409, {"error": "You already created this model repo", "url": address})
            return
        if not self._may_write(name):
            raise _Refused(403, message=f"You don't have the rights to create a model under {name}")
        visibility = asked.get("visibility") or ("private" if asked.get("private") else "public")
        repository = Repository(visibility == "private", visibility=[f"created {visibility}"])
        repository.commits["0" * 40] = {".gitattributes": self.hub.keep(b"*.safetensors lfs\n")}
        self.hub.repositories[name] = repository
        self._send(200, {"url": f"{self.hub.url}/{name}", "name": name})

    def _info(self, name: str, revision: str = "main") -> None:
        repository = self._find(name)
        commit, files = self._revision(repository, revision)
        siblings = [self._describe(path, digest) for path, digest in files.items()]
        self._send(
            200,
            {"id": name, "modelId": name, "private": repository.private, "sha": commit}
            | {"siblings": siblings, "tags": [], "gated": False, "disabled": False},
        )

    def _auth_check(self, name: str) -> None:
        self._write_to(name)
        self._send(200, {})

    def _settings(self, name: str) -> None:
        repository, asked = self._write_to(name), json.loads(self.body)
        visibility = asked.get("visibility") or ("private" if asked["private"] else "public")
        repository.private = visibility == "private"
        repository.visibility.append(visibility)
        self._send(200, asked)

    def _tree(self, name: str, revision: str) -> None:
        commit, files = self._revision(self._find(name), revision)
        listed = []
        for path, digest in files.items():
            file = self._describe(path, digest)
            listed.append({"type": "file", "path": path, "oid": file["blobId"]} | file)
        self._send(200, listed, {"X-Repo-Commit": commit})

    def _revision(self, repository: Repository, revision: str) -> tuple[str, dict[str, str]]:
        commit = repository.head if revision == "main" else revision
        if commit not in repository.commits:
            raise _Refused(404, "RevisionNotFound", "Revision not found")
        return commit, repository.commits[commit]

    def _describe(self, path: str, digest: str) -> dict[str, Any]:
        size = self._size(digest)
        file = {"rfilename": path, "size": size, "blobId": digest[:40]}
        if self._is_large(path, size):
            lfs = {"sha256": digest, "oid": digest, "size": size, "pointerSize": 130}
            return file | {"lfs": lfs}
        return file | {"blobId": _git_hash(self.hub.content(digest))}

    def _size(self, digest: str) -> int:
        stored = self.hub.folder / "objects" / digest
        return stored.stat().st_size if stored.is_file() else int(self.hub.sent[f"xet {digest}"])

    @staticmethod
    def _is_large(path: str, size: int) -> bool:
        return path.endswith(".safetensors") or size > LFS_BYTES

    # Uploads

    def _validate(self) -> None:
        content = json.loads(self.body)["content"]
        found = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        metadata = yaml.safe_load(found[1]) if found else None
        errors = [] if isinstance(metadata, dict) else [{"message": "no metadata"}]
        stated = (metadata or {}).get("license")
        if stated not in {None, "mit", "apache-2.0", "llama2", "llama3.2", "other"}:
            errors.append({"message": f'"license" must be one of those known, not {stated}'})
        self._send(400 if errors else 200, {"errors": errors, "warnings": []})

    def _preupload(self, name: str, _revision: str) -> None:
        repository = self._write_to(name)
        files = []
        for asked in json.loads(self.body)["files"]:
            large = self._is_large(asked["path"], asked["size"])
            there = repository.commits[repository.head].get(asked["path"])
            oid = there and (there if large else _git_hash(self.hub.content(there)))
            mode = "lfs" if large else "regular"
            files.append({"path": asked["path"], "uploadMode": mode, "shouldIgnore": False})
            files[-1]["oid"] = oid
        self._send(200, {"files": files})

    def _batch(self, name: str) -> None:
        self._write_to(name)
        objects = []
        for asked in json.loads(self.body)["objects"]:
            answer: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"]}
            if not self.hub.has(asked["oid"]):
                href = f"{self.hub.url}/lfs/{asked['oid']}"
                answer["actions"] = {"upload": {"href": href}}
            objects.append(answer)
        self._send(200, {"transfer": "basic", "objects": objects})

    def _take(self, digest: str) -> None:
        """Take a large file. What is cut off is thrown away, as storage services do."""
        length, data = int(self.headers["Content-Length"]), bytearray()
        if self.hub.places and not self.hub.places.acquire(blocking=False):
            self.rfile.read1(65536)
            self.hub.stalled.set()
            self.hub.released.wait()
            self.close_connection = True
            return
        while len(data) < length:
            piece = self.rfile.read1(min(65536, length - len(data)))
            if not piece:
                self.close_connection = True
                return
            data += piece
        if hashlib.sha256(data).hexdigest() != digest:
            self._send(400, {"error": "another content"})
            return
        self.hub.keep(bytes(data))
        self.hub.sent[digest] = self.hub.sent.get(digest, 0) + length
        self._send(200, {})

    def _xet_token(self, name: str) -> None:
        self._write_to(name)
        if not self.hub.xet:
            raise _Refused(404, "EntryNotFound", "no Xet here")
        store = f"local://{self.hub.folder / 'xet'}"
        self._send(200, {"accessToken": "xet", "exp": 4_102_444_800, "casUrl": store})

    def _commit(self, name: str, _revision: str) -> None:
        repository = self._write_to(name)
        files = dict(repository.commits[repository.head])
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = self.hub.keep(base64.b64decode(value["content"]))
            elif entry["key"] == "lfsFile":
                if not self.hub.has(value["oid"]):
                    if not self.hub.xet:
                        raise _Refused(400, message=f"{value['path']} was never uploaded")
                    self.hub.sent[f"xet {value['oid']}"] = value["size"]
                files[value["path"]] = value["oid"]
        commit = hashlib.sha1(f"{repository.head}{files}".encode()).hexdigest()
        repository.commits[commit] = files
        address = f"{self.hub.url}/{name}/commit/{commit}"
        self._send(200, {"success": True, "commitOid": commit, "commitUrl": address})

    # Downloads

    def _resolve(self, name: str, revision: str, path: str) -> None:
        commit, files = self._revision(self._find(name), revision)
        if path not in files:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        data = self.hub.content(files[path])
        headers = {"X-Repo-Commit": commit, "ETag": f'"{files[path]}"'}
        self._send_bytes(200, data, {"Content-Type": "application/octet-stream", **headers})

    def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self._send_bytes(status, body, {"Content-Type": "application/json", **(headers or {})})

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


_NAME = r"([\w.-]+/[\w.-]+)"
_ROUTES = [
    (r"GET /api/whoami-v2", _Handler._whoami),
    (r"POST /api/validate-yaml", _Handler._validate),
    (r"POST /api/repos/create", _Handler._create),
    (rf"GET /api/models/{_NAME}", _Handler._info),
    (rf"GET /api/models/{_NAME}/revision/([\w]+)", _Handler._info),
    (rf"GET /api/models/{_NAME}/auth-check/write", _Handler._auth_check),
    (rf"PUT /api/models/{_NAME}/settings", _Handler._settings),
    (rf"GET /api/models/{_NAME}/tree/(\w+)", _Handler._tree),
    (rf"GET /api/models/{_NAME}/xet-write-token/\w+", _Handler._xet_token),
    (rf"POST /api/models/{_NAME}/preupload/(\w+)", _Handler._preupload),
    (rf"POST /{_NAME}\.git/info/lfs/objects/batch", _Handler._batch),
    (rf"POST /api/models/{_NAME}/commit/(\w+)", _Handler._commit),
    (rf"(?:GET|HEAD) /{_NAME}/resolve/(\w+)/(.+)", _Handler._resolve),
]
