"""answerCallbackQuery."""

from simulator.botapi.errors import bad_request
from simulator.botapi.registry import Call, method


@method("answerCallbackQuery")
async def answer_callback_query(call: Call) -> object:
    query = call.world.store.get("callback", call.method.callback_query_id)
    if query is None or query["bot_id"] != call.bot.id:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    answer = {"answered": True, "text": call.method.text, "show_alert": bool(call.method.show_alert)}
    call.world.store.put("callback", call.method.callback_query_id, query | answer)
    return True
