"""A headless Chromium that is asked which frames it shows of a video."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
PATIENCE_S = 90
PAGE = """<!doctype html><meta charset="utf-8"><body><script>
const asked = ASKED;
const shown = (video) => new Promise((done) => video.requestVideoFrameCallback(() => done()));
async function look(name, times) {
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  const first = shown(video);
  video.src = "/" + name;
  await new Promise((done, fail) => { video.onloadeddata = done; video.onerror = () => fail(video.error.message); });
  await first;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const grab = () => {
    context.drawImage(video, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 == 0));
  };
  const told = {width: canvas.width, height: canvas.height, duration: video.duration, first: grab(), seen: []};
  for (const time of times) {
    if (video.currentTime != time) {
      const next = shown(video);
      const sought = new Promise((done) => { video.onseeked = done; });
      video.currentTime = time;
      await Promise.all([next, sought]);
    }
    told.seen.push(grab());
  }
  video.currentTime = 0;
  const ended = new Promise((done) => { video.onended = done; });
  await video.play();
  await ended;
  told.ended = true;
  return told;
}
(async () => {
  const told = {};
  for (const [name, times] of Object.entries(asked))
    told[name] = await look(name, times).catch((error) => ({error: String(error)}));
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
})();
</script></body>"""


def find_browser() -> str | None:
    """Give the path of a Chromium, None without one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def watch(folder: Path, asked: Mapping[str, Sequence[float]], profile: Path) -> dict[str, Any]:
    """Give what Chromium shows of files below a folder: at the beginning, at the times asked for, and when played.

    For each file its size, its duration, and pictures as lists of the reds of all pixels, `first` and `seen`; or
    `error`.
    """
    server = _Server(folder, PAGE.replace("ASKED", json.dumps(asked)).encode())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = find_browser()
    assert browser is not None
    command = [browser, *FLAGS, f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert server.answered.wait(PATIENCE_S), "Chromium did not answer"
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
            server.server_close()
    return server.told


class _Server(ThreadingHTTPServer):
    """Serves a page and the files below a folder, parts of them too, and keeps what the page tells."""

    def __init__(self, folder: Path, page: bytes) -> None:
        self.folder, self.page = folder, page
        self.told: dict[str, Any] = {}
        self.answered = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/":
            self._send(200, self.server.page, "text/html")
            return
        path = self.server.folder / self.path[1:]
        if not path.is_file():
            self._send(404, b"", "text/plain")
            return
        data = path.read_bytes()
        if self.headers["Range"] is None:
            self._send(200, data, "video/mp4")
            return
        begin, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
        start, stop = int(begin), min(int(end or len(data)) + 1, len(data))
        self._send(206, data[start:stop], "video/mp4", f"bytes {start}-{stop - 1}/{len(data)}")

    def do_POST(self) -> None:
        self.server.told.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._send(200, b"", "text/plain")
        self.server.answered.set()

    def _send(self, status: int, data: bytes, kind: str, part: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "bytes")
        if part:
            self.send_header("Content-Range", part)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that it overrides
        pass
