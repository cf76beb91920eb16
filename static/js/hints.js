// The hint beside a number: all digits, where it was read, how exact, how old.
import { language, text } from "./texts.js";

const MARGIN = 8;

export function showHint(title, lines, x, y) {
  const hint = document.getElementById("hint");
  hint.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }), lines.join("\n"));
  hint.hidden = false;
  const { width, height } = hint.getBoundingClientRect();
  const left = Math.min(Math.max(MARGIN, x - width / 2), innerWidth - width - MARGIN);
  const top = y - height - 10 < MARGIN ? y + 24 : y - height - 10;
  hint.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

export function hideHint() {
  const hint = document.getElementById("hint");
  if (hint) hint.hidden = true;
  document.querySelector('.fig[aria-describedby="hint"]')?.removeAttribute("aria-describedby");
}

export function showFigure(figure) {
  const { source, precision, step, observedAt, readings } = figure.dataset;
  const place = figure.getBoundingClientRect();
  const [x, y] = [place.left + place.width / 2, place.top];
  figure.setAttribute("aria-describedby", "hint");
  if (source === "none") return showHint(figure.textContent, [figure.dataset.why ?? text("no_source")], x, y);
  const number = new Intl.NumberFormat(language());
  const sources = source.split(",").map((key) => text(`source_${key}`).replace(/^source_/, "").replaceAll("_", " "));
  const lines = [`${sources.join(" + ")} · ${text(precision)}${precision === "exact" ? "" : number.format(step)}`];
  if (observedAt) lines.push(`${new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(observedAt))}`);
  if (readings) lines.push(`${number.format(readings)} ${text("readings")}`);
  showHint(`${number.format(figure.value)}${figure.dataset.unit === "percent" ? "%" : ""}`, lines, x, y);
}

/** What a named number means. */
export function showMeaning(name) {
  const place = name.getBoundingClientRect();
  showHint(name.textContent, [name.dataset.about], place.left + place.width / 2, place.top);
}

/** Arrow keys move from number to number in a table; only the first row is in the tab order. */
export function walkFigures(event) {
  const figure = event.target.closest?.("[data-walk] .fig");
  const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!figure || !move) return false;
  const rows = [...figure.closest("table").tBodies[0].rows].filter((row) => !row.hidden);
  const cell = figure.closest("td, th");
  let [line, column] = [rows.indexOf(cell.parentElement) + move[0], cell.cellIndex + move[1]];
  let next = rows[line]?.cells[column]?.querySelector(".fig");
  while (!next && rows[line]?.cells[column]) {
    [line, column] = [line + move[0], column + move[1]];
    next = rows[line]?.cells[column]?.querySelector(".fig");
  }
  event.preventDefault();
  if (next) { next.tabIndex = 0; next.focus(); }
  return true;
}
