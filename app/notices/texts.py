"""The words of the notices by template key. Plain text; parameters by name; the languages are the catalogs'."""

from __future__ import annotations

from collections.abc import Mapping

from app.core import i18n
from app.core.i18n import N_

_SENTENCES = {
    "welcome": N_(
        "Hello %(name)s! Add me to your channel as an administrator and I will count what is true there.\n\n"
        "Your numbers: %(link)s\nThe link opens once, within 5 minutes. Do not pass it on."
    ),
    "dashboard": N_("Your numbers: %(link)s\nThe link opens once, within 5 minutes. Do not pass it on."),
    "add_channel": N_(
        "Choose your channel and make me its administrator: %(add_url)s\nIts numbers begin within seconds."
    ),
    "answer": "%(text)s",  # made when the command came, in the person's language
    "channel_connected": N_("“%(title)s” is connected. Its numbers start now."),
    "channel_refused": N_("“%(title)s” was not connected: %(reason)s"),
    "bot_removed": N_("I was removed from “%(title)s”. I no longer see its posts, reactions and members."),
    "rights_lost": N_("In “%(title)s” I no longer have the right to: %(rights)s."),
    "unconfirmed": N_(
        "Telegram did not say whether it took a post for “%(title)s”, and I cannot look. Please look into the channel:"
        " is it there?"
    ),
    "posts_blocked": N_(
        "%(count)s posts for “%(title)s” are on hold: I may not post there. Give me the right again and press Resume."
    ),
    "posts_over_plan": N_(
        "%(count)s posts for “%(title)s” are on hold: your plan has no room for this channel, or its payment is late."
        " Once that is settled, press Resume."
    ),
    "post_unmarked": N_(
        "A post for “%(title)s” is on hold: the channel's watermark could not be put on one of its files. Press Resume to"
        " try again, or take the file out of the post."
    ),
    "rebuild_done": N_(
        "The archive of “%(archive)s” is published anew in “%(title)s”: %(out)s of %(total)s posts are out, %(failed)s were"
        " refused. Which, and why, stands under Settings, Archives."
    ),
    "rebuild_stuck": N_(
        "Publishing the archive of “%(archive)s” in “%(title)s” is held up after %(out)s of %(total)s posts. What to do"
        " stands under Settings, Archives."
    ),
    "approval_asked": N_("%(name)s asks to publish in %(channels)s, %(when)s:\n\n%(words)s"),
    "approval_given": N_("%(name)s approved your post:\n\n%(words)s"),
    "approval_returned": N_("%(name)s returned your post:\n\n%(words)s\n\n%(comment)s"),
    "client_approved": N_("The client %(name)s approved a post:\n\n%(words)s\n\n%(comment)s"),
    "client_returned": N_("The client %(name)s returned a post:\n\n%(words)s\n\n%(comment)s"),
    "books_differ": N_(
        "Our books and those of %(gateway)s differ. What differs stands on the page Revenue of those who run the service."
    ),
    "refund_unsendable": N_(
        "%(gateway)s cannot return your payment of %(amount)s any more. You can keep it as credit, which pays for your next"
        " period or another order: under Settings, Plan and payments. Or write to support: /paysupport"
    ),
    "renewal_due": N_(
        "Your %(plan)s plan is paid until %(day)s. The next period costs %(amount)s and can be paid now:\n%(link)s"
    ),
    "trial_ends": N_(
        "Your trial of the %(plan)s plan ends on %(day)s. Then your card is charged %(amount)s for the first period. To keep"
        " it from being charged, cancel before:\n%(link)s"
    ),
    "trial_overdue": N_(
        "Your trial of the %(plan)s plan ended on %(day)s. To keep the plan, pay %(amount)s within three days:\n%(link)s"
    ),
    "renewal_overdue": N_(
        "The payment of %(amount)s for your %(plan)s plan is late: it was due on %(day)s.\n%(link)s\n\n"
        "Your data are safe. Seven days after that day the plan becomes read-only, after fourteen it ends."
    ),
    "charge_declined": N_(
        "Your card was not charged %(amount)s for your %(plan)s plan: its bank declined. We try again by ourselves; you can"
        " also pay now or choose another card:\n%(link)s"
    ),
    "charge_needs_you": N_(
        "Your card could not be charged %(amount)s for your %(plan)s plan without you: its bank asks for your consent, or"
        " the card is not valid any more. Pay here, and the plan goes on:\n%(link)s"
    ),
    "subscription_ended": N_(
        "Your %(plan)s plan has ended on %(day)s. Everything that was collected is kept, and you are on the free plan:"
        "\n%(link)s"
    ),
    "rights_back": N_("All rights in “%(title)s” are back. Thank you!"),
}
TEMPLATES = frozenset(_SENTENCES)
WITH_LINK = frozenset({"welcome", "dashboard"})  # `link` signs its reader in: it is made when the message is sent


def render(template: str, params: Mapping[str, str], language: str) -> str:
    """The message in the person's language, English where we do not speak it. Raises KeyError on an unknown key."""
    return i18n.say(language, _SENTENCES[template], **params)
