"""Signing in with an OpenID Connect issuer: the authorization code flow with PKCE. It knows no particular issuer."""

from app.accounts.oidc.base import LIFETIME, Attempt, Provider, Refused

__all__ = ["LIFETIME", "Attempt", "Provider", "Refused"]
