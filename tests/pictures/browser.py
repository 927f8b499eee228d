"""Pictures and reports in a real browser, headless, and what it measures of them."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

BROWSER: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser: Final = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")

# In each frame: texts that stick out of their picture or lie over one another, numbers that stick out of their bars,
# colours as they are computed, and what was fetched.
_MEASURE: Final = """
const inside = (a, b) =>
  a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
const apart = (a, b) =>
  a.right <= b.left + 0.5 || b.right <= a.left + 0.5 || a.bottom <= b.top + 3 || b.bottom <= a.top + 3;
function measured(frame) {
  const page = frame.contentDocument, outside = [], over = [], loose = [];
  for (const svg of page.querySelectorAll('svg.jobruns')) {
    const texts = [...svg.querySelectorAll('text')], whole = svg.getBoundingClientRect();
    const boxes = texts.map(text => text.getBoundingClientRect());
    const bars = [...svg.querySelectorAll('rect')].map(bar => bar.getBoundingClientRect());
    texts.forEach((text, at) => {
      if (!inside(boxes[at], whole)) outside.push(text.textContent);
      const within = bars.slice(1).some(bar => inside(boxes[at], bar));
      if (text.classList.contains('num') && !within) loose.push(text.textContent);
      for (let other = 0; other < at; other++)
        if (!apart(boxes[at], boxes[other]))
          over.push([texts[other].firstChild.data, text.firstChild.data]);
    });
    for (const shape of svg.querySelectorAll('rect, path, circle'))
      if (!shape.closest('defs') && !inside(shape.getBoundingClientRect(), whole))
        outside.push(shape.outerHTML.slice(0, 99));
  }
  const ground = page.querySelector('.ground'), box = page.querySelector('.filter');
  return {
    outside, over, loose,
    drawn: page.querySelectorAll('rect[data-run]').length,
    ground: ground && frame.contentWindow.getComputedStyle(ground).fill,
    wide: page.documentElement.scrollWidth,
    fetched: frame.contentWindow.performance.getEntriesByType('resource').length,
    filter: box && !box.hidden,
    scripts: page.querySelectorAll('script').length,
    alerts: frame.contentWindow.alerted || 0,
  };
}
"""


def measure(pages: list[str], folder: Path, *, width: int = 1000, dark: bool = False, then: str = "") -> list[Any]:
    """Return what the browser measures of HTML pages, each in a frame of that width.

    Args:
        pages: The pages, or pictures.
        folder: Where to put a file.
        width: The width of each page in pixels, as of a phone.
        dark: Whether the reader's system asks for dark pages.
        then: A script that is run before that, with the frames in ``frames``.
    """
    frames = "".join(
        f'<iframe srcdoc="{html.escape(page)}" style="width:{width}px;height:3000px;border:0"></iframe>'
        for page in pages
    )
    script = (
        f"{_MEASURE}addEventListener('load', () => {{const frames = [...document.querySelectorAll('iframe')];{then};"
        "document.getElementById('found').textContent = JSON.stringify(frames.map(measured))})"
    )
    file = folder / "measured.html"
    file.write_text(
        f'<!doctype html><meta charset="utf-8"><pre id="found"></pre>{frames}<script>{script}</script>',
        encoding="utf-8",
    )
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    shown = _run(file, folder, "--window-size=1300,2000", "--dump-dom", *scheme)
    found = re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)
    assert found is not None
    measured: list[Any] = json.loads(html.unescape(found[1]))
    return measured


def printed_pages(page: str, folder: Path) -> int:
    """Return how many sheets of paper an HTML page takes."""
    file, paper = folder / "printed.html", folder / "printed.pdf"
    file.write_text(page, encoding="utf-8")
    _run(file, folder, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def _run(file: Path, folder: Path, *options: str) -> str:
    assert BROWSER is not None
    command = [
        *(BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
        *(f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND", *options, file.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603  # ours
    return done.stdout
