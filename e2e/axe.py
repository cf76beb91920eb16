"""axe-core (https://github.com/dequelabs/axe-core) in a page: what keeps a person with a screen reader, or with weak eyes, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Page

from e2e.stack import ROOT

SCRIPT = ROOT / "node_modules/axe-core/axe.min.js"
GRAVE = ("serious", "critical")
_OF_COLOURS = ["color-contrast", "link-in-text-block"]
# What axe cannot decide about contrast (it gives up at pseudo-elements and SVG) is computed here:
# https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, against the nearest painted background.
_RUN = """async (rules) => {
  const only = rules.length ? {runOnly: {type: 'rule', values: rules}} : {};
  const told = await axe.run(document, {resultTypes: ['violations', 'incomplete'], preload: false, ...only});
  const rgb = (css) => { const [r, g, b, a = 1] = css.match(/[\\d.]+/g).map(Number); return {r, g, b, a}; };
  const light = ({r, g, b}) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const paint = getComputedStyle(one).backgroundColor;
      if (/^rgb/.test(paint) && rgb(paint).a === 1) return rgb(paint);
    }
    return rgb('rgb(255, 255, 255)');
  };
  const undecided = told.incomplete.filter(rule => rule.id === 'color-contrast').flatMap(rule => rule.nodes);
  const pale = undecided.flatMap(node => {
    const element = document.querySelector(node.target[0]);
    if (!element) return [];
    const style = getComputedStyle(element), words = rgb(element instanceof SVGElement ? style.fill : style.color);
    const [high, low] = [light(words), light(behind(element))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + .05) / (low + .05);
    return ratio >= (large ? 3 : 4.5) ? [] : [{target: node.target, failureSummary: `${ratio.toFixed(2)} to 1, computed here`}];
  });
  return {rules: [...told.violations, {id: 'color-contrast', impact: 'serious', nodes: pale}]};
}"""


@dataclass(frozen=True)
class Look:
    """How a page is shown."""

    language: str
    theme: str
    width: int

    def __str__(self) -> str:
        return f"{self.language} {self.theme} {self.width}px"


EVERY_LOOK = [Look(lang, theme, px) for lang in ("en", "ru", "uz") for theme in ("light", "dark") for px in (360, 1280)]


def some_looks(place: int) -> list[Look]:
    """Both themes in English on a wide screen, and one narrow look; the pages together show every pair of settings."""
    narrow = Look(("ru", "uz", "en")[place % 3], ("light", "dark")[place // 3 % 2], 360)
    wide = Look(("ru", "uz")[place % 2], ("dark", "light")[place // 2 % 2], 1280)
    return [Look("en", "light", 1280), Look("en", "dark", 1280), narrow, *([wide] if place % 3 == 0 else [])]


def bring(context: BrowserContext) -> None:
    """Every page of this browser has axe, put there before its own scripts and past its Content-Security-Policy."""
    context.add_init_script(path=SCRIPT)


def wear(page: Page, look: Look) -> None:
    """The page in that theme and width, nothing moving."""
    page.set_viewport_size({"width": look.width, "height": 800})
    page.emulate_media(color_scheme=look.theme, reduced_motion="reduce")  # type: ignore[arg-type]


def barriers(page: Page, *, only_colours: bool = False) -> list[str]:
    """The serious and critical findings: `rule: element: what is wrong`."""
    told: dict[str, Any] = page.evaluate(_RUN, _OF_COLOURS if only_colours else [])
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split()[:40])}"
        for rule in told["rules"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
