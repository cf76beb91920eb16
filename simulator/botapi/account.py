"""Methods about the bot itself."""

from simulator.botapi.registry import Call, method
from simulator.botapi.wire import given, plain
from simulator.shapes import user_json


@method("getMe")
async def get_me(call: Call) -> object:
    flags = {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": bool(call.sim.mini_app_url),
    }
    return user_json(call.bot) | flags


@method("setMyCommands")
async def set_my_commands(call: Call) -> object:
    if not given(call.method.language_code):  # the phone shows everybody's menu
        call.bot.commands = [plain(command) for command in call.method.commands]
        call.world.save_bot(call.bot)
    return True


@method("setChatMenuButton")
async def set_chat_menu_button(call: Call) -> object:
    button = plain(call.method.menu_button) or {"type": "default"}
    call.bot.menu_buttons[str(call.method.chat_id or "default")] = button
    call.world.save_bot(call.bot)
    return True


@method("logOut")
async def log_out(call: Call) -> object:
    return True


@method("close")
async def close(call: Call) -> object:
    return True
