"""Who may reach what: one table over every page. What is not in it, nobody reaches.

'anyone' needs nothing. 'guest' pages prove the link's code themselves, for the link that their address names.
'arriving' needs a browser on its way in (the page says which step it is for). 'owner' needs a session, also of an
account that must be secured before it reads anything; 'member' one that may; 'administrator' one that opens the
organisation's keys. What somebody may do with a thing that the page names, the verb decides.
"""

from typing import Final, Literal

Who = Literal["anyone", "guest", "arriving", "owner", "member", "administrator"]

PERMISSIONS: Final[dict[str, Who]] = {
    "assets.file": "anyone",
    "health.alive": "anyone",
    "health.ready": "anyone",
    "pwa.manifest": "anyone",
    "pwa.service_worker": "anyone",
    "pwa.offline": "anyone",
    "login.login": "anyone",
    "login.fragment": "anyone",
    "login.logout": "anyone",
    "login_passkey.options": "anyone",
    "login_passkey.finish": "anyone",
    "login_step.show": "arriving",
    "login_step.code": "arriving",
    "login_step.send": "arriving",
    "login_step.cancel": "arriving",
    "login_step.passkey_options": "arriving",
    "login_step.passkey": "arriving",
    "setup.start": "anyone",
    "signup.start": "anyone",
    "signup.activate": "anyone",
    "signup.profile": "anyone",
    "signup.strength": "anyone",
    "signup.invitation": "anyone",
    "signup.saved": "owner",
    "signup.secure": "owner",
    "signup.ready": "member",
    "members.overview": "administrator",
    "invitations.overview": "administrator",
    "invitations.new": "administrator",
    "invitations.send": "administrator",
    "invitations.again": "administrator",
    "invitations.confirm_withdraw": "administrator",
    "invitations.withdraw": "administrator",
    "invitations.correct": "administrator",
    "policy.overview": "administrator",
    "recovery.start": "anyone",
    "recovery.open": "anyone",
    "recovery.code": "anyone",
    "recovery.password": "arriving",
    "fresh_start.lost": "anyone",
    "fresh_start.anew": "anyone",
    "fresh_start.confirm": "anyone",
    "fresh_start.password": "anyone",
    "waits.stop": "anyone",
    "waits.own": "owner",
    "waits.stop_own": "owner",
    "requests.overview": "administrator",
    "requests.allow": "administrator",
    "requests.refuse": "administrator",
    "guest.enter": "anyone",
    "guest.enter_code": "anyone",
    "guest.landing": "anyone",
    "guest.garbled": "anyone",
    "guest.open_code": "anyone",
    "guest.language": "anyone",
    "guest.letter": "guest",
    "guest.open": "guest",
    "guest.reply": "guest",
    "guest.close": "guest",
    "mailbox.start": "anyone",
    "mailbox.inbox": "member",
    "mailbox.sent": "member",
    "mailbox.drafts": "member",
    "mailbox.more": "member",
    "mailbox.news": "member",
    "conversation.show": "member",
    "conversation.open": "member",
    "conversation.reply": "member",
    "conversation.receipts": "member",
    "conversation.confirm_revoke": "member",
    "conversation.revoke": "member",
    "conversation.choose_access": "member",
    "conversation.revoke_access": "member",
    "conversation.resend": "member",
    "compose.new": "member",
    "compose.edit": "member",
    "compose.send": "member",
    "compose.save": "member",
    "compose.discard": "member",
    "compose.chip": "member",
    "compose.suggest": "member",
    "settings.overview": "owner",
    "profile.overview": "owner",
    "profile.name": "owner",
    "profile.upload": "owner",
    "profile.remove_photo": "owner",
    "profile.photo": "owner",
    "profile.zone": "owner",
    "profile.language": "owner",
}

PASSIVE: Final = frozenset({"mailbox.news"})
"""What a page asks by itself: it keeps no session alive."""


def needed(endpoint: str) -> Who | None:
    """Who may reach an endpoint; None when the table does not know it."""
    return PERMISSIONS.get(endpoint)
