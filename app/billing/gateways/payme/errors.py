"""Payme's error codes as data (developer.help.paycom.uz "oshibki-errors", read 2026-11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """An answer with an error. `account`: the field of the account that it is about."""

    def __init__(self, code: int, *, account: str | None = None, data: str | None = None) -> None:
        super().__init__(str(code))
        self.code, self.data = code, account or data

    def to_doc(self) -> dict[str, Any]:
        """As JSON-RPC wants it, with the sentence in Payme's three languages."""
        return {"code": self.code, "message": MESSAGES[self.code].to_doc(), "data": self.data}


@dataclass(frozen=True, slots=True)
class _Said:
    ru: str
    uz: str
    en: str

    def to_doc(self) -> dict[str, str]:
        return {"ru": self.ru, "uz": self.uz, "en": self.en}


NOT_POST, UNREADABLE, MALFORMED, UNKNOWN_METHOD = -32300, -32700, -32600, -32601
UNAUTHORISED, OUR_FAILURE = -32504, -32400
WRONG_AMOUNT, NO_TRANSACTION, CANNOT_CANCEL, NOT_NOW = -31001, -31003, -31007, -31008
NO_ORDER, ORDER_IS_PAID, ORDER_IS_OVER, ORDER_IS_BUSY = -31050, -31051, -31052, -31053

MESSAGES = {
    NOT_POST: _Said("Метод запроса не POST", "Soʻrov usuli POST emas", "The request is not a POST"),
    UNREADABLE: _Said("Ошибка разбора JSON", "JSON oʻqilmadi", "The JSON cannot be read"),
    MALFORMED: _Said("Неверный запрос", "Notoʻgʻri soʻrov", "Fields are missing or of a wrong type"),
    UNKNOWN_METHOD: _Said("Метод не найден", "Bunday usul yoʻq", "There is no such method"),
    UNAUTHORISED: _Said("Недостаточно прав", "Huquq yetarli emas", "The credentials do not hold"),
    OUR_FAILURE: _Said("Внутренняя ошибка", "Ichki xatolik", "Something failed on our side"),
    WRONG_AMOUNT: _Said("Неверная сумма", "Summa notoʻgʻri", "The amount is not the order's"),
    NO_TRANSACTION: _Said("Транзакция не найдена", "Tranzaksiya topilmadi", "There is no such transaction"),
    CANNOT_CANCEL: _Said(
        "Услуга оказана полностью, отмена невозможна",
        "Xizmat toʻliq koʻrsatilgan, bekor qilib boʻlmaydi",
        "The service was delivered in full: it cannot be cancelled",
    ),
    NOT_NOW: _Said("Операция невозможна", "Amalni bajarib boʻlmaydi", "The state does not allow this"),
    NO_ORDER: _Said("Заказ не найден", "Buyurtma topilmadi", "There is no such order"),
    ORDER_IS_PAID: _Said("Заказ уже оплачен", "Buyurtma toʻlangan", "The order is paid already"),
    ORDER_IS_OVER: _Said("Срок заказа истёк", "Buyurtma muddati tugagan", "The order has expired"),
    ORDER_IS_BUSY: _Said("Заказ уже оплачивается", "Buyurtma toʻlanmoqda", "The order is being paid already"),
}
