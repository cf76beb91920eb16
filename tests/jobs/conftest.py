"""The bot's runtime serves the jobs too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bot.conftest import apply, owned, runtime, telegram  # noqa: E402, F401
