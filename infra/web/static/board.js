// The board: cards are dragged by pointer, moved at once and put back if that is refused; others' moves come by themselves.

import "./cards.js";
import { localise } from "./page.js";
import { say } from "./toast.js";

const board = document.getElementById("board");
const LIFT = 6; // pixels before a press is a drag
const EDGE = 60; // pixels from an edge at which the board scrolls
let drag = null;

// Moving

async function post(stream, seen, to) {
  const body = new URLSearchParams({ token: board.dataset.token, to, chosen: `${stream}:${seen}` });
  const answer = await fetch("/board/move", { method: "POST", body, headers: { accept: "application/json" } });
  const outcome = await answer.json();
  return Array.isArray(outcome) ? outcome[0] : { problem: outcome.detail ?? outcome.problem ?? "refused", facts: [], status: answer.status };
}

function put(card, column, before = null) {
  const cards = column.querySelector(".cards");
  cards.querySelector(".empty")?.remove();
  cards.insertBefore(card, before ?? cards.firstElementChild);
  card.dataset.stage = column.dataset.stage;
}

/** The card of a deal as it stands now: news of it put another one in its place. */
const now = (card) => document.getElementById(card.id);

async function move(card, column, seen = card?.dataset.seen) {
  const from = card?.closest(".column");
  if (!from) { say("Not moved: the deal is on this board no more.", "bad"); return; }
  if (from === column) return;
  const place = card.nextElementSibling;
  const before = from.dataset.stage;
  put(card, column);
  card.setAttribute("aria-busy", "true");
  let outcome;
  try {
    outcome = await post(card.dataset.id, seen, column.dataset.stage);
  } catch {
    outcome = { problem: "The service cannot be reached.", facts: [], status: 0 };
  }
  card.removeAttribute("aria-busy");
  const name = column.querySelector("h2").firstChild.textContent.trim();
  const title = card.querySelector(".name").textContent;
  if (outcome.problem) {
    put(card, from, place?.isConnected ? place : null);
    const came = outcome.facts.map((fact) => `${fact.actor}: ${fact.title}`).join("; ");
    const again = outcome.facts.length ? { text: "Move it all the same", run: () => move(now(card), column, "any") } : null;
    say(came ? `Not moved, ${came} came first.` : `Not moved: ${outcome.problem}`, "bad", again);
    return;
  }
  const then = outcome.seen || card.dataset.seen;
  card.dataset.seen = then;
  say(`${title} moved to ${name}.`, "good", { text: "Undo", run: () => move(now(card), columnOf(before), then) });
  heads();
}

const columnOf = (stage) => board.querySelector(`.column[data-stage="${CSS.escape(stage)}"]`);

// Sums

let asking = null;
async function heads() {
  if (asking) { asking.again = true; return; }
  asking = { again: false };
  const answer = await fetch(board.dataset.heads, { headers: { accept: "application/json" } });
  if (answer.ok) {
    for (const [stage, deals, amount, weighted] of await answer.json()) {
      const head = columnOf(stage)?.querySelector("header");
      if (!head) continue;
      head.querySelector("[data-deals]").textContent = deals;
      head.querySelector("[data-amount]").textContent = amount || "0";
      head.querySelector("[data-weighted]").textContent = weighted || "0";
      localise(head.parentElement);
    }
  }
  const again = asking.again;
  asking = null;
  if (again) heads();
}

// Dragging, by mouse, pen and finger

board.addEventListener("pointerdown", (event) => {
  const card = event.target.closest(".card[data-id]");
  if (!card || event.button !== 0 || event.target.closest("input, .move")) return;
  const box = card.getBoundingClientRect();
  drag = { card, id: event.pointerId, x: event.clientX, y: event.clientY, dx: event.clientX - box.left, dy: event.clientY - box.top, ghost: null };
  if (event.pointerType === "touch") drag.timer = setTimeout(() => lift(), 300);
});

function lift() {
  drag.ghost = drag.card.cloneNode(true);
  drag.ghost.removeAttribute("id");
  drag.ghost.classList.add("ghost");
  drag.ghost.setAttribute("aria-hidden", "true");
  document.body.append(drag.ghost);
  drag.card.classList.add("lifted");
  board.classList.add("dragging");
  board.setPointerCapture(drag.id);
  follow(drag.x, drag.y);
}

