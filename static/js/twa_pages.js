// Walking through the Mini App: links and forms become htmx requests for the page's block, and we remember the way.
import { keep } from "./kept.js";
import { text } from "./texts.js";
import { toast } from "./toasts.js";

const TARGET = "#page_body";
const BLOCK = { target: TARGET, headers: { "HX-Target": "div#page_body" } }; // htmx names the body for a call by script
const way = [];
const listeners = new Set();

export const here = () => document.body.dataset.path ?? "";
export const depth = () => way.length;
export const whenMoved = (call) => listeners.add(call);

export async function openPage(path) {
  await htmx.ajax("GET", path, { ...BLOCK });
}

/** Where one was in another workspace is no way back. */
export function forgetWay() {
  way.length = 0;
}

export async function goBack() {
  if (way.length < 2) return;
  way.pop();
  await openPage(way.pop()); // it is noted again when it has come
}

/** The address of a link inside our own pages, or null. */
function localPath(link) {
  const address = new URL(link.getAttribute("href"), location.href);
  return address.origin === location.origin && !address.pathname.startsWith("/static/") ? address : null;
}

export function startNavigation({ download, moved, left }) {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || link.hasAttribute("hx-get")) return;
    const address = localPath(link);
    if (!address) return openOutside(event, link);
    event.preventDefault();
    const path = address.pathname + address.search;
    if (link.hasAttribute("download")) {
      if (!await download(path)) toast({ text: text("failed"), kind: "bad" });
      return;
    }
    await openPage(path);
    if (address.hash) document.getElementById(address.hash.slice(1))?.scrollIntoView();
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.matches("[hx-post], [hx-get], [method='dialog']")) return;
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form, event.submitter));
    await htmx.ajax(form.method.toUpperCase(), new URL(form.action).pathname, { ...BLOCK, values });
    if (form.matches("[data-moves]")) { way.splice(0, way.length - 1); await moved(); } // the way back led through another workspace
    if (form.matches("[data-leaves]")) { way.length = 0; left(); }
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx?.response?.status < 400 && document.querySelector(TARGET) && isPage(ctx)) arrived(ctx);
    else if (here()) markHere(here().split("?")[0]);
  });
}

function openOutside(event, link) {
  const telegram = globalThis.Telegram?.WebApp;
  if (link.hasAttribute("data-invoice") && telegram?.openInvoice) {
    event.preventDefault();
    telegram.openInvoice(link.href); // the order's page asks by itself whether it is paid
    return;
  }
  if (!telegram?.openLink || !/^https?:/.test(link.href)) return;
  event.preventDefault();
  if (/^https:\/\/t\.me\//.test(link.href)) telegram.openTelegramLink(link.href);
  else telegram.openLink(link.href);
}

const isPage = (ctx) => (ctx.target?.id ?? String(ctx.target ?? "").replace("#", "")) === "page_body";

/** The menu's entry of this page; the menu may come after the page. */
function markHere(pathname) {
  for (const link of document.querySelectorAll(".twa-menu a")) {
    const isHere = pathname.startsWith(link.getAttribute("href")) || (link.dataset.under && pathname.startsWith(link.dataset.under));
    if (isHere) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
}

function arrived(ctx) {
  const { pathname, search } = new URL(ctx.response.raw.url || ctx.request.action, location.href);
  const path = pathname + search;
  if (way.at(-1)?.split("?")[0] === pathname) way[way.length - 1] = path; // another period of the same page
  else way.push(path);
  const workspace = ctx.response.raw.headers.get("X-Workspace") ?? "";
  document.body.dataset.workspace = workspace; // what this page sends is for it alone
  keep("ab-page", `${workspace} ${path}`);
  document.body.dataset.path = path;
  markHere(pathname);
  const head = document.querySelector(`${TARGET} h1`);
  document.title = `${head?.textContent ?? ""} · AnalyticBot`;
  head?.setAttribute("tabindex", "-1");
  head?.focus({ preventScroll: true });
  scrollTo(0, 0);
  for (const call of listeners) call();
}
