"""What a browser had to complain about."""

import re
from typing import Any


class Surprises:
    def __init__(self, context: Any, own_site: str) -> None:
        self.found: list[str] = []
        self.expected: list[str] = []
        # chrome: is the browser's own viewer, in whose tab a PDF opens.
        viewer = ("chrome://", "chrome-extension://")
        self.own = (own_site + "/", "data:", "blob:", "about:", *viewer)
        context.on("console", self._console)
        context.on("weberror", lambda event: self.found.append(f"script: {event.error}"))
        context.on("request", self._request)

    def expect(self, pattern: str) -> None:
        """Let complaints that match this regular expression pass."""
        self.expected.append(pattern)

    def assert_none(self) -> None:
        left = [
            complaint
            for complaint in self.found
            if not any(re.search(pattern, complaint) for pattern in self.expected)
        ]
        if left:
            raise AssertionError("The browser complained:\n" + "\n".join(left))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            place = message.location.get("url", "")
            self.found.append(f"console {message.type}: {message.text} ({place})")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.own):
            self.found.append(f"request to another host: {request.url}")
