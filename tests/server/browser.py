"""What a browser does for the tests: it watches a page, hands files over, and names what has the focus."""

import base64
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import JSHandle, Page


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]  # fmt: skip


class Watched:
    """What a page may not do: complain, fail to get something, or ask another host."""

    def __init__(self, page: "Page", address: str) -> None:
        self.faults: list[str] = []
        page.on("console", lambda said: self.faults.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("requestfailed", lambda request: self.failed(request.url, request.failure))
        page.on("response", lambda answer: self.faults.append(answer.url) if answer.status >= 400 else None)
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:", "blob:"))
                else self.faults.append(f"another host: {request.url}")
            ),
        )

    def failed(self, url: str, why: str | None) -> None:
        """What a page still wants when it is left is given up, streams of news above all."""
        if why != "net::ERR_ABORTED":
            self.faults.append(f"{url}: {why}")


CONTROLS = "main a[href], main button:not([disabled]), main input, main select"
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const label = one.labels?.[0]?.innerText || one.getAttribute("aria-label") || one.innerText || one.title;
  const shown = one.closest("label.button") ?? one;
  const style = getComputedStyle(shown);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  window.places ??= new Map();
  if (!window.places.has(one)) window.places.set(one, window.places.size);
  return { name: (label || "").trim(), seen, place: window.places.get(one), tag: one.outerHTML.slice(0, 120) };
}"""


def transfer_of(page: "Page", path: Path) -> "JSHandle":
    """A file as a browser hands it over."""
    return page.evaluate_handle(
        """data => {
          const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], "handed over.png", { type: "image/png" }));
          return transfer;
        }""",
        base64.b64encode(path.read_bytes()).decode(),
    )


def drop(page: "Page", path: Path) -> None:
    """Drop a file on the page, as a mouse does."""
    page.locator("#drop").dispatch_event("drop", {"dataTransfer": transfer_of(page, path)})


def paste(page: "Page", path: Path) -> None:
    """Paste a file, as Ctrl-V does."""
    page.evaluate(
        "transfer => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }))",
        transfer_of(page, path),
    )
