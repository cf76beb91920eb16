// The page's words for scripts, from <script type="application/json" id="texts">.
let words;

export function text(key) {
  words ??= JSON.parse(document.getElementById("texts")?.textContent ?? "{}");
  return words[key] ?? key;
}

export const language = () => document.documentElement.lang || "en";
