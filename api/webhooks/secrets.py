"""The secrets that sign webhooks' deliveries."""

import secrets

PREFIX = "whsec_"


def make() -> str:
    """A new secret: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)
