"""Every label that separates one use of a key from all others, each used at exactly one call site."""

from enum import StrEnum


class Label(StrEnum):
    """The first part of a context. A label is never reused, renamed or given to a second purpose."""

    # Locks that are openable by whoever holds the key named in the comment.
    UNLOCK_RK = "unlock/rk"  # an unlocker's key pair
    SESSION_RK = "session/rk"  # the session cookie
    SESSION_DK = "session/dk"  # the guest's session cookie
    SESSION_CHALLENGE = "session/challenge"  # the session cookie: what this browser was asked for
    SESSION_DEVICE = "session/device"  # the account's notes key
    ACCOUNT_VAULT = "account/vault"  # the account's root key, also the derivation of its vault key
    GRANT_MK = "grant/mk"  # the identity key of the holder
    CHAIN_MK = "chain/mk"  # the chain key of the epoch after
    ENVELOPE_CEK = "env/cek"  # the receiver's mail key pair
    ITEM_CEK = "item/cek"  # the mailbox's items key
    MSG_HEAD = "msg/head"  # the message's content key, also the derivation
    MSG_BODY = "msg/body"
    DRAFT = "draft"
    CONTACT = "contact"
    LINK_DK = "link/dk"
    LINK_DEVICE = "link/device"  # the key pair of a guest's remembered browser
    SESSION_CODE = "session/code"  # the guest's session cookie, as the next
    SESSION_LINK_CHALLENGE = "session/link"
    DEVICE_NOTE = "device/note"  # the secret of a remembered browser
    LINK_GUEST = "link/guest"
    LINK_HINT = "link/hint"  # the code of a link with an agreed password
    LINK_MAKER = "link/maker"
    DIRECTORY_ENTRY = "directory/entry"
    DIRECTORY_ADDRESS = "directory/address"
    DIRECTORY_PHOTO = "directory/photo"
    PENDING = "pending"
    PENDING_ORGANISATION = "pending/org"  # the organisation's mail key pair, as the next
    MEMBER_REFERENCE = "member/reference"
    OUTBOX = "outbox"
    OUTBOX_KEY = "outbox/key"
    AUDIT = "audit"

    # Derivations.
    UNLOCK_PASSWORD = "unlock/pw"  # noqa: S105 - the name of a purpose, not a password
    UNLOCK_RECOVERY = "unlock/recovery"
    UNLOCK_PRF = "unlock/prf"
    PRF = "prf"  # what every passkey is asked for
    SESSION_ID = "session/id"
    SESSION_KEK = "session/kek"
    SESSION_CSRF = "session/csrf"
    DEVICE_ID = "device/id"
    ACCOUNT_IDENTITY = "account/identity"
    ACCOUNT_NOTES = "account/notes"
    BACKUP_CODE = "backup/code"  # how the vault names a backup code
    MAIL_KEM = "mail/kem"
    MAIL_ITEMS = "mail/items"
    MAIL_DRAFTS = "mail/drafts"
    MAIL_CONTACTS = "mail/contacts"
    MAIL_LINKS = "mail/links"
    MAIL_CHAIN = "mail/chain"
    MAIL_HOLDERS = "mail/holders"  # both the derivation and the lock of a holder list
    LINK_KEY = "link/key"
    LINK_KEY_PASSWORD = "link/key-pw"  # noqa: S105 - the name of a purpose
    REMEMBER_ID = "remember/id"
    REMEMBER_KEM = "remember/kem"
    REMEMBER_NOTE = "remember/note"
    LINK_REF = "link/ref"
    LINK_HINT_KEY = "link/hint-key"
    LINK_FACTS = "link/facts"  # derivation of the key that locks a guest's own details
    PENDING_KEY = "pending/key"
    CONFIG_PEPPER = "config/pepper"
    CONFIG_MAC = "config/mac"
    CONFIG_DIRECTORY = "config/directory"
    CONFIG_ADDRESS = "config/address"
    CONFIG_LIMITER = "config/limiter"

    # Message authentication and lookup tags.
    MAC_PUBLIC_KEY = "mac/pk"
    MAC_MESSAGE = "mac/message"
    MAC_OUTBOX = "mac/outbox"
    MAC_ORGANISATION = "mac/organisation"
    MAC_LINK = "mac/link"
    MAC_DEVICE = "mac/device"
    MAC_PENDING = "mac/pending"
    MAC_BOUNCE = "mac/bounce"
    TAG_ADDRESS = "address"
    TAG_ATTEMPT = "attempt"
