// What every page does better with a script: times in the reader's zone, the sliders of time, search, arrow keys.

import { figures } from "./figures.js";

const once = (element, kind, act) => element && element.addEventListener(kind, act);

/** Times in the reader's zone, the exact one stays on hover; numbers in the reader's format. */
export function localise(root) {
  const form = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
  for (const time of root.querySelectorAll("time[datetime]:not([data-here])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.textContent = form.format(moment);
    time.dataset.here = "";
  }
  figures(root);
}

/** The two sliders of time: a day follows its thumb, and letting go looks at it. */
function sliders(form) {
  for (const range of form.querySelectorAll("input[type=range]")) {
    const day = range.parentElement.querySelector("input[type=date]");
    const move = (places) => {
      const moment = new Date(`${range.dataset.first}T00:00:00Z`);
      moment.setUTCDate(moment.getUTCDate() + places);
      return moment.toISOString().slice(0, 10);
    };
    range.addEventListener("input", () => {
      day.value = range.value === range.max ? "" : move(Number(range.value));
      range.setAttribute("aria-valuetext", day.value || "now");
    });
    range.addEventListener("change", () => form.requestSubmit());
  }
  form.addEventListener("submit", () => {
    for (const each of form.querySelectorAll("input[type=date]")) if (!each.value) each.disabled = true;
  });
}

/** Filters left empty, and the usual columns, make no address longer. */
function filters(form) {
  form.addEventListener("submit", () => {
    for (const each of form.querySelectorAll("input:not([type=checkbox]), select")) if (!each.value) each.disabled = true;
    const boxes = [...form.querySelectorAll("input[name=columns]")];
    const changed = boxes.some((box) => box.checked !== box.defaultChecked);
    if (!changed && !new URLSearchParams(location.search).has("columns")) for (const box of boxes) box.disabled = true;
  });
}

/** A menu closes by Escape, and when something else is clicked. */
function closing(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.type === "keydown" ? event.key !== "Escape" : menu.contains(event.target)) continue;
    menu.open = false;
    if (event.type === "keydown") menu.querySelector("summary").focus();
  }
}

/** Search over pages, figures, deals and leads. */
class Finder {
  constructor() {
    this.dialog = document.createElement("dialog");
    this.dialog.className = "finder";
    this.dialog.setAttribute("aria-label", "Search");
    this.input = Object.assign(document.createElement("input"), { type: "search", placeholder: "Deals, leads, figures, pages" });
    this.input.setAttribute("aria-label", "Words");
    this.list = document.createElement("ul");
    this.dialog.append(this.input, this.list);
    document.body.append(this.dialog);
    this.input.addEventListener("input", () => this.look());
    this.dialog.addEventListener("keydown", (event) => this.step(event));
  }

  open() {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.input.value = "";
    this.input.focus();
    this.look();
  }

  async look() {
    const text = this.input.value;
    const query = new URLSearchParams({ q: text, part: "1" });
    const answer = await fetch(`/search?${query}`, { headers: { accept: "application/json" } });
    if (!answer.ok || text !== this.input.value) return;
    this.list.replaceChildren(...(await answer.json()).map(({ text: name, kind, link }) => {
      const row = document.createElement("li");
      const anchor = Object.assign(document.createElement("a"), { href: link });
      const of = Object.assign(document.createElement("span"), { className: "muted small", textContent: kind });
      anchor.append(Object.assign(document.createElement("span"), { textContent: name }), of);
      row.append(anchor);
      return row;
    }));
  }

  step(event) {
    const links = [...this.list.querySelectorAll("a")];
    const here = links.indexOf(document.activeElement);
    if (event.key === "Enter" && here < 0 && links.length) links[0].click();
    else if (event.key === "ArrowDown") links[Math.min(here + 1, links.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (here > 0 ? links[here - 1] : this.input).focus();
    else return;
    event.preventDefault();
  }
}

let finder = null;
const find = (event) => {
  event.preventDefault();
  finder = finder ?? new Finder();
  finder.open();
};

const writing = (element) => element?.closest("input, textarea, select, dialog, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return find(event);
  if (writing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = way && document.querySelector(`[data-steps] a[rel=${way}]`);
  if (link) { event.preventDefault(); link.click(); }
});
for (const kind of ["keydown", "click"]) document.addEventListener(kind, closing);

/** What stands in a part of a page comes to life. */
export function ready(root = document) {
  once(root.querySelector("[data-finder]"), "click", find);
  for (const form of root.querySelectorAll("form[data-time]")) sliders(form);
  for (const form of root.querySelectorAll("form.filters[method=get]")) filters(form);
  localise(root);
}
ready();
