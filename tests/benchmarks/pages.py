"""The board in a browser: first paint, bytes, scrolling a column to its end, and a move seen in a second browser.

Seconds are of a browser on the same machine; the median of several runs.
"""

import gzip
import shutil
import statistics
import sys
import tempfile
import threading
from argparse import ArgumentParser
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.recorded import Request
from infra.application.app import App, opened
from infra.http.limits import Limits
from infra.http.server import server
from infra.settings import Settings
from tests.web.browsing import ARGUMENTS, DESKTOP

STAGES = ("discovery", "proposal", "negotiation")
BATCH = 500
PAINT = """() => new Promise(done => new PerformanceObserver(list => {
  const first = list.getEntries().find(each => each.name === "first-contentful-paint");
  if (first) done(first.startTime);
}).observe({ type: "paint", buffered: true }))"""
SCROLL = """([stage, busy]) => new Promise(done => {
  const cards = document.querySelector(`.column[data-stage=${stage}] .cards`);
  const frames = [], tasks = [];
  new PerformanceObserver(list => list.getEntries().forEach(each => tasks.push(each.duration)))
    .observe({ type: "longtask" });
  let last = performance.now(), still = 0, before = -1, way = 0;
  const step = now => {
    frames.push(now - last); last = now;
    if (busy && frames.length === 20) for (const end = performance.now() + busy; performance.now() < end;);
    cards.scrollTop += 400;
    still = cards.scrollTop === before ? still + 1 : 0;
    way += still ? 0 : 400;
    before = cards.scrollTop;
    const end = Boolean(document.querySelector(`.column[data-stage=${stage}] [data-more]`));
    if (still < 40 || end && still < 600) requestAnimationFrame(step);
    else setTimeout(() => done({
      frames: frames.slice(1, -40), tasks, way, height: cards.scrollHeight, hidden: document.hidden,
      cards: cards.querySelectorAll(".card").length,
    }), 100);
  };
  requestAnimationFrame(step);
})"""
"""Scrolls a column to its end, a step a frame, and says how long each frame and each long task of the page took.

busy: milliseconds for which the page is held up once, so that it shows whether that would be seen.
"""
BUSY = 120
SLOW = 50  # milliseconds of a frame that is seen to be late
LET_GO = """() => addEventListener("pointerup", () => {
  window.letGo = performance.timeOrigin + performance.now();
}, true)"""
ARRIVED = """place => new MutationObserver((_, observer) => {
  if (!document.querySelector(place)) return;
  window.arrived = performance.timeOrigin + performance.now();
  observer.disconnect();
}).observe(document.body, { childList: true, subtree: true })"""


def run(arguments: Sequence[str]) -> None:
    """Measure, and print."""
    parser = ArgumentParser(prog="python -m tests.benchmarks pages", description=__doc__)
    parser.add_argument("--deals", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dealtrail-") as folder:
        settings = Settings(db=f"sqlite:///{folder}/log.db", key_file=f"{folder}/key", actor="bench")
        with opened(settings) as app:
            fill(app, asked.deals)
            with app.views():
                pass
            measure(app, asked.runs)


def fill(app: App, deals: int) -> None:
    """Open deals, evenly over the stages."""
    for start in range(0, deals, BATCH):
        requests = [
            Request(
                stream=f"opportunity-{number}", actor="bench",
                command=OpenOpportunity(
                    "process-standard", Money(Decimal(1000 + number), "EUR"), STAGES[number % len(STAGES)],
                    account=f"Firm {number}", owner=f"seller-{number % 20}",
                ),
            )
            for number in range(start, min(start + BATCH, deals))
        ]  # fmt: skip
        failed = [each for each in app.execute_all(requests) if isinstance(each, Exception)]
        assert not failed, failed[0]


def measure(app: App, runs: int) -> None:
    """Look at the board with a browser."""
    ready, place = threading.Event(), list[str]()
    running, listening = server(app, "127.0.0.1", 0, None, Limits(), lambda url: (place.append(url), ready.set())[0])
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    ready.wait(20)
    chromium = shutil.which("chromium")
    assert chromium, "install chromium"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            report(browser, place[0], runs)
            browser.close()
    finally:
        running.stop()
        thread.join()


def report(browser: Browser, url: str, runs: int) -> None:
    """Print what was seen."""
    paints, longest, slow, moves, usual = (list[float]() for _ in range(5))
    see_a_delay(browser, url)
    for _ in range(runs):
        page = browser.new_page(base_url=url, viewport=DESKTOP)
        answer = page.goto("/board")
        assert answer is not None
        body = answer.body()
        paints.append(page.evaluate(PAINT) / 1000)
        seen: dict[str, Any] = page.evaluate(SCROLL, [STAGES[0], 0])
        assert not seen["hidden"] and seen["way"] > seen["height"] - 2 * DESKTOP["height"], "it did not scroll"
        usual.append(statistics.median(seen["frames"]))
        longest.append(max(seen["tasks"], default=0.0))
        slow.append(sum(each > SLOW for each in seen["frames"]) / max(len(seen["frames"]), 1))
        moves.append(moved(browser, url))
        page.close()
    print(f"document     {len(body):,} bytes, {len(gzip.compress(body, 6)):,} packed")
    print(f"first paint  {statistics.median(paints):.2f} s ({min(paints):.2f} to {max(paints):.2f})")
    print(f"scrolling    {seen['cards']:,} cards, longest task {statistics.median(longest):.0f} ms,")
    print(f"             {len(seen['frames'])} frames of {statistics.median(usual):.1f} ms in the median,")
    print(f"             {statistics.median(slow):.1%} of them over 50 ms ({min(slow):.1%} to {max(slow):.1%})")
    print(f"a move       seen in a second browser after {statistics.median(moves):.2f} s")


def see_a_delay(browser: Browser, url: str) -> None:
    """Hold a page up once: a measure that does not see that measures nothing."""
    page = browser.new_page(base_url=url, viewport=DESKTOP)
    page.goto("/board")
    seen: dict[str, Any] = page.evaluate(SCROLL, [STAGES[0], BUSY])
    page.close()
    assert max(seen["tasks"], default=0) >= BUSY and max(seen["frames"]) > SLOW, "a delay was not seen"


def moved(browser: Browser, url: str) -> float:
    """The seconds from letting a card go until a second browser has it in its new column, by the pages' clocks."""
    one, other = (browser.new_page(base_url=url, viewport=DESKTOP) for _ in range(2))
    for page in (one, other):
        page.goto("/board")
    other.wait_for_timeout(400)
    card = one.locator(f".column[data-stage={STAGES[0]}] .card").first
    deal = card.get_attribute("data-id")
    one.evaluate(LET_GO)
    other.evaluate(ARRIVED, f".column[data-stage={STAGES[1]}] #deal-{deal}")
    drag(one, deal or "")
    expect(other.locator(f".column[data-stage={STAGES[1]}] #deal-{deal}")).to_be_attached(timeout=5000)
    seconds = (other.evaluate("window.arrived") - one.evaluate("window.letGo")) / 1000
    one.close()
    other.close()
    return float(seconds)


def drag(page: Page, deal: str) -> None:
    """Take a card to the second column."""
    box = page.locator(f"#deal-{deal}").bounding_box()
    to = page.locator(f".column[data-stage={STAGES[1]}]").bounding_box()
    assert box and to
    page.mouse.move(box["x"] + 20, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(to["x"] + 60, to["y"] + 200, steps=4)
    page.mouse.up()


if __name__ == "__main__":
    run(sys.argv[1:])
