"""`python -m bot`."""

from __future__ import annotations

import sys

from app.boot import boot
from bot.process import BotProcess

if __name__ == "__main__":
    sys.exit(BotProcess(boot("bot")).run())
