// Runs before the first paint, so it is small and not a module: the chosen theme, then Telegram's colours.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("ab-theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch { /* storage may be forbidden; the system's theme is fine */ }

  // The Mini App calls it again when the theme changes while it is open.
  globalThis.paintTelegram = (colours) => {
    for (const [key, value] of Object.entries(colours ?? {})) {
      if (/^[a-z_]+$/.test(key) && /^#[0-9a-f]{6}$/i.test(value)) {
        root.style.setProperty(`--tg-theme-${key.replaceAll("_", "-")}`, value);
      }
    }
    if (/^#[0-9a-f]{6}$/i.test(colours?.bg_color ?? "")) {
      const [r, g, b] = [1, 3, 5].map((i) => parseInt(colours.bg_color.slice(i, i + 2), 16));
      root.dataset.theme = 0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light";
    }
  };
  try {
    paintTelegram(JSON.parse(new URLSearchParams(location.hash.slice(1)).get("tgWebAppThemeParams")));
  } catch { /* a fragment that is not Telegram's */ }
})();
