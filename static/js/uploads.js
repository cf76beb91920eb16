// Files that go to the server in pieces (tus): each with its bar, to be paused, gone on with, cancelled and tried again.
// What breaks off goes on where it was, also after a reload, once the same file is chosen again. Delegated, so it also
// serves a page that htmx brings later. Without this script the form around it sends the files whole.
import { kept } from "./kept.js";

const AT_ONCE = 2;
const PIECE_BYTES = 2 * 1024 * 1024;
const MOST_HASHED_BYTES = 64 * 1024 * 1024; // it is read whole into memory
const RETRIES_MS = [300, 700, 1500, 3000, 5000, 8000, 10000, 15000, 20000, 30000];
const MB = 1000000;

const jobs = [];
let loading = null;
let numbers = 0;

const place = () => document.querySelector("[data-uploads]");
const isMiniApp = () => document.body.dataset.twa !== undefined;
const told = (key, values = {}) => (place()?.dataset[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const megabytes = (bytes) => told("mb", { num: (bytes / MB).toLocaleString(document.documentElement.lang, { maximumFractionDigits: bytes < 100 * MB ? 1 : 0 }) });

/** The protocol's own library, brought when the first file is sent. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: place().dataset.script });
    script.addEventListener("load", () => resolve(globalThis.tus));
    script.addEventListener("error", () => { loading = null; reject(new Error("script")); });
    document.head.append(script);
  });
  return loading;
}

/** Sends files; each that has come is told by an event `uploaded` on the list: {media, name}. */
export function sendFiles(files) {
  for (const file of files) {
    const job = { number: ++numbers, file, name: file.name, state: "waiting", sent: 0, error: "", upload: null };
    if (file.size > Number(place().dataset.most)) Object.assign(job, { state: "refused", error: told("tooLarge", { most: Math.floor(Number(place().dataset.most) / MB) }) });
    jobs.push(job);
  }
  draw();
  next();
}

function next() {
  while (jobs.filter((job) => job.state === "reading" || job.state === "going").length < AT_ONCE) {
    const job = jobs.find((one) => one.state === "waiting");
    if (!job) return;
    begin(job);
  }
}

async function begin(job) {
  change(job, "reading");
  try {
    const tus = await library();
    job.upload ??= await made(tus, job);
    if (job.state !== "reading") return; // cancelled or paused meanwhile
    change(job, "going");
    job.upload.start();
  } catch {
    fail(job, told("failed"));
  }
}

async function made(tus, job) {
  const sha256 = await hashed(job.file);
  const upload = new tus.Upload(job.file, {
    endpoint: "/media/uploads",
    chunkSize: PIECE_BYTES,
    retryDelays: RETRIES_MS,
    removeFingerprintOnSuccess: true,
    headers: { Accept: "application/json" },
    metadata: { filename: job.name, ...(sha256 ? { sha256 } : {}) },
    fingerprint: async (file) => ["ab-upload", document.body.dataset.workspace, file.name, file.size, file.lastModified].join(" "),
    onBeforeRequest: signed,
    onShouldRetry: (error) => mayRetry(job, error),
    onProgress: (sent) => { Object.assign(job, { sent, isBroken: false }); soon(); },
    onSuccess: ({ lastResponse }) => done(job, lastResponse.getHeader("X-Media")),
    onError: (error) => fail(job, words(error)),
  });
  const [before] = await upload.findPreviousUploads();
  if (before) upload.resumeFromPreviousUpload(before);
  return upload;
}

/** What the page's other requests bring too: the session of the Mini App, or the token beside the cookie. */
function signed(request) {
  if (isMiniApp()) request.setHeader("X-Session", kept("ab-session") ?? "");
  else request.setHeader("X-CSRFToken", document.querySelector('meta[name="csrf-token"]')?.content ?? "");
  request.setHeader("X-Workspace", document.body.dataset.workspace ?? "");
}

/** The bytes' SHA-256 in hexadecimal, "" where the browser makes none or the file is too large to be read whole. */
async function hashed(file) {
  if (!globalThis.crypto?.subtle || file.size > MOST_HASHED_BYTES) return "";
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const statusOf = (error) => error.originalResponse?.getStatus() ?? 0;

function mayRetry(job, error) {
  const status = statusOf(error);
  if (status === 401 && isMiniApp() && !job.isRenewed) {
    job.isRenewed = true; // any request of the Mini App opens its session anew
    htmx.ajax("GET", "/twa/menu", { source: "#twa_menu", target: "#twa_menu", headers: { "HX-Target": "div#twa_menu" } });
    return true;
  }
  job.isBroken = !status;
  soon();
  return !status || status === 409 || status === 423 || status === 460 || status >= 500;
}

function words(error) {
  if (!statusOf(error)) return told("offline");
  try {
    return JSON.parse(error.originalResponse.getBody()).error.message;
  } catch {
    return told("failed");
  }
}

function fail(job, error) {
  Object.assign(job, { error, isLost: error === told("offline") });
  change(job, "failed");
  say(told("saidFailed", { name: job.name }));
  tell();
  next();
}

function done(job, media) {
  job.media = media;
  change(job, "done");
  say(told("saidDone", { name: job.name }));
  tell();
  next();
}

/** In the order in which they were chosen: an album keeps it. What rests or failed holds nobody up. */
function tell() {
  for (const job of [...jobs]) {
    if (/waiting|reading|going/.test(job.state)) return;
    if (job.state !== "done" || job.isTold) continue;
    job.isTold = true;
    place()?.dispatchEvent(new CustomEvent("uploaded", { bubbles: true, detail: { media: job.media, name: job.name } }));
    setTimeout(() => { jobs.splice(jobs.indexOf(job), 1); draw(); }, 4000);
  }
  const address = place()?.dataset.refresh;
  if (address) refresh(address);
}

function refresh(address) {
  for (const part of ["section#library_files", "p#library_room"]) {
    const target = part.slice(part.indexOf("#"));
    if (document.querySelector(target)) htmx.ajax("GET", address, { target, headers: { "HX-Target": part } });
  }
}

function change(job, state) {
  job.state = state;
  draw();
}

function say(words_) {
  const line = document.querySelector("[data-uploads-said]");
  if (line) line.textContent = words_;
}

// ---- what people press
const DO = {
  pause(job) { job.upload?.abort(); change(job, "paused"); tell(); next(); },
  resume(job) { change(job, "waiting"); next(); },
  retry(job) { Object.assign(job, { error: "", isRenewed: false, isLost: false }); change(job, "waiting"); next(); },
  cancel(job) {
    job.upload?.abort(Boolean(job.upload.url)).catch((error) => cameFirst(job, error));
    jobs.splice(jobs.indexOf(job), 1);
    draw();
    tell();
    next();
  },
};

/** What was called off too late is a file by now, and is shown; what the server did not hear it forgets after a day. */
function cameFirst(job, error) {
  if (statusOf(error) !== 410) return;
  say(told("saidDone", { name: job.name }));
  tell();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-upload-do]");
  const job = button && jobs.find((one) => one.number === Number(button.closest(".upload-row").dataset.number));
  if (!job) return;
  const row = button.closest(".upload-row");
  DO[button.dataset.uploadDo](job);
  const left = row.isConnected ? row : place();
  if (document.activeElement === document.body) left?.querySelector("button:not([hidden])")?.focus();
});
document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-upload-input]") || !place()) return;
  sendFiles([...event.target.files]);
  event.target.value = "";
});
document.addEventListener("dragover", (event) => {
  const over = event.target.closest?.("[data-upload-drop]");
  if (!over || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  over.classList.add("is-over");
});
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => event.target.closest?.("[data-upload-drop]")?.classList.remove("is-over"));
}
document.addEventListener("drop", (event) => {
  if (!event.target.closest?.("[data-upload-drop]") || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  sendFiles([...event.dataTransfer.files]);
});
addEventListener("online", () => { for (const job of jobs) if (job.state === "failed" && job.isLost) DO.retry(job); });

// ---- what is shown
let isSoon = false;

function soon() {
  if (isSoon) return;
  isSoon = true;
  requestAnimationFrame(() => { isSoon = false; draw(); });
}

const SHOWN = { pause: ["going", "reading"], resume: ["paused"], retry: ["failed"], cancel: ["waiting", "reading", "going", "paused", "failed", "refused"] };

function draw() {
  const list = place();
  if (!list) return;
  for (const button of document.querySelectorAll("[data-upload-plain]")) button.hidden = true; // choosing a file sends it
  const rows = list.querySelector(".upload-rows");
  const model = list.querySelector("[data-upload-model]");
  for (const row of rows.querySelectorAll("[data-number]")) if (!jobs.some((job) => job.number === Number(row.dataset.number))) row.remove();
  for (const job of jobs) drawRow(rows.querySelector(`[data-number="${job.number}"]`) ?? added(rows, model, job), job);
}

function added(rows, model, job) {
  const row = model.cloneNode(true);
  row.removeAttribute("data-upload-model");
  row.hidden = false;
  row.dataset.number = job.number;
  row.querySelector(".upload-name").textContent = job.name;
  for (const named of row.querySelectorAll("[aria-label]")) named.setAttribute("aria-label", named.getAttribute("aria-label").replace("{name}", job.name));
  rows.append(row);
  return row;
}

function drawRow(row, job) {
  const values = { done: megabytes(job.sent), all: megabytes(job.file.size) };
  row.classList.toggle("is-failed", job.state === "failed" || job.state === "refused");
  row.classList.toggle("is-done", job.state === "done");
  row.querySelector("progress").value = job.state === "done" ? 1000 : Math.floor((1000 * job.sent) / (job.file.size || 1));
  const state = row.querySelector(".upload-state");
  const said = job.error || (job.state === "going" && job.isBroken ? told("again") : told(job.state, values));
  if (state.textContent !== said) state.textContent = said;
  for (const button of row.querySelectorAll("[data-upload-do]")) button.hidden = !SHOWN[button.dataset.uploadDo].includes(job.state);
}

document.addEventListener("htmx:after:swap", draw);
draw();
