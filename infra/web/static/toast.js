// Words to the reader, in a corner: what was done, with a way back, or why it was not.

export function say(text, tone, action) {
  document.querySelector(".toast")?.remove();
  const toast = document.createElement("div");
  toast.className = `banner toast ${tone}`;
  toast.setAttribute("role", tone === "bad" ? "alert" : "status");
  toast.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { textContent: action.text, type: "button" });
    button.addEventListener("click", () => { toast.remove(); action.run(); });
    toast.append(button);
  }
  document.body.append(toast);
  if (tone !== "bad") setTimeout(() => toast.remove(), 8000);
}
