// The calendar: a post is dragged to another day or hour, or picked up with Space and moved by the arrow keys. The server
// decides; what it refuses stays where it was. Delegated, so a calendar that htmx brings later needs no set-up.
const root = () => document.getElementById("calendar");
const cellOf = (node) => node?.closest?.("#calendar [data-cell]");
const say = (words) => { const place = document.getElementById("calendar_said"); if (place) place.textContent = words; };
const told = (key, values) => (root().dataset[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => values?.[name] ?? "");

let held = null; // {chip, cell}: picked up by key
let dragged = null;
let wanted = ""; // the chip that has the focus once the calendar has come anew

async function drop(chip, cell, time) {
  const { move, version, channels, day, time: was } = chip.dataset;
  const hour = cell.dataset.hour;
  const at = time ?? (hour ? `${hour}:${was.slice(3)}` : was);
  if (cell.dataset.day === day && at === was) return;
  const { view, at: shown, channel } = root().dataset;
  wanted = chip.dataset.chip.split(".")[0];
  await htmx.ajax("POST", move, {
    target: "#calendar", headers: { "HX-Target": "section#calendar" },
    values: { day: cell.dataset.day, time: at, version, channels, view, at: shown, channel },
  });
}

// ---- by mouse
document.addEventListener("dragstart", (event) => {
  const chip = event.target.closest?.("#calendar [data-chip]");
  if (!chip) return;
  dragged = chip;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", chip.textContent.trim());
  chip.classList.add("is-held");
});
document.addEventListener("dragover", (event) => {
  const cell = dragged && cellOf(event.target);
  if (!cell) return;
  mark(event.target.closest("[data-slot]") ?? cell);
  if (cell.dataset.past === undefined) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  const cell = dragged && cellOf(event.target);
  if (!cell) return;
  event.preventDefault();
  drop(dragged, cell, event.target.closest("[data-slot]")?.dataset.slot);
});
document.addEventListener("dragend", () => {
  dragged?.classList.remove("is-held");
  dragged = null;
  mark(null);
});

function mark(place) {
  for (const other of document.querySelectorAll("#calendar .is-over")) if (other !== place) other.classList.remove("is-over");
  place?.classList.add("is-over");
}

// ---- by key
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

document.addEventListener("keydown", (event) => {
  const chip = event.target.closest?.("#calendar [data-chip]");
  if (!chip || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!held) {
    if (event.key === " ") { event.preventDefault(); pickUp(chip); }
    return;
  }
  if (event.key === "Escape") { event.preventDefault(); letGo(); say(told("left")); }
  else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); putDown(); }
  else if (STEPS[event.key]) { event.preventDefault(); walk(STEPS[event.key]); }
});
document.addEventListener("focusout", (event) => { if (held && event.target === held.chip && held.chip.isConnected) letGo(); });

function pickUp(chip) {
  held = { chip, cell: cellOf(chip) };
  if (!held.cell) { held = null; return; }
  chip.classList.add("is-held");
  mark(held.cell);
  say(told("picked", { what: chip.textContent.replace(/\s+/g, " ").trim() }));
}

function walk(step) {
  const cells = [...root().querySelectorAll("[data-cell]")]; // a row has seven, of the month and of the week
  const next = cells[cells.indexOf(held.cell) + step];
  if (!next) return;
  held.cell = next;
  mark(next);
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  say(next.dataset.past === undefined ? next.dataset.label : told("past", { place: next.dataset.label }));
}

function putDown() {
  const { chip, cell } = held;
  letGo();
  drop(chip, cell);
}

function letGo() {
  held?.chip.classList.remove("is-held");
  held = null;
  mark(null);
}

// ---- once it has come
document.addEventListener("htmx:after:swap", () => {
  fit();
  if (!wanted || !root()) return;
  const chip = [...root().querySelectorAll("[data-chip]")].find((one) => one.dataset.chip.startsWith(wanted));
  wanted = "";
  chip?.focus();
});

/** The week begins at the working day, not at midnight of a day that has passed. */
function showMorning() {
  const box = root()?.querySelector(".calendar-scroll");
  const cell = box?.querySelector('td[data-hour="07"]:not([data-past])') ?? box?.querySelector('td[data-hour="07"]');
  if (!cell || box.scrollTop || box.scrollLeft) return;
  const head = box.querySelector("thead").offsetHeight;
  box.scrollTo(Math.max(0, cell.offsetLeft - box.querySelector("tbody th").offsetWidth), Math.max(0, cell.offsetTop - head));
}

/** On a phone the calendar that nobody chose a view for is the list. */
function fit() {
  showMorning();
  const url = root()?.dataset.default;
  if (!url || !matchMedia("(max-width: 40rem)").matches) return;
  delete root().dataset.default;
  htmx.ajax("GET", url, { target: "#calendar", headers: { "HX-Target": "section#calendar" } });
}

if (globalThis.htmx) fit(); else addEventListener("DOMContentLoaded", fit);
