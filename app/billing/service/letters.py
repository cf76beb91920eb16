"""Notices about money as letters to whoever pays: the words of the bot's messages, once for each payer."""

from __future__ import annotations

from datetime import datetime

from app.accounts.models import Workspace
from app.accounts.service import people
from app.billing.models import Subscription
from app.billing.service import payers
from app.core import formats, i18n, money, telemetry
from app.core.i18n import N_
from app.mail import service as mail
from app.mail.post import Unmailable
from app.notices import texts

_SUBJECTS = {
    "renewal_due": N_("Your %(plan)s plan is paid until %(day)s"),
    "trial_ends": N_("Your trial of the %(plan)s plan ends on %(day)s"),
    "trial_overdue": N_("Your trial of the %(plan)s plan has ended"),
    "renewal_overdue": N_("The payment for your %(plan)s plan is late"),
    "charge_declined": N_("Your card was not charged for your %(plan)s plan"),
    "charge_needs_you": N_("Your card was not charged for your %(plan)s plan"),
    "subscription_ended": N_("Your %(plan)s plan has ended"),
}
_WHY = N_(
    "You get this letter because your address stands on the invoices of “%(workspace)s”. To change that: %(link)s"
)


def write(
    sub: Subscription, template: str, *, minor: int, link: str, payer_link: str, key: str = "", now: datetime
) -> None:
    """Queue the letter of a notice, in the language of the workspace's owner; no address or no mail: none.

    One for each subscription, period, step of dunning and kind of notice, however often it is asked for. An address to
    which nothing can be sent keeps no plan from going on.
    """
    to = payers.details_of(sub.workspace).email
    if not to or not mail.is_set_up():
        return
    owner, workspace = people.owner_of(sub.workspace), Workspace.get_by_id(sub.workspace)
    language, zone = (owner.language, owner.timezone) if owner else ("en", workspace.timezone)
    told = {
        "plan": sub.plan.capitalize(),
        "amount": money.price(minor, sub.currency, language),
        "day": formats.day(sub.period_end, language, zone),
        "link": link,
    }
    why = i18n.say(language, _WHY, workspace=workspace.name, link=payer_link)
    try:
        mail.queue(
            sub.workspace,
            f"{template}:{sub.public_id}:{sub.period_index}:{sub.dunning_step}{key}",
            to=to,
            subject=i18n.say(language, _SUBJECTS[template], **told),
            body=f"{texts.render(template, told, language)}\n\n-- \n{why}\n",
            language=language,
            now=now,
        )
    except Unmailable as error:
        telemetry.log().warning("no letter can be written", subscription=sub.public_id, reason=str(error))
