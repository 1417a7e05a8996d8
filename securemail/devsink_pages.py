"""The pages of the mail sink: plain HTML, no script, nothing of the product's own look."""

import html
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from securemail.devsink import Mail

CSP: Final = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
# Mails carry their styles inline; they get no scripts, no forms and no addresses of their own.
MAIL_CSP: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 48rem; margin: 0 auto; padding: 1rem; }
header, .mails a { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
header { align-items: baseline; justify-content: space-between; }
h1 { font-size: 1.25rem; }
.mails { list-style: none; padding: 0; border-top: 1px solid #8884; }
.mails a { padding: .75rem .25rem; border-bottom: 1px solid #8884; color: inherit; text-decoration: none; }
.mails a:hover { background: #8881; }
.mails .to { flex: 1 1 14rem; font-weight: 600; overflow-wrap: anywhere; }
.mails .subject { flex: 1 1 100%; }
time, .note { opacity: .75; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; }
dt { opacity: .75; }
dd { margin: 0; overflow-wrap: anywhere; }
iframe { width: 100%; height: 40rem; border: 1px solid #8884; background: #fff; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid #8884; }
input { font: inherit; padding: .25rem .5rem; }
"""

_LINK = re.compile(r"https?://[^\s<>\"]+")


def list_page(mails: "list[Mail]", wanted: str) -> str:
    rows = "".join(_row(mail) for mail in mails) or '<li class="note">Nothing here yet.</li>'
    search = (
        '<form><label>To <input name="to" type="search" autocomplete="off" '
        f'value="{html.escape(wanted)}"></label></form>'
    )
    tips = (
        '<p class="note">Mails are kept in memory only, the last 200. Reload for new ones. Addresses that start '
        "with <code>bounce</code> are refused for good, those with <code>later</code> for now.</p>"
    )
    return _page("Mail sink", f'<header><h1>Mail sink</h1>{search}</header>{tips}<ul class="mails">{rows}</ul>')


def _row(mail: "Mail") -> str:
    subject = html.escape(str(mail.message()["Subject"] or "(no subject)"))
    return (
        f'<li><a href="/mail/{mail.number}"><span class="to">{html.escape(", ".join(mail.recipients))}</span>'
        f'{_time(mail)}<span class="subject">{subject}</span></a></li>'
    )


def _time(mail: "Mail") -> str:
    return f'<time datetime="{mail.received.isoformat()}">{mail.received.astimezone():%H:%M:%S}</time>'


def mail_page(mail: "Mail") -> str:
    message = mail.message()
    subject = str(message["Subject"] or "(no subject)")
    fields = {"From": message["From"], "To": message["To"], "Envelope": f"{mail.sender} → {', '.join(mail.recipients)}"}
    listed = "".join(f"<dt>{name}</dt><dd>{html.escape(str(value or ''))}</dd>" for name, value in fields.items())
    parts = [f"<p><a href='/'>All mail</a> · <a href='/mail/{mail.number}/raw'>Source</a></p>"]
    parts.append(f"<h1>{html.escape(subject)}</h1><dl>{listed}<dt>Received</dt><dd>{_time(mail)}</dd></dl>")
    if mail.part("html") is not None:
        address = f"/mail/{mail.number}/html"
        parts.append(f'<h2>HTML part</h2><p><a href="{address}">On its own</a></p>')
        parts.append(f'<iframe src="{address}" title="HTML part"></iframe>')
    text = mail.part("plain")
    if text is not None:
        parts.append(f"<h2>Text part</h2><pre>{_with_links(text)}</pre>")
    return _page(subject, "".join(parts))


def _with_links(text: str) -> str:
    pieces, end = [], 0
    for link in _LINK.finditer(text):
        pieces.append(html.escape(text[end : link.start()]))
        address = html.escape(link.group())
        pieces.append(f'<a href="{address}" rel="noreferrer">{address}</a>')
        end = link.end()
    return "".join([*pieces, html.escape(text[end:])])


def links_in_new_tab(body: str) -> str:
    """The product refuses to be framed: its links must leave the frame that shows the mail."""
    return re.sub("<head[^>]*>", lambda head: f'{head.group()}<base target="_blank">', body, count=1)


def not_found_page() -> str:
    return _page("Not here", "<h1>This mail is not here (any more)</h1><p><a href='/'>All mail</a></p>")


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css"></head>'
        f"<body>{body}</body></html>"
    )
