"""Recipient checks, remembered browsers of guests, help, claims, expiry and reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATES = "'waiting', 'notified', 'bounced', 'opened', 'revoked', 'gone'"
_METHODS = "method IN ('none', 'sms', 'password')"
_HELP = "kind IN ('again', 'number', 'method', 'locked', 'expired')"


def upgrade() -> None:
    with op.batch_alter_table("guest_link") as table:
        table.add_column(sa.Column("parameters", sa.LargeBinary(length=28), nullable=True))
        table.add_column(sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("locked", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("closed", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("successor", sa.LargeBinary(length=16), nullable=True))
        table.add_column(sa.Column("claimed_by", sa.LargeBinary(length=16), nullable=True))
        table.add_column(sa.Column("sealed_hint", sa.LargeBinary(), nullable=True))
        table.alter_column("sealed_dk", existing_type=sa.LargeBinary(), nullable=True)
        table.drop_constraint(op.f("ck_guest_link_ck_guest_link_method"), type_="check")
        table.create_check_constraint(op.f("ck_guest_link_method"), _METHODS)
        table.create_check_constraint(op.f("ck_guest_link_parameters"), "parameters IS NULL OR method = 'password'")
        table.create_foreign_key(op.f("fk_guest_link_claimed_by"), "mailbox", ["claimed_by"], ["id"])
        table.create_foreign_key(op.f("fk_guest_link_successor"), "guest_link", ["successor"], ["id"])
    with op.batch_alter_table("guest_link") as table:
        table.alter_column("tries", existing_type=sa.SmallInteger(), server_default=None)
    op.create_index("ix_guest_link_claimed_by", "guest_link", ["claimed_by"], unique=False)
    with op.batch_alter_table("session_link") as table:
        table.add_column(sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("sealed_code", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("sealed_challenge", sa.LargeBinary(), nullable=True))
        table.alter_column("sealed_dk", existing_type=sa.LargeBinary(), nullable=True)
    with op.batch_alter_table("session_link") as table:
        table.alter_column("tries", existing_type=sa.SmallInteger(), server_default=None)
    op.add_column("message", sa.Column("expires", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("recipient") as table:
        table.add_column(sa.Column("expires", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("remind", sa.DateTime(timezone=True), nullable=True))
        table.drop_constraint(op.f("ck_recipient_state"), type_="check")
        table.create_check_constraint(op.f("ck_recipient_state"), f"state IN ({_STATES}, 'unready', 'expired')")
    _index_where_set("message", "expires")
    _index_where_set("recipient", "expires")
    _index_where_set("recipient", "remind")
    _create_tables()


def _index_where_set(table: str, column: str) -> None:
    some = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"ix_{table}_{column}", table, [column], unique=False, sqlite_where=some, postgresql_where=some)


def _create_tables() -> None:
    op.create_table(
        "guest_device",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("link", sa.LargeBinary(length=16), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_device", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["guest_link.id"], name=op.f("fk_guest_device_link"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["mailbox"], ["mailbox.id"], name=op.f("fk_guest_device_mailbox"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guest_device")),
    )
    for column in ("expires", "link", "mailbox"):
        op.create_index(f"ix_guest_device_{column}", "guest_device", [column], unique=False)
    op.create_table(
        "link_device",
        sa.Column("link", sa.LargeBinary(length=16), nullable=False),
        sa.Column("device", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_dk", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device"], ["guest_device.id"], name=op.f("fk_link_device_device"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["link"], ["guest_link.id"], name=op.f("fk_link_device_link"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("link", "device", name=op.f("pk_link_device")),
    )
    op.create_index("ix_link_device_device", "link_device", ["device"], unique=False)
    op.create_table(
        "help",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("link", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_HELP, name=op.f("ck_help_kind")),
        sa.ForeignKeyConstraint(["link"], ["guest_link.id"], name=op.f("fk_help_link"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help")),
    )
    unanswered = sa.text("answered IS NULL")
    op.create_index("ix_help_open", "help", ["link"], unique=True, sqlite_where=unanswered, postgresql_where=unanswered)


def downgrade() -> None:
    # What the older tables have no place for goes: links with a check, closed and claimed ones, who is not ready.
    for table in ("help", "link_device", "guest_device"):
        op.drop_table(table)
    op.execute("DELETE FROM session_link")
    op.execute("DELETE FROM guest_link WHERE sealed_dk IS NULL OR method <> 'none'")
    op.execute("UPDATE recipient SET state = 'revoked' WHERE state = 'expired'")
    op.execute("UPDATE recipient SET state = 'waiting' WHERE state = 'unready'")
    for table, column in (("recipient", "remind"), ("recipient", "expires"), ("message", "expires")):
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    with op.batch_alter_table("recipient") as table:
        table.drop_constraint(op.f("ck_recipient_state"), type_="check")
        table.create_check_constraint(op.f("ck_recipient_state"), f"state IN ({_STATES})")
        table.drop_column("remind")
        table.drop_column("expires")
    with op.batch_alter_table("message") as table:
        table.drop_column("expires")
    with op.batch_alter_table("session_link") as table:
        table.alter_column("sealed_dk", existing_type=sa.LargeBinary(), nullable=False)
        for column in ("sealed_challenge", "sealed_code", "tries"):
            table.drop_column(column)
    op.drop_index("ix_guest_link_claimed_by", table_name="guest_link")
    with op.batch_alter_table("guest_link") as table:
        table.drop_constraint(op.f("fk_guest_link_successor"), type_="foreignkey")
        table.drop_constraint(op.f("fk_guest_link_claimed_by"), type_="foreignkey")
        table.drop_constraint(op.f("ck_guest_link_parameters"), type_="check")
        table.drop_constraint(op.f("ck_guest_link_method"), type_="check")
        table.create_check_constraint(op.f("ck_guest_link_ck_guest_link_method"), "method IN ('none')")
        table.alter_column("sealed_dk", existing_type=sa.LargeBinary(), nullable=False)
        for column in ("sealed_hint", "claimed_by", "successor", "closed", "locked", "tries", "parameters"):
            table.drop_column(column)
