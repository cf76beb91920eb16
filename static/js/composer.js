// The composer: formatting by button and key, preview and draft that follow the typing, files by drop and paste. Without
// this script the form does the same by its buttons. Delegated, so it also serves a form that htmx brings later.
import "./emoji.js";
import { keep } from "./kept.js";
import { sendFiles } from "./uploads.js";

const PREVIEW_MS = 400;
const KEEP_MS = 3000;
const KEYS = { b: "**", i: "__", u: "++", k: "link" };
const SHIFT_KEYS = { KeyX: "~~", KeyP: "||", KeyM: "`", Period: ">" };

const form = () => document.getElementById("composer");
const state = () => document.getElementById("composer_state");
const inComposer = (event) => Boolean(event.target.closest?.("#composer"));
let previewing = 0;
let keeping = 0;
let isDirty = false;

function changed() {
  isDirty = true;
  clearTimeout(previewing);
  previewing = setTimeout(() => htmx.trigger("#composer_preview", "preview"), PREVIEW_MS);
  keeping ||= setTimeout(keepDraft, KEEP_MS);
}

function keepDraft() {
  clearTimeout(keeping);
  keeping = 0;
  if (!isDirty || !form() || state().dataset.stale !== undefined) return;
  isDirty = false;
  htmx.trigger("#composer_state", "autosave");
}

/** What waits in a row behind another request brings the version that the one before it made. */
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement?.closest?.("#composer") || !ctx.request.body?.set) return;
  ctx.request.body.set("version", form().elements.version.value);
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  showTools();
  const isKept = ctx?.response?.status < 400 && form()?.elements.version.value > 0;
  if (!isKept) return;
  const edit = `${form().dataset.url}/edit`; // a reload finds the draft
  if (document.body.dataset.twa !== undefined) keep("ab-page", `${document.body.dataset.workspace} ${edit}`);
  else if (location.pathname === "/posts/new") history.replaceState(history.state, "", edit);
});

document.addEventListener("visibilitychange", () => { if (document.hidden) keepDraft(); });
document.addEventListener("submit", (event) => { if (inComposer(event)) stop(); });
document.addEventListener("click", (event) => { if (event.target.closest?.("#composer [type=submit][hx-target='#page_body']")) stop(); }, true);

function stop() {
  clearTimeout(keeping);
  clearTimeout(previewing);
  [keeping, isDirty] = [0, false];
}

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    if (!inComposer(event) || event.target.type === "file") return;
    if (event.target.matches("[data-channel]")) showVariants();
    changed();
  });
}

function showVariants() {
  const chosen = new Set([...document.querySelectorAll("[data-channel]:checked")].map((box) => box.value));
  for (const part of document.querySelectorAll("[data-variant]")) part.hidden = !chosen.has(part.dataset.variant);
}

function showTools() {
  for (const bar of document.querySelectorAll("#composer .marks")) bar.hidden = false;
  const upload = document.getElementById("composer_upload");
  if (upload) upload.hidden = true; // choosing a file sends it
}

// ---- formatting
let field = null;
document.addEventListener("focusin", (event) => { if (event.target.matches?.("#composer [data-marked]")) field = event.target; });

function mark(sign) {
  const box = field?.isConnected ? field : document.getElementById("composer_text");
  const { selectionStart: start, selectionEnd: end, value } = box;
  const words = value.slice(start, end);
  if (sign === ">") return quote(box, start, end);
  if (sign === "link") return put(box, start, end, `[${words}](https://)`, words ? start + words.length + 3 : start + 1, words ? "https://".length : 0);
  const isMarked = value.slice(start - sign.length, start) === sign && value.slice(end, end + sign.length) === sign;
  if (isMarked) return put(box, start - sign.length, end + sign.length, words, start - sign.length, words.length);
  const bare = words.trim(); // a mark holds only beside words, not beside a space
  const at = words.indexOf(bare);
  return put(box, start + at, start + at + bare.length, `${sign}${bare}${sign}`, start + at + sign.length, bare.length);
}

function quote(box, start, end) {
  const from = box.value.lastIndexOf("\n", start - 1) + 1;
  const lines = box.value.slice(from, end).split("\n");
  const isQuoted = lines.every((line) => line.startsWith(">"));
  const text = lines.map((line) => (isQuoted ? line.replace(/^>+ ?/, "") : `> ${line}`)).join("\n");
  put(box, from, end, text, from, text.length);
}

/** Puts text in place of a part, so that the browser's own undo takes it back, and selects some of it. */
function put(box, from, to, text, at, length) {
  box.focus();
  box.setSelectionRange(from, to);
  if (!document.execCommand("insertText", false, text)) box.setRangeText(text, from, to, "end");
  box.setSelectionRange(at, at + length);
  changed();
}

