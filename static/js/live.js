// Numbers that change while you look. The live process says "look"; the marked blocks are then asked for again. Where a
// stream cannot be held, they are asked for every quarter of a minute: an unchanged block answers 304.
import { text } from "./texts.js";

const POLL_MS = 15_000;
const WAITS_MS = [1000, 3000, 9000];
const REFRESH_GAP_MS = 700; // several readings that arrive together are one look

let source = null;
let failures = 0;
let since = "";
let polling = 0;
let waiting = 0;

const here = () => document.body.dataset.path ?? location.pathname + location.search;
const blocks = () => [...document.querySelectorAll("main [data-live]")];

function look() {
  if (waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    for (const block of blocks()) {
      if (!block.id || document.hidden) continue;
      htmx.ajax("GET", here(), { target: `#${block.id}`, headers: { "HX-Target": `${block.tagName.toLowerCase()}#${block.id}` } });
    }
  }, REFRESH_GAP_MS);
}

function say(key) {
  const state = document.getElementById("live_state");
  if (!state) return;
  state.hidden = !key || !blocks().length;
  state.dataset.state = key;
  if (key) state.textContent = text(key);
}

async function open(send) {
  const answer = await send("/live/ticket", { method: "POST", headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const { url } = await answer.json();
  source = new EventSource(since ? `${url}&since=${since}` : url);
  source.onopen = () => { failures = 0; stopPolling(); say("live"); };
  source.onmessage = (event) => { since = event.lastEventId; look(); };
  source.onerror = () => { source.close(); source = null; again(send); }; // a ticket opens once: the next try needs another
}

function again(send) {
  failures += 1;
  if (failures > WAITS_MS.length) { poll(); setTimeout(() => connect(send), 10 * POLL_MS); } else setTimeout(() => connect(send), WAITS_MS[failures - 1]);
}

const connect = (send) => open(send).catch(() => again(send));

function poll() {
  say("live_poll");
  polling ||= setInterval(look, POLL_MS);
}

function stopPolling() {
  clearInterval(polling);
  polling = 0;
}

export function startLive(send, isLive) {
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  document.addEventListener("htmx:after:swap", () => say(source ? "live" : polling ? "live_poll" : ""));
  if (isLive) connect(send); else poll();
}
