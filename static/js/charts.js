// Crosshair and tooltip for the server's SVG charts: points carry data-label and data-tip.
import { hideHint, showHint } from "./hints.js";

let current; // { plot, index }

const pointsOf = (plot) => [...plot.querySelectorAll(".pt")];

function middle(point) {
  const box = point.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
}

function nearest(points, x, y, isGrid) {
  let [best, least] = [-1, Infinity];
  points.forEach((point, i) => {
    const [px, py] = middle(point);
    const far = Math.abs(px - x) + (isGrid ? Math.abs(py - y) : 0);
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

function show(plot, index) {
  const points = pointsOf(plot);
  const chosen = points[index];
  if (!chosen || (current?.plot === plot && current.index === index)) return;
  leaveChart();
  current = { plot, index };
  const isGrid = plot.querySelector(".chart-heat");
  const same = isGrid ? [chosen] : points.filter((point) => point.dataset.label === chosen.dataset.label);
  same.forEach((point) => point.classList.add("is-on"));
  const [x, y] = middle(chosen);
  const cross = plot.querySelector(".cross");
  if (cross && !chosen.matches("rect")) {
    const at = x - plot.querySelector("svg").getScreenCTM().e; // past the axis labels' padding
    cross.setAttribute("x1", at);
    cross.setAttribute("x2", at);
    cross.classList.add("is-on");
  }
  showHint(chosen.dataset.label, same.map((point) => point.dataset.tip), x, chosen.matches("rect") && !isGrid ? chosen.getBoundingClientRect().top : y);
}

export function chartMove(plot, x, y) {
  const points = pointsOf(plot);
  if (points.length) show(plot, nearest(points, x, y, plot.querySelector(".chart-heat")));
}

export function leaveChart() {
  if (!current) return;
  current.plot.querySelectorAll(".is-on").forEach((mark) => mark.classList.remove("is-on"));
  current = undefined;
  hideHint();
}

export function chartKey(event) {
  if (!event.target.matches?.(".plot")) return false;
  const points = pointsOf(event.target);
  const row = event.target.querySelector(".chart-heat") ? 24 : 1;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -Infinity, End: Infinity }[event.key];
  if (!step || !points.length) return false;
  event.preventDefault();
  const from = current?.plot === event.target ? current.index : step > 0 ? -1 : points.length;
  show(event.target, Math.min(Math.max(from + step, 0), points.length - 1));
  document.getElementById("hint")?.setAttribute("aria-live", "polite");
  return true;
}