// An emoji is no part of a link or of another emoji: within one it goes behind it.
const TARGETS = /\[[^\]\n]*\]\([^)\s]*\)/g;

document.addEventListener("emoji-taken", ({ detail: { markup } }) => {
  const box = field?.isConnected ? field : document.getElementById("composer_text");
  const { selectionStart, selectionEnd, value } = box;
  const around = [...value.matchAll(TARGETS)].map((found) => [found.index, found.index + found[0].length]);
  const over = around.find(([from, to]) => from < selectionEnd && selectionEnd < to);
  const [start, end] = over ? [over[1], over[1]] : [selectionStart, selectionEnd];
  put(box, start, end, markup, start + markup.length, 0);
});

document.addEventListener("mousedown", (event) => { if (event.target.closest?.("#composer [data-mark]")) event.preventDefault(); });
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#composer [data-mark], #composer [data-add]");
  if (button?.dataset.mark) mark(button.dataset.mark);
  else if (button) addRow(button);
});
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("#composer [data-marked]") || !(event.ctrlKey || event.metaKey) || event.altKey) return;
  const sign = event.shiftKey ? SHIFT_KEYS[event.code] : KEYS[event.key.toLowerCase()];
  if (!sign) return;
  event.preventDefault();
  mark(sign);
});
// In the toolbar the arrow keys walk.
document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const bar = step && event.target.closest?.("#composer .marks");
  if (!bar) return;
  const buttons = [...bar.querySelectorAll("button")];
  buttons[(buttons.indexOf(event.target) + step + buttons.length) % buttons.length].focus();
  event.preventDefault();
});

// ---- one more answer, one more button
function addRow(button) {
  const rows = button.parentElement.querySelector("[data-rows]");
  const number = rows.children.length;
  const row = rows.lastElementChild.cloneNode(true);
  for (const input of row.querySelectorAll("input")) {
    input.name = input.name.replace(/\d+/, number);
    const said = input.getAttribute("aria-label");
    if (said) input.setAttribute("aria-label", said.replace(/\d+/, number + 1));
    input.checked = false;
    if (input.type === "radio") input.value = number;
    else if (input.type !== "checkbox") input.value = "";
  }
  rows.append(row);
  row.querySelector("input:not([type=radio])").focus();
}

// ---- files: chosen, dropped or pasted go to the library in pieces (uploads.js), and from there into the post
document.addEventListener("change", (event) => {
  if (event.target.id !== "composer_file" || !event.target.files.length) return;
  sendFiles([...event.target.files]);
  event.target.value = "";
});
document.addEventListener("dragover", (event) => {
  const place = event.target.closest?.("#composer [data-drop]");
  if (!place || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  place.classList.add("is-over");
});
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => event.target.closest?.("#composer [data-drop]")?.classList.remove("is-over"));
}
document.addEventListener("drop", (event) => {
  if (!event.target.closest?.("#composer [data-drop]") || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  sendFiles([...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData?.files ?? []];
  if (!files.length || !event.target.matches?.("#composer [data-marked]")) return;
  event.preventDefault();
  sendFiles(files);
});
document.addEventListener("uploaded", ({ detail }) => { if (form()) pick(detail.media); });
document.addEventListener("click", (event) => {
  const [opener, tile] = [event.target.closest?.("[data-open-library]"), event.target.closest?.("#composer_library [data-pick]")];
  if (opener) openLibrary(opener.dataset.openLibrary);
  else if (tile) pick(tile.dataset.pick).then(() => tile.setAttribute("aria-pressed", "true"));
});

function openLibrary(address) {
  document.getElementById("composer_library").showModal();
  htmx.ajax("GET", address, { target: "#picker_body", headers: { "HX-Target": "div#picker_body" } });
}

let picking = Promise.resolve();

/** One after the other: each request carries the whole form, and brings the list of files that the next one goes on from. */
function pick(media) {
  picking = picking.then(async () => {
    const button = document.getElementById("composer_pick");
    const field = document.getElementById("composer_picked");
    if (!button || !field) return;
    stop(); // the request carries the whole form
    Object.assign(field, { value: media, disabled: false });
    const over = new Promise((resolve) => { button.addEventListener("htmx:finally:request", resolve, { once: true }); });
    htmx.trigger(button, "click");
    await over;
    const left = document.getElementById("composer_picked");
    if (left) Object.assign(left, { value: "", disabled: true });
  });
  return picking;
}

showTools();
