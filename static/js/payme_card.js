// Saving a card at Payme: the browser asks Payme's Subscribe API for a token (developer.help.paycom.uz), and only the token
// comes to us. The number and the code are in fields without a name, so no form sends them.
import { language } from "./texts.js";

const TIMEOUT_MS = 30_000;
const at = (id) => document.getElementById(id);
const card = () => at("payme_card");
let token = "";

class Refused extends Error {}

async function ask(method, params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { "Content-Type": "application/json", "X-Auth": card().dataset.merchant };
  const options = { method: "POST", headers, body, credentials: "omit", signal: AbortSignal.timeout(TIMEOUT_MS) };
  const told = await (await fetch(card().dataset.url, options)).json();
  if (told.error) throw new Refused(ourWords(told.error.code) ?? inWords(told.error.message));
  return told.result;
}

/** Our own words for what Payme often says: its sentences are in Russian only. */
const ourWords = (code) => card().dataset[`refused${code}`];
const inWords = (message) => (typeof message === "object" ? (message[language()] ?? Object.values(message)[0]) : message);

/** One step at a time: its button waits, and what went wrong is said. */
async function step(form, work) {
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  at("payme_error").textContent = "";
  try {
    await work();
  } catch (error) {
    at("payme_error").textContent = error instanceof Refused ? error.message : card().dataset.unreachable;
  } finally {
    button.disabled = false;
  }
}

const digits = (id) => at(id).value.replace(/\D/g, "");

async function create() {
  const made = await ask("cards.create", { card: { number: digits("payme_card_number"), expire: digits("payme_card_expire") }, save: true });
  token = made.card.token;
  await sendCode();
  at("payme_number").hidden = true;
  at("payme_code").hidden = false;
  at("payme_sms_code").focus();
}

async function sendCode() {
  const sent = await ask("cards.get_verify_code", { token });
  at("payme_phone").textContent = sent.phone;
  at("payme_again").disabled = true;
  setTimeout(() => { at("payme_again").disabled = false; }, sent.wait);
}

async function verify() {
  const done = await ask("cards.verify", { token, code: digits("payme_sms_code") });
  const form = at("payme_token");
  form.elements.token.value = done.card.token; // another one than before
  forget();
  form.submit();
}

/** Nothing of the card stays in the page: who goes back to it sees empty fields. */
function forget() {
  for (const id of ["payme_card_number", "payme_card_expire", "payme_sms_code"]) if (at(id)) at(id).value = "";
}

window.addEventListener("pagehide", forget);
document.addEventListener("submit", (event) => {
  const work = { payme_number: create, payme_code: verify }[event.target.id];
  if (!work) return;
  event.preventDefault();
  step(event.target, work);
});
document.addEventListener("click", (event) => {
  if (event.target.id === "payme_again") step(at("payme_code"), sendCode);
});