function follow(x, y) {
  drag.x = x;
  drag.y = y;
  drag.ghost.style.transform = `translate(${x - drag.dx}px, ${y - drag.dy}px)`;
  const box = board.getBoundingClientRect();
  const inside = Math.min(Math.max(x, box.left + 1), box.right - 1);
  const under = document.elementFromPoint(inside, y)?.closest(".column") ?? null;
  if (drag.over !== under) {
    drag.over?.classList.remove("over");
    under?.classList.add("over");
    drag.over = under;
  }
  drag.way = x > box.right - EDGE ? 1 : x < box.left + EDGE ? -1 : 0;
  if (drag.way && !drag.rolling) roll();
}

/** Held at an edge, the board goes on, frame by frame. */
function roll() {
  drag.rolling = true;
  requestAnimationFrame(() => {
    if (!drag?.ghost) return;
    drag.rolling = false;
    if (!drag.way) return;
    board.scrollLeft += 10 * drag.way;
    follow(drag.x, drag.y);
  });
}

board.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > LIFT;
  if (!drag.ghost && far) {
    if (event.pointerType === "touch") { drop(false); return; }
    lift();
  }
  if (drag?.ghost) { event.preventDefault(); follow(event.clientX, event.clientY); }
});

board.addEventListener("touchmove", (event) => { if (drag?.ghost) event.preventDefault(); }, { passive: false });

function drop(done) {
  const { card, ghost, over, timer } = drag;
  clearTimeout(timer);
  drag = null;
  over?.classList.remove("over");
  card.classList.remove("lifted");
  board.classList.remove("dragging");
  ghost?.remove();
  if (ghost) unclicked();
  if (done && ghost && over) move(card, over);
}

/** The click that ends a drag opens nothing. */
function unclicked() {
  const stop = (event) => { event.preventDefault(); event.stopPropagation(); };
  addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", stop, { capture: true }), 50);
}

board.addEventListener("pointerup", () => drag && drop(true));
board.addEventListener("pointercancel", () => drag && drop(false));
board.addEventListener("contextmenu", (event) => { if (drag?.ghost) event.preventDefault(); });
board.addEventListener("dragstart", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drag) drop(false); });

// Several at once

const bulk = document.getElementById("bulk");
board.addEventListener("change", () => {
  const count = board.querySelectorAll("input[name=chosen]:checked").length;
  document.getElementById("chosen-count").textContent = count ? `${count} chosen` : "";
});
bulk?.addEventListener("submit", () => {
  for (const card of board.querySelectorAll(".card[data-id]")) {
    card.querySelector("input[name=chosen]").value = `${card.dataset.id}:${card.dataset.seen}`;
  }
});

// What others do

async function refresh(ids) {
  const query = new URLSearchParams({ part: "1", pipeline: board.dataset.pipeline });
  for (const id of ids) query.append("id", id);
  const answer = await fetch(`/board/cards?${query}`);
  if (!answer.ok) return;
  const part = document.createElement("template");
  part.innerHTML = await answer.text();
  localise(part.content);
  const fresh = new Map([...part.content.querySelectorAll(".card")].map((card) => [card.id, card]));
  for (const id of ids) {
    const old = document.getElementById(`deal-${id}`);
    const card = fresh.get(`deal-${id}`);
    if (old?.getAttribute("aria-busy") || drag?.card === old) continue;
    if (!card) { old?.remove(); continue; }
    const column = columnOf(card.dataset.stage);
    if (!column) { old?.remove(); continue; }
    if (old && old.dataset.seen === card.dataset.seen) continue;
    const focused = old?.contains(document.activeElement);
    const checked = old?.querySelector("input:checked");
    card.classList.add("fresh");
    if (old && old.dataset.stage === card.dataset.stage) old.replaceWith(card);
    else { old?.remove(); put(card, column); }
    if (checked) card.querySelector("input").checked = true;
    if (focused) card.querySelector("a").focus();
  }
}

function live() {
  const news = new EventSource(`/live?after=${board.dataset.position}`);
  const waiting = new Set();
  let busy = false;
  news.onmessage = async (event) => {
    for (const stream of JSON.parse(event.data).streams) if (stream.startsWith("opportunity-")) waiting.add(stream);
    if (busy) return;
    busy = true;
    while (waiting.size) { // what comes meanwhile is fetched together
      const ids = [...waiting].slice(0, 50);
      for (const id of ids) waiting.delete(id);
      await refresh(ids).catch(() => {});
      heads();
    }
    busy = false;
  };
  addEventListener("pagehide", () => news.close());
}
live();
