"""The first tables: accounts, mailboxes, messages, guests, delivery, organisations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("rk_epoch", sa.Integer(), nullable=False),
        sa.Column("vault_revision", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_entry", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_vault", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("state IN ('active')", name="ck_account_state"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
    )
    op.create_table(
        "attempt",
        sa.Column("tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("window_ends", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tag", name="pk_attempt"),
    )
    op.create_index("ix_attempt_window_ends", "attempt", ["window_ends"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversation"),
    )
    op.create_table(
        "mailbox",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mk_epoch", sa.Integer(), nullable=False),
        sa.Column("sealed_holders", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('personal', 'organisation')", name="ck_mailbox_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_mailbox"),
    )
    op.create_index("ix_mailbox_owner", "mailbox", ["owner"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organisation"),
    )
    op.create_table(
        "pending",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("address_tag", sa.LargeBinary(length=32), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind IN ('set-up', 'sign-up')", name="ck_pending_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_pending"),
        sa.UniqueConstraint("token_hash", name="uq_pending_token_hash"),
    )
    op.create_index("ix_pending_address_tag", "pending", ["address_tag"], unique=False)
    op.create_index("ix_pending_expires", "pending", ["expires"], unique=False)
    op.create_table(
        "principal_key",
        sa.Column("principal", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("kind IN ('account', 'mailbox', 'link')", name="ck_principal_key_kind"),
        sa.PrimaryKeyConstraint("principal", "epoch", name="pk_principal_key"),
    )
    op.create_table(
        "worker_key",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker_key"),
    )
    op.create_table(
        "address",
        sa.Column("address_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name="fk_address_mailbox"),
        sa.PrimaryKeyConstraint("address_tag", name="pk_address"),
    )
    op.create_index("ix_address_mailbox", "address", ["mailbox"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("organisation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_detail", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name="fk_audit_organisation"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_organisation_at", "audit", ["organisation", "at"], unique=False)
    op.create_table(
        "contact",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sealed_contact", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name="fk_contact_mailbox"),
        sa.PrimaryKeyConstraint("id", name="pk_contact"),
    )
    op.create_index("ix_contact_mailbox", "contact", ["mailbox"], unique=False)
    op.create_table(
        "draft",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_draft", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name="fk_draft_mailbox"),
        sa.PrimaryKeyConstraint("id", name="pk_draft"),
    )
    op.create_index("ix_draft_list", "draft", ["mailbox", "changed", "id"], unique=False)
    op.create_table(
        "guest_link",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("maker", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("link_ref", sa.LargeBinary(length=16), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_dk", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_guest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_maker", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("method IN ('none')", name="ck_guest_link_method"),
        sa.ForeignKeyConstraint(["conversation"], ["conversation.id"], name="fk_guest_link_conversation"),
        sa.ForeignKeyConstraint(["maker"], ["mailbox.id"], name="fk_guest_link_maker"),
        sa.PrimaryKeyConstraint("id", name="pk_guest_link"),
        sa.UniqueConstraint("link_ref", name="uq_guest_link_link_ref"),
    )
    op.create_index("ix_guest_link_conversation", "guest_link", ["conversation"], unique=False)
    op.create_table(
        "mail_grant",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("grantee", sa.LargeBinary(length=16), nullable=False),
        sa.Column("rights", sa.String(length=32), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_mk", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("rights IN ('owner', 'administrator')", name="ck_mail_grant_rights"),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name="fk_mail_grant_mailbox"),
        sa.PrimaryKeyConstraint("id", name="pk_mail_grant"),
    )
    op.create_index("ix_mail_grant_grantee", "mail_grant", ["grantee"], unique=False)
    op.create_table(
        "member",
        sa.Column("organisation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("account", sa.LargeBinary(length=16), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.CheckConstraint("role IN ('administrator', 'member')", name="ck_member_role"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_member_account", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name="fk_member_organisation"),
        sa.PrimaryKeyConstraint("organisation", "account", name="pk_member"),
    )
    op.create_index("ix_member_account", "member", ["account"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sender", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sender_kind", sa.String(length=32), nullable=False),
        sa.Column("account", sa.LargeBinary(length=16), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idempotency_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=64), nullable=False),
        sa.Column("sealed_head", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("sender_kind IN ('mailbox', 'link')", name="ck_message_sender_kind"),
        sa.CheckConstraint("state IN ('sent', 'revoked')", name="ck_message_state"),
        sa.ForeignKeyConstraint(["conversation"], ["conversation.id"], name="fk_message_conversation"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.UniqueConstraint("sender", "idempotency_key", name="uq_message_sender_idempotency_key"),
    )
    op.create_index("ix_message_conversation", "message", ["conversation", "sent_at"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", sa.LargeBinary(length=16), nullable=True),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remember", sa.Boolean(), nullable=False),
        sa.Column("sealed_rk", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(account IS NULL) = (sealed_rk IS NULL)", name="ck_session_holder"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_session_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
    )
    op.create_index("ix_session_account", "session", ["account"], unique=False)
    op.create_index("ix_session_expires", "session", ["expires"], unique=False)
    op.create_table(
        "thread",
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("newest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversation.id"], name="fk_thread_conversation"),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name="fk_thread_mailbox"),
        sa.PrimaryKeyConstraint("mailbox", "conversation", name="pk_thread"),
    )
    op.create_index("ix_thread_changed", "thread", ["mailbox", "changed"], unique=False)
    op.create_index("ix_thread_list", "thread", ["mailbox", "newest_at", "conversation"], unique=False)
    op.create_index("ix_thread_unread", "thread", ["mailbox", "unread"], unique=False)
    op.create_table(
        "unlocker",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("account", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("parameters", sa.LargeBinary(length=28), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_rk", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("(kind = 'password') = (parameters IS NOT NULL)", name="ck_unlocker_parameters"),
        sa.CheckConstraint("kind IN ('password', 'recovery')", name="ck_unlocker_kind"),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_unlocker_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_unlocker"),
    )
    op.create_index("ix_unlocker_account", "unlocker", ["account"], unique=False)
    op.create_table(
        "envelope",
        sa.Column("message", sa.LargeBinary(length=16), nullable=False),
        sa.Column("principal", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_cek", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_envelope_message"),
        sa.PrimaryKeyConstraint("message", "principal", name="pk_envelope"),
    )
    op.create_index(
        "ix_envelope_waiting",
        "envelope",
        ["principal"],
        unique=False,
        sqlite_where=sa.text("sealed_cek IS NOT NULL"),
        postgresql_where=sa.text("sealed_cek IS NOT NULL"),
    )
    op.create_table(
        "item",
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("message", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(length=32), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_cek", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("folder IN ('received', 'sent')", name="ck_item_folder"),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name="fk_item_mailbox"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_item_message"),
        sa.PrimaryKeyConstraint("mailbox", "message", name="pk_item"),
    )
    op.create_index("ix_item_folder", "item", ["mailbox", "folder", "sent_at", "message"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("message", sa.LargeBinary(length=16), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("claimed_by", sa.LargeBinary(length=16), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_payload", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed', 'cancelled')", name="ck_outbox_state"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_outbox_message"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_due", "outbox", ["state", "due"], unique=False)
    op.create_index("ix_outbox_message", "outbox", ["message"], unique=False)
    op.create_table(
        "recipient",
        sa.Column("message", sa.LargeBinary(length=16), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("principal", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('mailbox', 'link')", name="ck_recipient_kind"),
        sa.CheckConstraint(
            "state IN ('waiting', 'notified', 'bounced', 'opened', 'revoked')", name="ck_recipient_state"
        ),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_recipient_message"),
        sa.PrimaryKeyConstraint("message", "place", name="pk_recipient"),
        sa.UniqueConstraint("message", "principal", name="uq_recipient_message_principal"),
    )
    op.create_table(
        "session_link",
        sa.Column("session", sa.LargeBinary(length=32), nullable=False),
        sa.Column("link", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("sealed_dk", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["guest_link.id"], name="fk_session_link_link", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name="fk_session_link_session", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session", "link", name="pk_session_link"),
    )
    op.create_table(
        "outbox_lock",
        sa.Column("outbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("holder", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["outbox"], ["outbox.id"], name="fk_outbox_lock_outbox", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("outbox", "holder", name="pk_outbox_lock"),
    )
    op.create_index("ix_outbox_lock_holder", "outbox_lock", ["holder"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_outbox_lock_holder", table_name="outbox_lock")
    op.drop_table("outbox_lock")
    op.drop_table("session_link")
    op.drop_table("recipient")
    op.drop_index("ix_outbox_message", table_name="outbox")
    op.drop_index("ix_outbox_due", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("ix_item_folder", table_name="item")
    op.drop_table("item")
    op.drop_index(
        "ix_envelope_waiting",
        table_name="envelope",
        sqlite_where=sa.text("sealed_cek IS NOT NULL"),
        postgresql_where=sa.text("sealed_cek IS NOT NULL"),
    )
    op.drop_table("envelope")
    op.drop_index("ix_unlocker_account", table_name="unlocker")
    op.drop_table("unlocker")
    op.drop_index("ix_thread_unread", table_name="thread")
    op.drop_index("ix_thread_list", table_name="thread")
    op.drop_index("ix_thread_changed", table_name="thread")
    op.drop_table("thread")
    op.drop_index("ix_session_expires", table_name="session")
    op.drop_index("ix_session_account", table_name="session")
    op.drop_table("session")
    op.drop_index("ix_message_conversation", table_name="message")
    op.drop_table("message")
    op.drop_index("ix_member_account", table_name="member")
    op.drop_table("member")
    op.drop_index("ix_mail_grant_grantee", table_name="mail_grant")
    op.drop_table("mail_grant")
    op.drop_index("ix_guest_link_conversation", table_name="guest_link")
    op.drop_table("guest_link")
    op.drop_index("ix_draft_list", table_name="draft")
    op.drop_table("draft")
    op.drop_index("ix_contact_mailbox", table_name="contact")
    op.drop_table("contact")
    op.drop_index("ix_audit_organisation_at", table_name="audit")
    op.drop_table("audit")
    op.drop_index("ix_address_mailbox", table_name="address")
    op.drop_table("address")
    op.drop_table("worker_key")
    op.drop_table("principal_key")
    op.drop_index("ix_pending_expires", table_name="pending")
    op.drop_index("ix_pending_address_tag", table_name="pending")
    op.drop_table("pending")
    op.drop_table("organisation")
    op.drop_index("ix_mailbox_owner", table_name="mailbox")
    op.drop_table("mailbox")
    op.drop_table("conversation")
    op.drop_index("ix_attempt_window_ends", table_name="attempt")
    op.drop_table("attempt")
    op.drop_table("account")
