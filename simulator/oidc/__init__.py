"""Log In With Telegram: a simulated OpenID Connect issuer, in place of https://oauth.telegram.org.

It answers as that one does, as far as known: discovery, /auth, /token, JWKS; the client is a bot (client id = bot id);
PKCE; no userinfo. `sub` is an opaque number per client, `id` the Telegram user id of scope `profile`
(core.telegram.org/bots/telegram-login#available-scopes, 2026-11; vcode-sh/better-auth-telegram#25, 2026-06).
"""
