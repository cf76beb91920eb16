"""Telegram's script of Mini Apps as far as ours uses it, for tests without a network: it writes down what it is told."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Frame, Page

from e2e.stack import wait_for

_SCRIPT = """
(() => {
  const heard = {}, said = [];
  const button = (name) => ({
    presses: [], shown: false, text: "",
    show() { this.shown = true; }, hide() { this.shown = false; }, setText(text) { this.text = text; },
    onClick(call) { this.presses.push(call); }, offClick(call) { this.presses = this.presses.filter((one) => one !== call); },
  });
  window.Telegram = { WebApp: {
    colorScheme: "light", themeParams: {}, said,
    ready() { said.push("ready"); }, expand() { said.push("expand"); },
    onEvent(kind, call) { (heard[kind] ??= []).push(call); },
    openLink(url) { said.push("open " + url); }, openTelegramLink(url) { said.push("telegram " + url); },
    openInvoice(url) { said.push("invoice " + url); },
    BackButton: button("back"), MainButton: button("main"),
    fire(kind) { for (const call of heard[kind] ?? []) call(); },
  } };
})();
"""


def stand_in(context: BrowserContext) -> None:
    """Answer for telegram.org in this browser."""
    context.route(
        "https://telegram.org/js/*", lambda route: route.fulfill(body=_SCRIPT, content_type="text/javascript")
    )


def mini_app(page: Page) -> Frame:
    """The frame in which the Mini App runs."""

    def found() -> Frame | None:
        page.wait_for_timeout(50)
        return next((frame for frame in page.frames if "/twa" in frame.url), None)

    frame = wait_for("the Mini App is framed", found)
    assert frame is not None
    return frame


def press_back(frame: Frame) -> None:
    """Telegram's own back button, as a person presses it. Every handler that hangs there is called."""
    frame.evaluate("for (const call of Telegram.WebApp.BackButton.presses) call()")


def change_theme(frame: Frame, **colours: str) -> None:
    """The person turns the lights off while the app is open."""
    frame.evaluate(
        "colours => { Object.assign(Telegram.WebApp, {colorScheme: 'dark', themeParams: colours});"
        " Telegram.WebApp.fire('themeChanged'); }",
        colours,
    )
