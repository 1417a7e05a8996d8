"""Passkeys, second steps, recovery, invitations, policy, rotation: what accounts and organisations need for it."""

import sqlalchemy as sa
from alembic import op

# The first tables got their names of checks doubled ("ck_account_ck_account_state"): the naming convention was
# applied to names that had it already.
revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PENDING_BEFORE = "kind IN ('set-up', 'sign-up')"
_PENDING = (
    "kind IN ('set-up', 'sign-up', 'invitation', 'address-old', 'address-new', 'recovery', 'recovery-wait',"
    " 'fresh-start', 'fresh-start-wait', 'fresh-start-ready')"
)
_STATES = "'waiting', 'notified', 'bounced', 'opened', 'revoked'"
_CREDENTIAL = (
    "(kind = 'passkey') = (credential_id IS NOT NULL) AND (kind = 'passkey') = (credential_key IS NOT NULL)"
    " AND (kind = 'passkey') = (sign_count IS NOT NULL)"
)
_LOCK = "(public_key IS NULL) = (sealed_rk IS NULL) AND (kind = 'passkey' OR public_key IS NOT NULL)"


def upgrade() -> None:
    # Tokens on their way are asked for again: their rows have to be authenticated from now on.
    op.execute("DELETE FROM pending")
    with op.batch_alter_table("account") as table:
        table.add_column(sa.Column("photo", sa.LargeBinary(length=16), nullable=True))
        table.add_column(sa.Column("sealed_photo", sa.LargeBinary(), nullable=True))
        table.alter_column("sealed_vault", existing_type=sa.LargeBinary(), nullable=True)
        table.drop_constraint(op.f("ck_account_ck_account_state"), type_="check")
        table.create_check_constraint(op.f("ck_account_state"), "state IN ('active', 'closed')")
        table.create_check_constraint(op.f("ck_account_vault"), "(state = 'closed') = (sealed_vault IS NULL)")
        table.create_check_constraint(op.f("ck_account_photo"), "(photo IS NULL) = (sealed_photo IS NULL)")
        table.create_unique_constraint(op.f("uq_account_photo"), ["photo"])
    with op.batch_alter_table("unlocker") as table:
        table.add_column(sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=True))
        table.add_column(sa.Column("credential_key", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("sign_count", sa.BigInteger(), nullable=True))
        table.alter_column("public_key", existing_type=sa.LargeBinary(), nullable=True)
        table.alter_column("sealed_rk", existing_type=sa.LargeBinary(), nullable=True)
        table.drop_constraint(op.f("ck_unlocker_ck_unlocker_kind"), type_="check")
        table.create_check_constraint(op.f("ck_unlocker_kind"), "kind IN ('password', 'recovery', 'passkey')")
        table.create_check_constraint(op.f("ck_unlocker_credential"), _CREDENTIAL)
        table.create_check_constraint(op.f("ck_unlocker_lock"), _LOCK)
        table.create_unique_constraint(op.f("uq_unlocker_credential_id"), ["credential_id"])
    with op.batch_alter_table("session") as table:
        table.add_column(sa.Column("proved", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("sealed_challenge", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("sealed_device", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("session") as table:
        table.alter_column("tries", existing_type=sa.SmallInteger(), server_default=None)
    with op.batch_alter_table("pending") as table:
        table.add_column(sa.Column("organisation", sa.LargeBinary(length=16), nullable=True))
        table.add_column(sa.Column("account", sa.LargeBinary(length=16), nullable=True))
        table.add_column(sa.Column("state", sa.String(length=32), nullable=False))
        table.add_column(sa.Column("ready", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("mac", sa.LargeBinary(length=32), nullable=False))
        table.add_column(sa.Column("sealed_for_organisation", sa.LargeBinary(), nullable=True))
        table.drop_constraint(op.f("ck_pending_ck_pending_kind"), type_="check")
        table.create_check_constraint(op.f("ck_pending_kind"), _PENDING)
        table.create_check_constraint(
            op.f("ck_pending_state"), "state IN ('open', 'confirmed', 'consented', 'ready', 'withdrawn', 'joined')"
        )
        table.create_foreign_key(op.f("fk_pending_organisation"), "organisation", ["organisation"], ["id"])
        table.create_foreign_key(op.f("fk_pending_account"), "account", ["account"], ["id"], ondelete="CASCADE")
    op.create_index("ix_pending_organisation", "pending", ["organisation"], unique=False)
    op.create_index("ix_pending_account", "pending", ["account"], unique=False)
    with op.batch_alter_table("organisation") as table:
        table.add_column(sa.Column("policy", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("organisation") as table:
        table.alter_column("policy", existing_type=sa.Text(), server_default=None)
    with op.batch_alter_table("member") as table:
        table.add_column(sa.Column("sealed_reference", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("mailbox") as table:
        table.add_column(sa.Column("rotation_due", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("started_anew", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("closed", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("mailbox") as table:
        table.alter_column("rotation_due", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("item") as table:
        table.drop_constraint(op.f("ck_item_ck_item_folder"), type_="check")
        table.create_check_constraint(op.f("ck_item_folder"), "folder IN ('received', 'sent', 'locked')")
    with op.batch_alter_table("recipient") as table:
        table.drop_constraint(op.f("ck_recipient_ck_recipient_state"), type_="check")
        table.create_check_constraint(op.f("ck_recipient_state"), f"state IN ({_STATES}, 'gone')")
    op.create_index("ix_item_epoch", "item", ["mailbox", "epoch"], unique=False)
    op.create_index("ix_guest_link_epoch", "guest_link", ["maker", "epoch"], unique=False)
    op.create_table(
        "mail_chain",
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sealed_prev", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name="fk_mail_chain_mailbox", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("mailbox", "epoch", name="pk_mail_chain"),
    )


def downgrade() -> None:
    # What the older tables have no place for goes: closed accounts, passkeys, mail that is locked for good.
    op.execute("DELETE FROM pending")
    op.execute("DELETE FROM unlocker WHERE kind = 'passkey'")
    op.execute("DELETE FROM item WHERE folder = 'locked'")
    op.execute("UPDATE recipient SET state = 'bounced' WHERE state = 'gone'")
    op.drop_table("mail_chain")
    op.drop_index("ix_guest_link_epoch", table_name="guest_link")
    op.drop_index("ix_item_epoch", table_name="item")
    with op.batch_alter_table("recipient") as table:
        table.drop_constraint(op.f("ck_recipient_state"), type_="check")
        table.create_check_constraint(op.f("ck_recipient_ck_recipient_state"), f"state IN ({_STATES})")
    with op.batch_alter_table("item") as table:
        table.drop_constraint(op.f("ck_item_folder"), type_="check")
        table.create_check_constraint(op.f("ck_item_ck_item_folder"), "folder IN ('received', 'sent')")
    with op.batch_alter_table("mailbox") as table:
        table.drop_column("closed")
        table.drop_column("started_anew")
        table.drop_column("rotation_due")
    with op.batch_alter_table("member") as table:
        table.drop_column("sealed_reference")
    with op.batch_alter_table("organisation") as table:
        table.drop_column("policy")
    op.drop_index("ix_pending_account", table_name="pending")
    op.drop_index("ix_pending_organisation", table_name="pending")
    with op.batch_alter_table("pending") as table:
        table.drop_constraint(op.f("fk_pending_account"), type_="foreignkey")
        table.drop_constraint(op.f("fk_pending_organisation"), type_="foreignkey")
        table.drop_constraint(op.f("ck_pending_state"), type_="check")
        table.drop_constraint(op.f("ck_pending_kind"), type_="check")
        table.create_check_constraint(op.f("ck_pending_ck_pending_kind"), _PENDING_BEFORE)
        for column in ("sealed_for_organisation", "mac", "ready", "state", "account", "organisation"):
            table.drop_column(column)
    with op.batch_alter_table("session") as table:
        for column in ("sealed_device", "sealed_challenge", "tries", "proved"):
            table.drop_column(column)
    with op.batch_alter_table("unlocker") as table:
        table.drop_constraint(op.f("uq_unlocker_credential_id"), type_="unique")
        table.drop_constraint(op.f("ck_unlocker_lock"), type_="check")
        table.drop_constraint(op.f("ck_unlocker_credential"), type_="check")
        table.drop_constraint(op.f("ck_unlocker_kind"), type_="check")
        table.create_check_constraint(op.f("ck_unlocker_ck_unlocker_kind"), "kind IN ('password', 'recovery')")
        table.alter_column("sealed_rk", existing_type=sa.LargeBinary(), nullable=False)
        table.alter_column("public_key", existing_type=sa.LargeBinary(), nullable=False)
        for column in ("sign_count", "credential_key", "credential_id"):
            table.drop_column(column)
    with op.batch_alter_table("account") as table:
        table.drop_constraint(op.f("uq_account_photo"), type_="unique")
        table.drop_constraint(op.f("ck_account_photo"), type_="check")
        table.drop_constraint(op.f("ck_account_vault"), type_="check")
        table.drop_constraint(op.f("ck_account_state"), type_="check")
        table.create_check_constraint(op.f("ck_account_ck_account_state"), "state IN ('active')")
        table.alter_column("sealed_vault", existing_type=sa.LargeBinary(), nullable=False)
        table.drop_column("sealed_photo")
        table.drop_column("photo")
