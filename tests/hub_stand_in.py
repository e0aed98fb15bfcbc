"""A local stand-in for the Hugging Face hub's HTTP API.

It holds repositories of models in memory, and answers the requests by which
huggingface_hub makes a repository, uploads to it (small files in the commit,
`.h5` by LFS, as on the hub) and downloads from one commit.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
import urllib.parse

TOKEN = "hf_stand_in"


class Hub:
    """Repositories: lists of commits, each a dict of files."""

    def __init__(self):
        self.repositories = {}
        self.objects = {}
        self.url = None
        self.requests = []

    def files(self, repository, revision):
        """Number of the commit, and its files; `None` if there is none."""
        commits = self.repositories[repository]
        if revision == "main":
            return len(commits) - 1, commits[-1]
        for number, commit in enumerate(commits):
            if sha(repository, number) == revision:
                return number, commit
        return None


def sha(repository, number):
    return hashlib.sha1(f"{repository}/{number}".encode()).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *arguments):
        """Says nothing."""

    def do_GET(self):
        self._route()

    do_HEAD = do_POST = do_PUT = do_GET

    def _route(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.hub.requests.append((self.command, path))
        for pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found:
                answer(self, **found.groupdict())
                return
        self._answer(404, {"error": f"no {path}"})

    def _answer(self, status, content=b"", headers=None):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _found(self, repository, revision):
        """The requested commit; if there is none, answers with an error."""
        code, found = "RepoNotFound", None
        if repository in self.hub.repositories:
            code, found = (
                "RevisionNotFound",
                self.hub.files(repository, revision),
            )
        if found is None:
            self._answer(404, {"error": code}, {"X-Error-Code": code})
        return found

    def _may_write(self):
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self._answer(401, {"error": "Invalid username or password."})
        return False

    def create(self):
        if not self._may_write():
            return
        wanted = json.loads(self.body)
        name = "/".join(filter(None, [wanted.get("organization") or "user"]))
        name = f"{name}/{wanted['name']}"
        url = f"{self.hub.url}/{name}"
        there = name in self.hub.repositories
        self.hub.repositories.setdefault(name, [{".gitattributes": b"x"}])
        self._answer(409 if there else 200, {"url": url, "id": name})

    def yaml(self):
        self._answer(200, {"errors": [], "warnings": []})

    def info(self, repository, revision="main"):
        found = self._found(repository, revision)
        if found:
            number, files = found
            self._answer(
                200,
                {
                    "id": repository,
                    "sha": sha(repository, number),
                    "siblings": [{"rfilename": name} for name in files],
                },
            )

    def tree(self, repository, revision):
        found = self._found(repository, revision)
        if found:
            self._answer(
                200,
                [
                    {
                        "type": "file",
                        "path": name,
                        "size": len(content),
                        "oid": hashlib.sha1(content).hexdigest(),
                    }
                    for name, content in found[1].items()
                ],
            )

    def resolve(self, repository, revision, file):
        found = self._found(repository, revision)
        if not found:
            return
        number, files = found
        if file not in files:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        headers = {
            "ETag": f'"{hashlib.sha256(files[file]).hexdigest()}"',
            "X-Repo-Commit": sha(repository, number),
        }
        self._answer(200, files[file], headers)

    def preupload(self, repository, revision):
        files = [
            {
                "path": file["path"],
                "uploadMode": (
                    "lfs" if file["path"].endswith(".h5") else "regular"
                ),
                "shouldIgnore": False,
            }
            for file in json.loads(self.body)["files"]
        ]
        self._answer(200, {"files": files})

    def batch(self, repository):
        objects = [
            {
                **item,
                "actions": {
                    "upload": {"href": f"{self.hub.url}/lfs/{item['oid']}"}
                },
            }
            for item in json.loads(self.body)["objects"]
        ]
        self._answer(200, {"transfer": "basic", "objects": objects})

    def store(self, oid):
        body = self.body
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.objects[oid] = body
        self._answer(200)

    def commit(self, repository, revision):
        if not self._may_write():
            return
        commits = self.hub.repositories[repository]
        files = dict(commits[-1])
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        commits.append(files)
        oid = sha(repository, len(commits) - 1)
        url = f"{self.hub.url}/{repository}/commit/{oid}"
        self._answer(200, {"success": True, "commitOid": oid, "commitUrl": url})


_NAME = r"(?P<repository>[\w.-]+/[\w.-]+)"
_REVISION = r"(?P<revision>[^/]+)"
_ROUTES = [
    ("/api/repos/create", _Handler.create),
    ("/api/validate-yaml", _Handler.yaml),
    (f"/api/models/{_NAME}", _Handler.info),
    (f"/api/models/{_NAME}/revision/{_REVISION}", _Handler.info),
    (f"/api/models/{_NAME}/tree/{_REVISION}", _Handler.tree),
    (f"/api/models/{_NAME}/preupload/{_REVISION}", _Handler.preupload),
    (f"/api/models/{_NAME}/commit/{_REVISION}", _Handler.commit),
    (rf"/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (r"/lfs/(?P<oid>\w+)", _Handler.store),
    (f"/{_NAME}/resolve/{_REVISION}/(?P<file>.+)", _Handler.resolve),
]


@contextlib.contextmanager
def serving():
    """A running hub, as a `Hub` with its `url`."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
