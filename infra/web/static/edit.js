// A field is changed where it stands: its link leads to a form, which is fetched and put in the link's place.

import { localise, ready } from "./page.js";
import { say } from "./toast.js";

const parse = (text) => new DOMParser().parseFromString(text, "text/html");
const values = (form) => [...new FormData(form)].filter(([name]) => !["token", "seen", "command_id", "reason"].includes(name));
let open = null;

/** The form of an address, cut down to the fields that are wanted; null where it is none. */
function cut(page, wanted) {
  const form = page.querySelector("main form.form[method=post]");
  if (!form) return null;
  const fields = [...form.querySelectorAll(".field")].filter((field) => {
    const name = field.querySelector("[name]").name;
    const kept = name !== "reason" && (!wanted || wanted === name);
    if (!kept) field.remove();
    return kept;
  });
  for (const each of form.querySelectorAll("p.muted")) each.remove();
  form.classList.remove("panel");
  form.classList.add("inline-form");
  for (const each of page.querySelectorAll("main .banner.bad, main section[role=alert]")) form.prepend(each);
  const cancel = form.querySelector(".filters a.button");
  cancel.addEventListener("click", (event) => { event.preventDefault(); close(); });
  return fields.length ? form : null;
}

/** The form that a link leads to, with what is so now. */
async function formOf(link) {
  const answer = await fetch(link.href);
  return answer.ok ? cut(parse(await answer.text()), link.dataset.edit) : null;
}

async function begin(link) {
  close();
  const form = await formOf(link);
  if (!form) { location.href = link.href; return; }
  put(link, form);
}

function put(link, form) {
  if (open) open.form.replaceWith(form);
  else link.after(form);
  link.hidden = true;
  open = { link, form, before: open?.before ?? values(form) };
  form.addEventListener("submit", (event) => { event.preventDefault(); send(link, form); });
  localise(form);
  const first = form.querySelector("[aria-invalid]") ?? form.querySelector(".field [name]");
  first.focus();
  first.select?.();
}

function close() {
  if (!open) return;
  const { link, form } = open;
  open = null;
  form.remove();
  link.hidden = false;
  link.focus();
}

async function send(link, form) {
  const { before } = open;
  form.setAttribute("aria-busy", "true");
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  } catch {
    form.removeAttribute("aria-busy");
    say("The service cannot be reached.", "bad");
    return;
  }
  if (answer.redirected) { await saved(link, before); return; }
  const again = cut(parse(await answer.text()), link.dataset.edit);
  if (again) put(link, again);
  else { close(); say("Not changed: the service refused it.", "bad"); }
}

async function saved(link, before) {
  open = null;
  const back = before.some(([, value]) => value) ? await formOf(link) : null;  // now: what anybody says later refuses it
  await renewed(link.getAttribute("href"));
  say(`${link.dataset.title} changed.`, "good", back && { text: "Undo", run: () => undo(link, back, before) });
}

/** The page as it is now, where it was scrolled to, with the same link in focus. */
async function renewed(href) {
  const page = parse(await (await fetch(location.href)).text());
  const main = document.getElementById("content");
  main.replaceChildren(...page.getElementById("content").childNodes);
  ready(main);
  main.querySelector(`a[data-edit][href="${CSS.escape(href)}"]`)?.focus();
}

/** What it was before is said anew: a fact of its own, by the same command. */
async function undo(link, form, before) {
  const body = new URLSearchParams(new FormData(form));
  for (const [name, value] of before) body.set(name, value);
  const done = await fetch(form.action, { method: "POST", body });
  if (!done.redirected) { say("Not taken back: somebody changed it since.", "bad"); return; }
  await renewed(link.getAttribute("href"));
  say(`${link.dataset.title} is as it was.`, "good");
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-edit]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  begin(link);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && open?.form.contains(document.activeElement)) { event.stopPropagation(); close(); }
});
