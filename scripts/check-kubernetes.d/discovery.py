"""The part of a cluster's API server that kubectl needs to know kinds, on this machine alone."""

import contextlib
import http.server
import json
import threading

KINDS = {
    "v1": [("namespaces", "Namespace", False), ("pods", "Pod", True)],
    "apps/v1": [("daemonsets", "DaemonSet", True)],
    "networking.k8s.io/v1": [("networkpolicies", "NetworkPolicy", True)],
}


def answer(path):
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        versions = [version for version in KINDS if "/" in version]
        groups = [
            {"name": version.split("/")[0], "versions": [{"groupVersion": version, "version": "v1"}]}
            for version in versions
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version not in KINDS:
        return None
    resources = [
        {"name": name, "singularName": "", "kind": kind, "namespaced": namespaced, "verbs": ["create", "get"]}
        for name, kind, namespaced in KINDS[version]
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = answer(self.path.split("?")[0])
        body = json.dumps(found or {"kind": "Status", "apiVersion": "v1", "code": 404}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
