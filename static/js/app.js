// Everything the pages do in the browser. One delegated listener per kind of event, nothing inline:
// swapped-in fragments work without set-up.
import { startLive } from "./live.js";
import { bootMiniApp } from "./twa.js";
import { chartKey, chartMove, leaveChart } from "./charts.js";
import { hideHint, showFigure, showMeaning, walkFigures } from "./hints.js";
import { text } from "./texts.js";
import { toast } from "./toasts.js";

const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (/^(GET|HEAD)$/.test(request.method)) return;
  request.headers["X-CSRFToken"] = csrf();
  if (document.body.dataset.workspace) request.headers["X-Workspace"] = document.body.dataset.workspace; // the page changes its own only
});
document.addEventListener("htmx:error", () => toast({ text: text("offline"), kind: "bad" }));
document.addEventListener("htmx:before:swap", () => { hideHint(); });
// HX-Trigger: {"toast": {"text": "...", "kind": "bad", "undo_url": "...", "undo": "Undo"}}
document.addEventListener("toast", (event) => toast(event.detail));

document.addEventListener("click", async (event) => {
  const target = event.target.closest?.("[data-theme-toggle], [data-copy]");
  if (!target) return;
  if (target.dataset.copy !== undefined) {
    await navigator.clipboard.writeText(target.dataset.copy);
    toast({ text: text("copied") });
  } else {
    switchTheme();
  }
});

function switchTheme() {
  const root = document.documentElement;
  const isDark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset.theme = isDark ? "light" : "dark";
  try { localStorage.setItem("ab-theme", root.dataset.theme); } catch { /* lasts for this page only */ }
}

document.addEventListener("input", (event) => {
  const { filter } = event.target.dataset ?? {};
  if (!filter) return;
  const words = event.target.value.toLowerCase().trim();
  for (const row of document.querySelectorAll(filter)) row.hidden = !row.dataset.words.includes(words);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { hideHint(); leaveChart(); }
  if (chartKey(event) || walkFigures(event)) return;
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const field = document.querySelector("[data-search]");
    if (field) { event.preventDefault(); field.focus(); }
  } else if (event.key === "?") {
    document.getElementById("help")?.showModal();
  }
});

for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const [figure, name] = [event.target.closest?.(".fig"), event.target.closest?.("[data-about]")];
    if (figure) showFigure(figure);
    else if (name) showMeaning(name);
  });
}
for (const kind of ["pointerout", "focusout"]) {
  document.addEventListener(kind, (event) => {
    if (event.target.closest?.(".fig, [data-about]")) hideHint();
    if (kind === "focusout" && event.target.matches?.(".plot")) leaveChart();
  });
}
// On touch there is no hover: a tap shows the hint, the next tap elsewhere hides it.
document.addEventListener("pointerdown", (event) => {
  const figure = event.target.closest?.(".fig");
  if (figure) showFigure(figure); else hideHint();
});
for (const kind of ["pointermove", "pointerdown"]) {
  document.addEventListener(kind, (event) => {
    const plot = event.target.closest?.(".plot");
    if (plot) chartMove(plot, event.clientX, event.clientY); else leaveChart();
  }, { passive: true });
}
addEventListener("scroll", () => hideHint(), { passive: true, capture: true });

// On a phone the tabs are wider than the screen: the one that is open must be in sight.
const showTab = () => document.querySelector(".tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
document.addEventListener("htmx:after:swap", showTab);
showTab();

if (document.body.dataset.twa !== undefined) bootMiniApp(document.body.dataset.twa, csrf());
else if (document.body.dataset.live !== undefined) {
  const send = (address, request) => fetch(address, { ...request, headers: { ...request.headers, "X-CSRFToken": csrf() } });
  startLive(send, document.body.dataset.live === "stream");
}
