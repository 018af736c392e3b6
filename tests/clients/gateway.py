"""What Discord's gateway and API would say, as far as the example bots hear it."""

from typing import Any

from tests.support.people import ADA, HARBOUR

Json = dict[str, Any]  # Any: JSON

BOT_USER, CHANNEL, ROLE = 41771983423143900, 41771983423143937, 41771983423143950
STAMP = "2026-11-22T18:07:03.000000+00:00"

USER: Json = {"id": str(ADA), "username": "ada", "discriminator": "0", "avatar": None, "global_name": "Ada"}
MEMBER: Json = {"roles": [], "joined_at": STAMP, "deaf": False, "mute": False, "flags": 0, "nick": None}
ME: Json = {**USER, "id": str(BOT_USER), "username": "bot", "bot": True}


def role(role_id: int, name: str) -> Json:
    return {
        "id": str(role_id), "name": name, "color": 0, "colors": {"primary_color": 0}, "hoist": False, "position": 1,
        "permissions": "8", "managed": False, "mentionable": False, "flags": 0,
    }  # fmt: skip


def guild(name: str = "Harbour") -> Json:
    channel: Json = {"id": str(CHANNEL), "type": 0, "name": "general", "position": 0, "permission_overwrites": []}
    return {
        "id": str(HARBOUR), "name": name, "icon": "d3b0", "owner_id": str(ADA), "preferred_locale": "en-GB",
        "roles": [role(HARBOUR, "@everyone"), role(ROLE, "Regular")], "channels": [channel],
        "members": [{**MEMBER, "user": USER}, {**MEMBER, "user": ME, "roles": [str(ROLE)]}], "emojis": [],
        "features": [], "threads": [], "presences": [], "voice_states": [], "stickers": [], "stage_instances": [],
        "guild_scheduled_events": [], "soundboard_sounds": [], "afk_timeout": 300, "afk_channel_id": None,
        "verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0, "mfa_level": 0,
        "application_id": None, "system_channel_id": None, "system_channel_flags": 0, "rules_channel_id": None,
        "premium_tier": 0, "premium_subscription_count": 0, "nsfw_level": 0, "member_count": 2, "large": False,
        "joined_at": STAMP, "premium_progress_bar_enabled": False, "public_updates_channel_id": None,
        "safety_alerts_channel_id": None, "vanity_url_code": None, "description": None, "banner": None,
        "splash": None, "discovery_splash": None,
    }  # fmt: skip


def message(message_id: int, content: str, author: Json = USER, timestamp: str = STAMP) -> Json:
    return {
        "id": str(message_id), "channel_id": str(CHANNEL), "guild_id": str(HARBOUR), "author": author,
        "member": MEMBER, "content": content, "timestamp": timestamp, "edited_timestamp": None, "tts": False,
        "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
        "pinned": False, "type": 0, "flags": 0, "components": [],
    }  # fmt: skip


def command(name: str) -> Json:
    """Ada's command in the channel."""
    return {
        "id": "41771983423144000", "application_id": str(BOT_USER), "type": 2, "token": "a token", "version": 1,
        "guild_id": str(HARBOUR), "channel_id": str(CHANNEL), "locale": "en-GB", "guild_locale": "en-GB",
        "channel": {"id": str(CHANNEL), "type": 0, "name": "general", "permissions": "8"},
        "member": {**MEMBER, "user": USER, "permissions": "8"}, "app_permissions": "8", "entitlements": [],
        "authorizing_integration_owners": {}, "context": 0, "attachment_size_limit": 10_485_760,
        "data": {"id": "41771983423144001", "name": name, "type": 1},
    }  # fmt: skip
