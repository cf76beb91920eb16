// Mini App start: Telegram puts signed data into the address' fragment; the server checks it and opens a session.
import { text } from "./texts.js";

function deviceSecret() {
  let secret = sessionStorage.getItem("ab-device");
  if (!secret) {
    secret = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("ab-device", secret);
  }
  return secret;
}

export async function bootMiniApp(url, csrfToken) {
  const status = document.querySelector("#twa_status span:last-child");
  const initData = new URLSearchParams(location.hash.slice(1)).get("tgWebAppData");
  try {
    if (!initData) throw new Error("no launch data");
    const body = new URLSearchParams({ init_data: initData, device: deviceSecret() });
    const answer = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrfToken, Accept: "application/json" } });
    const { location: next, message } = await answer.json();
    if (!answer.ok || !next) throw new Error(message ?? answer.status);
    location.replace(next);
  } catch {
    status?.previousElementSibling?.remove();
    if (status) status.textContent = text("twa_failed");
  }
}
