// The composer's picker of custom emoji. What is pressed is told by an event; the composer writes it at the cursor.
const dialog = () => document.getElementById("composer_emoji");

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open-emoji]");
  if (opener) open(opener.dataset.openEmoji);
  const key = event.target.closest?.("#composer_emoji [data-emoji-markup]");
  if (key) take(key.dataset.emojiMarkup);
});

async function open(address) {
  dialog().showModal();
  await htmx.ajax("GET", address, { target: "#emoji_body", headers: { "HX-Target": "div#emoji_body" } });
  dialog().querySelector(".emoji-key")?.focus();
}

/** The dialog closes first: it gives the focus back to what opened it, and the text is to have it. */
function take(markup) {
  dialog().close();
  document.dispatchEvent(new CustomEvent("emoji-taken", { detail: { markup } }));
}

// Within a set the arrow keys walk, by row and column as it is seen; Home and End go to its ends.
document.addEventListener("keydown", (event) => {
  const key = event.target.closest?.("#composer_emoji .emoji-key");
  if (!key) return;
  const keys = [...key.parentElement.children];
  const next = keys[target(keys, keys.indexOf(key), event.key)];
  if (!next) return;
  event.preventDefault();
  for (const one of keys) one.tabIndex = one === next ? 0 : -1;
  next.focus();
});

function target(keys, at, pressed) {
  const columns = keys.filter((one) => one.offsetTop === keys[0].offsetTop).length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: keys.length - 1 - at };
  return pressed in steps ? at + steps[pressed] : -1;
}
