"""Signing in with an OpenID Connect issuer: the authorization code flow with PKCE. It knows no particular issuer."""

from app.accounts.oidc.client import Attempt, Client, Provider, Refused

__all__ = ["Attempt", "Client", "Provider", "Refused"]
