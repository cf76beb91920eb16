"""One attempt of a lane: claim what is due, wait for its moment, call Telegram once, record what came of it."""
