// Telegram around the Mini App: its colours, its back button, its main button. The app works without its script too.
import { depth, whenMoved } from "./twa_pages.js";

export function startTelegram({ goBack }) {
  const back = document.getElementById("twa_back");
  back?.addEventListener("click", goBack);
  whenMoved(() => { if (back) back.hidden = depth() < 2 || Boolean(globalThis.Telegram?.WebApp?.BackButton); });
  const script = document.getElementById("telegram_script");
  if (globalThis.Telegram?.WebApp) wire(globalThis.Telegram.WebApp, goBack);
  else script?.addEventListener("load", () => wire(globalThis.Telegram.WebApp, goBack), { once: true });
}

function wire(app, goBack) {
  app.ready?.();
  app.expand?.();
  app.onEvent?.("themeChanged", () => { globalThis.paintTelegram(app.themeParams); document.documentElement.dataset.theme = app.colorScheme; });
  app.BackButton?.onClick(goBack);
  let press = null;
  const follow = () => {
    if (depth() > 1) app.BackButton?.show(); else app.BackButton?.hide();
    press = mainButton(app.MainButton, press);
  };
  whenMoved(follow);
  follow();
}

/** The page's own form, where it has one for that, is sent by Telegram's main button. Returns what is bound now. */
function mainButton(button, before) {
  if (!button) return null;
  if (before) button.offClick(before); // handlers pile up otherwise
  const form = document.querySelector("form[data-main-button]");
  if (!form) { button.hide(); return null; }
  const press = () => form.requestSubmit();
  button.setText(form.querySelector("button[type=submit]").textContent.trim().slice(0, 64));
  button.onClick(press);
  button.show();
  return press;
}
