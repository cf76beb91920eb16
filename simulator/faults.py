"""Faults on demand: each is armed for a number of requests, perhaps a share of them, and then gone."""

import random
from dataclasses import dataclass, field

API_KINDS = ("429", "500", "timeout", "slow", "reset_before_accept", "reset_after_accept")
DELIVERY_KINDS = ("duplicate_updates", "reorder_updates")
PREVIEW_KINDS = ("preview_500", "preview_429", "preview_layout_changed")
LOGIN_KINDS = (
    *("oidc_wrong_nonce", "oidc_no_nonce", "oidc_wrong_aud", "oidc_wrong_iss", "oidc_expired", "oidc_future"),
    *("oidc_alg_none", "oidc_hs256", "oidc_unknown_kid", "oidc_bad_at_hash", "oidc_500"),
)
KINDS = (*API_KINDS, *DELIVERY_KINDS, *PREVIEW_KINDS, *LOGIN_KINDS)


@dataclass
class Fault:
    method: str
    kind: str
    times: int
    retry_after: int = 3
    delay_s: float = 1.0  # of kind "slow"
    share: float = 1.0  # of the requests that fit, so many are hit


@dataclass
class Faults:
    armed: list[Fault] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random("faults"))

    def arm(self, fault: Fault) -> None:
        if not 0 < fault.share <= 1:
            raise ValueError("share is above 0 and at most 1")
        if fault.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        self.armed.append(fault)

    def take(self, kinds: tuple[str, ...], method: str = "*") -> Fault | None:
        """The first armed fault that fits and whose dice hit, used up by one."""
        for fault in self.armed:
            fits = fault.kind in kinds and fault.method.lower() in ("*", method.lower())
            if fits and (fault.share == 1 or self.dice.random() < fault.share):
                fault.times -= 1
                if fault.times <= 0:
                    self.armed.remove(fault)
                return fault
        return None
