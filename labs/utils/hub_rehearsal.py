"""A rehearsal of a push: a small server on this machine that speaks the Hub's protocol. It is not the Hub.

The real `huggingface_hub` client can create a repository on it, upload a folder and download it again; repositories live in
memory and are gone with the notebook. It judges neither licences nor cards, and knows no branches, datasets or Spaces.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".ckpt", ".parquet", ".zip")  # kept as LFS objects, like on the Hub
GITATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


@dataclass(frozen=True)
class Commit:
    """One state of a repository, under the id by which it can be cited."""

    oid: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repository:
    """A model repository. Like the Hub's, it begins with a commit of its own that holds `.gitattributes`."""

    private: bool
    commits: list[Commit] = field(default_factory=list)

    def commit(self, message: str, files: dict[str, bytes]) -> Commit:
        parts = [self.commits[-1].oid if self.commits else "", message, *(f"{p} {sha256(data)}" for p, data in sorted(files.items()))]
        self.commits.append(Commit(hashlib.sha1("\n".join(parts).encode()).hexdigest(), message, files))
        return self.commits[-1]

    @property
    def files(self) -> dict[str, bytes]:
        """What is in it now, without what the server itself put there."""
        return {path: data for path, data in self.commits[-1].files.items() if path != ".gitattributes"}


