import { text } from "./texts.js";

const LIFE_MS = 6000;
const LIFE_WITH_UNDO_MS = 10000;

/** Say something short; with `undo_url` a button posts there (CSRF comes from htmx's own request event). */
export function toast({ text: words, kind = "", undo_url: undoUrl, undo }) {
  const region = document.getElementById("toasts");
  if (!region) return;
  const box = document.createElement("div");
  box.className = `toast ${kind === "bad" ? "bad" : ""}`;
  box.append(Object.assign(document.createElement("span"), { textContent: words || text("failed") }));
  if (undoUrl) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: undo ?? "Undo" });
    button.addEventListener("click", () => { box.remove(); htmx.ajax("POST", undoUrl, { swap: "none" }); });
    box.append(button);
  }
  region.append(box);
  setTimeout(() => box.remove(), undoUrl ? LIFE_WITH_UNDO_MS : LIFE_MS);
}
