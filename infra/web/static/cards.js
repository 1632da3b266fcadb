// The next cards of a column come when its end is scrolled to.

import { localise } from "./page.js";

async function grow(link) {
  const row = link.closest("li");
  if (row.dataset.coming) return;
  row.dataset.coming = "1";
  const address = new URL(link.href);
  address.searchParams.set("part", "1");
  const answer = await fetch(address);
  if (!answer.ok) { delete row.dataset.coming; return; }
  const part = document.createElement("template");
  part.innerHTML = await answer.text();
  localise(part.content);
  for (const card of part.content.querySelectorAll(".card")) if (document.getElementById(card.id)) card.remove();
  const more = part.content.querySelector("[data-more]");
  row.replaceWith(part.content);
  if (more) watch(more);
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); grow(entry.target); }
}, { rootMargin: "600px" });

export function watch(link) {
  seen.observe(link);
  link.addEventListener("click", (event) => { event.preventDefault(); grow(link); });
}

for (const link of document.querySelectorAll("[data-more]")) watch(link);
