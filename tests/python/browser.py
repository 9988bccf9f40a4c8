"""Drives a headless Chromium over the pipe of its DevTools protocol (https://chromedevtools.github.io/devtools-protocol)."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path


def program() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class DevToolsError(Exception):
    """Chromium refused a command."""


class Browser:
    """One page at a time, without a network. `said` holds what the page wrote on the console and errors that it did not catch."""

    def __init__(self, profile: Path):
        to_read, to_write = os.pipe(), os.pipe()
        flags = f"--headless --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir={profile} --host-resolver-rules='MAP * ~NOTFOUND'"
        command = f"exec {program()} {flags} 3<&{to_read[0]} 4>&{to_write[1]}"
        self._process = subprocess.Popen(["bash", "-c", command], pass_fds=(to_read[0], to_write[1]), stderr=subprocess.DEVNULL)
        os.close(to_read[0]), os.close(to_write[1])
        self._out, self._in = os.fdopen(to_read[1], "wb", 0), os.fdopen(to_write[0], "rb")
        self._buffer, self._number, self.said = b"", 0, []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._out.close(), self._in.close()
        self._process.terminate()
        self._process.wait(20)

    def open(self, url: str, width=1280, height=1000, dark=False):
        """Opens a page and forgets what the last one said."""
        self.said = []
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, expression: str):
        """The value of an expression of JavaScript; a promise is waited for."""
        answer = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition: str, seconds=60):
        """Until an expression is true, also of the page that this one leads to."""
        end = time.monotonic() + seconds
        while not self._holds(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition} did not come true; the page said {self.said}")
            time.sleep(0.02)

    def _holds(self, condition: str) -> bool:
        try:
            return self.run(f"!!({condition})")
        except DevToolsError as error:
            if "navigated" in str(error) or "context" in str(error):  # the page went while it was asked
                return False
            raise

    def key(self, name: str):
        """Presses a key that types no character, as ArrowDown or Enter, on what has the focus."""
        for kind in ("rawKeyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=name, code=name)

    def screenshot(self, path: Path, whole=False):
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, path: Path):
        """Prints the page, as a reader would."""
        Path(path).write_bytes(base64.b64decode(self._call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]))

    def hover(self, x: float, y: float):
        """Moves the pointer to a place of the window."""
        for step in (-3, 0):
            self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x + step, y=y)

    def media(self, name: str):
        """Shows the page as on screen or in print, until the next is opened."""
        self._call("Emulation.setEmulatedMedia", media=name)

    def _call(self, method: str, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            self._note(answer)
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error']}")
        return answer["result"]

    def _receive(self):
        while b"\0" not in self._buffer:
            data = self._in.read1(1 << 20)
            if not data:
                raise RuntimeError("Chromium ended")
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        method, what = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(item.get("value", item.get("description"))) for item in what["args"]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(what["exceptionDetails"].get("exception", {}).get("description", what["exceptionDetails"].get("text"))))
        elif method == "Log.entryAdded":
            self.said.append(what["entry"]["text"])
