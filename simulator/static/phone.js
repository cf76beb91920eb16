// Keeps the parts marked data-live fresh without touching what somebody is typing.
(() => {
  const toBottom = () => {
    const feed = document.querySelector("[data-bottom]");
    if (feed) feed.closest(".screen").scrollTop = feed.scrollHeight + 1000;
  };
  const refresh = async () => {
    if (document.hidden || document.querySelector("iframe")) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const fresh = page.querySelector(`[data-live="${old.dataset.live}"]`);
      if (!fresh || fresh.innerHTML === old.innerHTML || old.contains(document.activeElement)) continue;
      const screen = old.closest(".screen");
      const atEnd = screen && screen.scrollHeight - screen.scrollTop - screen.clientHeight < 60;
      old.innerHTML = fresh.innerHTML;
      if (atEnd && old.hasAttribute("data-bottom")) toBottom();
    }
  };
  if (matchMedia("(prefers-color-scheme: dark)").matches) {
    for (const link of document.querySelectorAll("[data-app]")) link.href += "&theme=dark";
  }
  toBottom();
  setInterval(() => refresh().catch(() => {}), 3000);
})();
