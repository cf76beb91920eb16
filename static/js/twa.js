// The Mini App: one page stays, everything else comes by htmx. The session's token goes with every request in a header,
// since a frame of another site may have no cookies; Telegram's signed launch data renew it.
import { keep, kept } from "./kept.js";
import { startLive } from "./live.js";
import { forgetWay, goBack, here, openPage, startNavigation, whenMoved } from "./twa_pages.js";
import { startTelegram } from "./twa_telegram.js";
import { text } from "./texts.js";

const launch = new URLSearchParams(location.hash.slice(1));
let token = kept("ab-session");
let url = "";
let csrf = "";
let hasLeft = false;
let renewal = null;
let toSay = "";

/** A secret that this device made up: with it, and only with it, the same launch opens the session again. */
function deviceSecret() {
  let secret = kept("ab-device");
  if (!secret) {
    secret = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    keep("ab-device", secret);
  }
  return secret;
}

/** Telegram puts the data into the fragment; its script keeps them, and so do we, for a reload without it. */
function launchData() {
  const given = launch.get("tgWebAppData");
  if (given) keep("ab-launch", given);
  return given ?? kept("ab-launch");
}

/** Opens a session; returns what the server told: where to begin, and the workspace in which the session is. */
async function signIn() {
  const initData = launchData();
  if (!initData) throw new Error("no launch data");
  const body = new URLSearchParams({ init_data: initData, device: deviceSecret() });
  const answer = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrf, "X-Session": "", Accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error?.message ?? String(answer.status));
  token = told.token;
  keep("ab-session", token);
  if (told.language && speaks() !== told.language) await speak(told.language);
  return told;
}

const speaks = () => document.documentElement.lang.replace("-", "_");

/** The shell itself in the person's language: asked for once, since a frame may not keep it. */
function speak(language) {
  if (kept("ab-language") === language) return undefined;
  keep("ab-language", language);
  const query = new URLSearchParams(location.search);
  query.set("lang", language);
  location.replace(`/twa?${query}${location.hash}`);
  return new Promise(() => {}); // the page is leaving
}

const pagesWorkspace = () => document.body.dataset.workspace ?? "";

/** A fetch that brings the session and the page's workspace. Where the session ended, the launch opens it once more and
 * the request is sent again, but never into another workspace than its page's: then everything begins anew. */
async function send(address, request) {
  const madeFor = pagesWorkspace();
  const withToken = () => fetch(address, { ...request, headers: { ...request.headers, "X-Session": token ?? "", "X-Workspace": madeFor } });
  const used = token;
  const answer = await withToken();
  if (answer.status === 409 && madeFor && (answer.headers.get("X-Workspace") ?? madeFor) !== madeFor) beginAnew("/network");
  if (answer.status !== 401 || hasLeft) return answer;
  try {
    if (used === token) renewal ??= signIn().finally(() => { renewal = null; }); // requests that fail together renew once
    const told = await renewal;
    if (told && madeFor && told.workspace !== madeFor) {
      beginAnew(told.location);
      return answer;
    }
  } catch (error) {
    shut(error.message);
    return answer;
  }
  return withToken();
}

/** The session is in another workspace than the page: the first page of that one comes, and says so. */
function beginAnew(path) {
  toSay = text("twa_anew");
  setTimeout(() => { // once the refused request is over
    forgetWay();
    openMenu();
    openPage(path);
  });
}

/** What the next page that comes has to say first. */
function sayOnArrival() {
  if (toSay) document.getElementById("page_body")?.prepend(banner(toSay));
  toSay = "";
}

function banner(words) {
  const line = document.createElement("p");
  Object.assign(line, { className: "banner banner-bad", textContent: words });
  line.setAttribute("role", "alert");
  return line;
}

function shut(reason) {
  const status = Object.assign(banner(reason || text("twa_failed")), { id: "twa_status" });
  document.getElementById("page_body")?.replaceChildren(status);
  document.querySelector(".twa-shell")?.classList.remove("is-open");
}

export async function bootMiniApp(sessionUrl, csrfToken) {
  [url, csrf] = [sessionUrl, csrfToken];
  htmx.config.history = false; // Telegram's frame keeps its one address; the way back is ours
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => { ctx.fetch = send; });
  startTelegram({ goBack });
  whenMoved(sayOnArrival);
  startNavigation({ download, moved: openMenu, left });
  try {
    const first = await signIn();
    document.querySelector(".twa-shell").classList.add("is-open");
    await Promise.all([openMenu(), openFirst(first)]);
    startLive(send, document.body.dataset.twaLive === "stream");
  } catch (error) {
    shut(error.message === "no launch data" ? "" : error.message);
  }
}

/** The page that a button of the bot's named, at its launch only: a reload stays where it is. */
function asked() {
  const path = new URLSearchParams(location.search).get("open") ?? "";
  const isNew = launch.has("tgWebAppData") && kept("ab-asked") !== launch.get("tgWebAppData");
  if (!isNew || !/^\/[a-z][a-z/-]*$/.test(path)) return "";
  keep("ab-asked", launch.get("tgWebAppData"));
  return path;
}

/** The page asked for; else that of before, if it is of this workspace and still there; else where a session begins. */
async function openFirst({ location: first, workspace }) {
  const wanted = asked();
  if (wanted) await openPage(wanted);
  if (here()) return;
  const [of, path] = (kept("ab-page") ?? "").split(" ");
  if (path && of === workspace) await openPage(path);
  if (!here()) await openPage(first);
  if (!here()) throw new Error(text("offline"));
}

/** What stands around the pages: it follows the workspace and the person's role there. */
async function openMenu() {
  await htmx.ajax("GET", "/twa/menu", { source: "#twa_menu", target: "#twa_menu", headers: { "HX-Target": "div#twa_menu" } });
}

/** The person signed out: nothing here opens the session again, only a new launch does. */
function left() {
  hasLeft = true;
  token = "";
  for (const key of ["ab-session", "ab-launch", "ab-page", "ab-asked"]) keep(key, "");
  document.getElementById("twa_menu")?.replaceChildren();
}

/** Telegram's apps download outside of the frame, where nobody is signed in: the file gets an address of its own. */
async function download(path) {
  const answer = await send("/twa/file", { method: "POST", body: new URLSearchParams({ path }) });
  const told = await answer.json().catch(() => ({}));
  if (!told.url) return false;
  const telegram = globalThis.Telegram?.WebApp;
  if (telegram?.openLink) telegram.openLink(told.url);
  else globalThis.open(told.url, "_blank", "noopener");
  return true;
}
