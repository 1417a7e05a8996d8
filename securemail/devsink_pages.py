"""The pages of the sink: mails in a list, SMS as phones show them. No script, nothing of the product's own look."""

import html
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from securemail.devsink import Mail, Text

CSP: Final = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
# Mails carry their styles inline; they get no scripts, no forms and no addresses of their own.
MAIL_CSP: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 48rem; margin: 0 auto; padding: 1rem; }
body.list { max-width: 72rem; }
header, .mails a { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
header { align-items: baseline; justify-content: space-between; }
h1 { font-size: 1.25rem; }
h2 { font-size: 1rem; margin: 1rem 0 .5rem; }
.columns { display: grid; gap: 0 2.5rem; }
@media (min-width: 56rem) { .columns { grid-template-columns: 1fr 20rem; } .columns .phones { order: 1; } }
.phones ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.25rem; }
.sms header { align-items: baseline; margin-bottom: .25rem; }
.sms .to { font-weight: 600; }
.sms .bubble { margin: 0; padding: .625rem .875rem; border-radius: 1.125rem 1.125rem 1.125rem .25rem; background: #8882;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.sms .code { display: block; margin-top: .375rem; padding-left: .875rem; font: 600 1.5rem/1.3 ui-monospace, monospace;
  letter-spacing: .08em; user-select: all; }
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


def list_page(mails: "list[Mail]", texts: "list[Text]", wanted: str) -> str:
    rows = "".join(_row(mail) for mail in mails) or '<li class="note">Nothing here yet.</li>'
    phones = "".join(_sms(text) for text in texts) or '<li class="note">Nothing here yet.</li>'
    search = (
        '<form><label>To <input name="to" type="search" autocomplete="off" '
        f'value="{html.escape(wanted)}"></label></form>'
    )
    tips = (
        '<p class="note">Kept in memory only, the last 200 of each. Reload for new ones. Addresses that start '
        "with <code>bounce</code> and numbers that end in <code>0000</code> are refused for good, those with "
        "<code>later</code> and <code>0001</code> for now.</p>"
    )
    columns = (
        '<div class="columns">'
        f'<section class="phones" aria-labelledby="sms"><h2 id="sms">SMS</h2><ol>{phones}</ol></section>'
        f'<section aria-labelledby="mail"><h2 id="mail">Mail</h2><ul class="mails">{rows}</ul></section></div>'
    )
    return _page("Mail and SMS sink", f"<header><h1>Mail and SMS sink</h1>{search}</header>{tips}{columns}", "list")


def _row(mail: "Mail") -> str:
    subject = html.escape(str(mail.message()["Subject"] or "(no subject)"))
    return (
        f'<li><a href="/mail/{mail.number}"><span class="to">{html.escape(", ".join(mail.recipients))}</span>'
        f'{_time(mail)}<span class="subject">{subject}</span></a></li>'
    )


def _sms(text: "Text") -> str:
    code = "" if text.code is None else f'<strong class="code">{html.escape(text.code)}</strong>'
    return (
        f'<li class="sms"><header><span class="to">{html.escape(text.to)}</span>{_time(text)}</header>'
        f'<p class="bubble">{html.escape(text.text)}</p>{code}</li>'
    )


def _time(mail: "Mail | Text") -> str:
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


def _page(title: str, body: str, kind: str = "one") -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css"></head>'
        f'<body class="{kind}">{body}</body></html>'
    )