class Refused(Exception):
    """The answer is no: an HTTP status, and the Hub's code and sentence for it."""

    def __init__(self, status: int, message: str, code: str = "", **more: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.more = status, message, code, more


class RehearsalHub:
    """A running server. `repositories` is what it holds; `api()` gives a client that talks to it."""

    def __init__(self, user: str = "student") -> None:
        self.user = user
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}  # LFS objects by their sha256
        self.roles: dict[str, str] = {}  # token -> "write" or "read"
        self.broken = False  # True: it breaks down (500) when a commit comes
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def api(self, role: str = "write") -> Any:
        """An `HfApi` for this server with a new token: "write", "read", or "unknown" (a token that the server doesn't know)."""
        token = f"hf_{secrets.token_hex(17)}"
        if role != "unknown":
            self.roles[token] = role
        _point_the_client_at(self.url)
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.url, token=token)

    def create(self, repo_id: str, *, private: bool) -> Repository:
        """A new repository, as one that was made earlier or by somebody else."""
        repository = self.repositories[repo_id] = Repository(private)
        repository.commit("initial commit", {".gitattributes": GITATTRIBUTES})
        return repository

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "RehearsalHub":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _point_the_client_at(url: str) -> None:
    """What HF_ENDPOINT=url HF_HUB_OFFLINE=0 HF_HUB_DISABLE_XET=1 do in a new process; here it may have been imported already."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(filter(None, {os.environ.get("NO_PROXY"), "127.0.0.1"}))
    from huggingface_hub import constants

    constants.ENDPOINT = url
    constants.HUGGINGFACE_CO_URL_TEMPLATE = url + "/{repo_id}/resolve/{revision}/{filename}"
    constants.HF_HUB_OFFLINE = False
    constants.HF_HUB_DISABLE_XET = True


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _is_large(path: str) -> bool:
    return path.endswith(LARGE)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Find the route of a request, and send what it gives: JSON, bytes, or a refusal."""
        self.hub: RehearsalHub = self.server.hub  # type: ignore[attr-defined]
        body = self.read_body()
        path = unquote(urlsplit(self.path).path)
        try:
            for method, pattern, route in ROUTES:
                if self.command == method and (match := re.fullmatch(pattern, path)):
                    with self.hub.lock:
                        return self.send(200, route(self, body, *match.groups()))
            raise Refused(404, f"the rehearsal hub has no {self.command} {path}")
        except Refused as no:
            self.send(no.status, {"error": no.message, **no.more}, {"X-Error-Message": no.message, "X-Error-Code": no.code})

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        if isinstance(content, tuple):
            content, headers = content
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), "Connection": "close", **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing: the notebook shows what was pushed."""

    # Who may do what

    def role(self) -> str:
        """Of the caller: "write", "read", or "" for nobody. Raises Refused for a token that was never given out."""
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.hub.roles:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.hub.roles.get(token, "")

    def must_write(self, namespace: str) -> None:
        role = self.role()
        if not role:
            raise Refused(401, "Invalid username or password.")
        if role != "write":
            raise Refused(403, "you must use a write token to change a repository")
        if namespace != self.hub.user:
            raise Refused(403, f'You don\'t have the rights to write to the namespace "{namespace}"')

    def readable(self, repo_id: str) -> Repository:
        repository = self.hub.repositories.get(repo_id)
        role = self.role()
        if repository is None or (repository.private and (not role or repo_id.split("/")[0] != self.hub.user)):
            raise Refused(404 if role else 401, "Repository not found", "RepoNotFound")
        return repository

    def writable(self, repo_id: str) -> Repository:
        repository = self.readable(repo_id)
        self.must_write(repo_id.split("/")[0])
        return repository

    def at(self, repository: Repository, revision: str) -> Commit:
        for commit in reversed(repository.commits):
            if revision in ("main", commit.oid):
                return commit
        raise Refused(404, "Invalid rev id", "RevisionNotFound")

    # What can be asked

    def who_am_i(self, _: bytes) -> Any:
        if not self.role():
            raise Refused(401, "Invalid username or password.")
        return {"type": "user", "name": self.hub.user, "orgs": [], "auth": {"accessToken": {"role": self.role()}}}

    def validate_card(self, _: bytes) -> Any:
        return {"errors": [], "warnings": []}

    def create_repository(self, body: bytes) -> Any:
        wanted = json.loads(body)
        namespace = wanted.get("organization") or self.hub.user
        repo_id = f"{namespace}/{wanted['name']}"
        self.must_write(namespace)
        url = f"{self.hub.url}/{repo_id}"
        if wanted.get("type", "model") != "model":
            raise Refused(400, "the rehearsal hub has model repositories only")
        if repo_id in self.hub.repositories:
            raise Refused(409, "You already created this model repo", url=url)
        self.hub.create(repo_id, private=wanted.get("visibility") == "private" or wanted.get("private") is True)
        return {"url": url, "name": repo_id, "id": sha256(repo_id.encode())[:24]}

    def delete_repository(self, body: bytes) -> Any:
        wanted = json.loads(body)
        repo_id = f"{wanted.get('organization') or self.hub.user}/{wanted['name']}"
        self.writable(repo_id)
        del self.hub.repositories[repo_id]
        return {}

    def change_settings(self, body: bytes, repo_id: str) -> Any:
        repository, wanted = self.writable(repo_id), json.loads(body)
        repository.private = wanted.get("visibility") == "private" or wanted.get("private") is True
        return {"private": repository.private}

    def check_access(self, _: bytes, repo_id: str, write: str | None) -> Any:
        self.writable(repo_id) if write else self.readable(repo_id)
        return {}

    def describe(self, _: bytes, repo_id: str, revision: str | None = None) -> Any:
        repository = self.readable(repo_id)
        commit = self.at(repository, revision or "main")
        known = {"_id": "0" * 24, "id": repo_id, "modelId": repo_id, "sha": commit.oid, "private": repository.private, "tags": []}
        return known | {"siblings": [{"rfilename": path} for path in sorted(commit.files)]}

    def list_files(self, _: bytes, repo_id: str, revision: str) -> Any:
        files = sorted(self.at(self.readable(repo_id), revision).files.items())
        rows = []
        for path, data in files:
            large = {"lfs": {"oid": sha256(data), "size": len(data), "pointerSize": 130}} if _is_large(path) else {}
            rows.append({"type": "file", "path": path, "size": len(data), "oid": _git_sha1(data), **large})
        return rows

    def list_commits(self, _: bytes, repo_id: str, revision: str) -> Any:
        self.at(repository := self.readable(repo_id), revision)
        date = "2026-01-01T00:00:00.000Z"
        return [{"id": c.oid, "title": c.message, "message": "", "date": date, "authors": []} for c in reversed(repository.commits)]

    def download(self, _: bytes, repo_id: str, revision: str, path: str) -> Any:
        commit = self.at(self.readable(repo_id), revision)
        if path not in commit.files:
            raise Refused(404, "Entry not found", "EntryNotFound")
        data = commit.files[path]
        etag = sha256(data) if _is_large(path) else _git_sha1(data)
        return data, {"ETag": f'"{etag}"', "X-Repo-Commit": commit.oid}

    def plan_upload(self, body: bytes, repo_id: str, revision: str) -> Any:
        there = self.at(self.writable(repo_id), revision).files
        plan = []
        for path in [file["path"] for file in json.loads(body)["files"]]:
            oid = None if path not in there else sha256(there[path]) if _is_large(path) else _git_sha1(there[path])
            plan.append({"path": path, "uploadMode": "lfs" if _is_large(path) else "regular", "shouldIgnore": False, "oid": oid})
        return {"files": plan}

    def plan_objects(self, body: bytes, repo_id: str) -> Any:
        self.writable(repo_id)
        plan = []
        for wanted in json.loads(body)["objects"]:
            upload = {"actions": {"upload": {"href": f"{self.hub.url}/objects/{wanted['oid']}", "header": {}}}}
            plan.append({"oid": wanted["oid"], "size": wanted["size"]} | ({} if wanted["oid"] in self.hub.objects else upload))
        return {"transfer": "basic", "objects": plan}

    def receive_object(self, body: bytes, oid: str) -> Any:
        if sha256(body) != oid:
            raise Refused(400, "the object does not have the sha256 that was announced")
        self.hub.objects[oid] = body
        return {}

    def receive_commit(self, body: bytes, repo_id: str, revision: str) -> Any:
        repository = self.writable(repo_id)
        if self.hub.broken:
            raise Refused(500, "Internal Error - We're working hard to fix this as soon as possible!")
        files = dict(self.at(repository, revision).files)
        message = ""
        for line in body.splitlines():
            key, value = (entry := json.loads(line))["key"], entry["value"]
            if key == "header":
                message = value["summary"]
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            elif key == "deletedFile":
                files.pop(value["path"], None)
            elif key == "deletedFolder":
                files = {path: data for path, data in files.items() if not path.startswith(value["path"].rstrip("/") + "/")}
        commit = repository.commit(message, files)
        return {"success": True, "commitOid": commit.oid, "commitUrl": f"{self.hub.url}/{repo_id}/commit/{commit.oid}", "hookOutput": ""}


_ID = r"([^/]+/[^/]+)"
ROUTES = [
    ("GET", "/api/whoami-v2", _Handler.who_am_i),
    ("POST", "/api/validate-yaml", _Handler.validate_card),
    ("POST", "/api/repos/create", _Handler.create_repository),
    ("DELETE", "/api/repos/delete", _Handler.delete_repository),
    ("PUT", f"/api/models/{_ID}/settings", _Handler.change_settings),
    ("GET", f"/api/models/{_ID}/auth-check(/write)?", _Handler.check_access),
    ("GET", f"/api/models/{_ID}", _Handler.describe),
    ("GET", f"/api/models/{_ID}/revision/(.+)", _Handler.describe),
    ("GET", f"/api/models/{_ID}/tree/([^/]+)", _Handler.list_files),
    ("GET", f"/api/models/{_ID}/commits/([^/]+)", _Handler.list_commits),
    ("HEAD", f"/{_ID}/resolve/([^/]+)/(.+)", _Handler.download),
    ("GET", f"/{_ID}/resolve/([^/]+)/(.+)", _Handler.download),
    ("POST", f"/api/models/{_ID}/preupload/([^/]+)", _Handler.plan_upload),
    ("POST", rf"/{_ID}\.git/info/lfs/objects/batch", _Handler.plan_objects),
    ("PUT", "/objects/([0-9a-f]{64})", _Handler.receive_object),
    ("POST", f"/api/models/{_ID}/commit/([^/]+)", _Handler.receive_commit),
]
