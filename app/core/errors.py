"""The one error tree. Raised in services and adapters, translated once at each edge."""

from __future__ import annotations

from collections.abc import Mapping


class AppError(Exception):
    """A failure that we understand and can explain.

    `message` is an English sentence for a person, with `%(name)s` for each of `params`; edges that know the person's
    language translate `sentence` and fill in `params` themselves. `code` is a stable word for programs, `permanent`
    says that trying again with the same input cannot help.
    """

    status = 500
    default_code = "error"
    default_permanent = True

    def __init__(
        self, sentence: str, *, code: str | None = None, permanent: bool | None = None, **params: object
    ) -> None:
        self.sentence, self.params = sentence, params
        self.message = sentence % params if params else sentence
        super().__init__(self.message)
        self.code = code or self.default_code
        self.permanent = self.default_permanent if permanent is None else permanent


class NotFound(AppError):
    """No such object, or one that the asker may not know of: both answer alike."""

    status = 404
    default_code = "not_found"


class Forbidden(AppError):
    """The asker is known and may not do this."""

    status = 403
    default_code = "forbidden"


class Unauthenticated(AppError):
    """Nobody is signed in, or the proof of identity does not hold."""

    status = 401
    default_code = "unauthenticated"


class Conflict(AppError):
    """The state of the object does not allow this now."""

    status = 409
    default_code = "conflict"


class Invalid(AppError):
    """The input is wrong; `fields` maps a field's name to what is wrong with it."""

    status = 422
    default_code = "invalid"

    def __init__(
        self,
        sentence: str,
        *,
        fields: Mapping[str, str] | None = None,
        code: str | None = None,
        permanent: bool | None = None,
        **params: object,
    ) -> None:
        super().__init__(sentence, code=code, permanent=permanent, **params)
        self.fields = dict(fields or {})


class LimitReached(AppError):
    """A plan's or a source's limit would be passed."""

    status = 429
    default_code = "limit_reached"


class Upstream(AppError):
    """Telegram, a page or a gateway failed; temporary unless said otherwise."""

    status = 502
    default_code = "upstream"
    default_permanent = False

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        permanent: bool | None = None,
        retry_after_s: float | None = None,
        **params: object,
    ) -> None:
        super().__init__(sentence, code=code, permanent=permanent, **params)
        self.retry_after_s = retry_after_s
