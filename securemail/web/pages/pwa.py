"""What makes the product installable: manifest, service worker, and the page that is shown without a network."""

import hashlib
from typing import Any

from flask import Blueprint, Response, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

pages = Blueprint("pwa", __name__)
_SHELL = ("app.css", "app.js", "guest.js", "icons/sprite.svg", "icons/favicon.svg")


@pages.get("/manifest.webmanifest")
def manifest() -> ResponseReturnValue:
    """The installed product, under the organisation's name."""
    return Response(render_template("pwa/manifest.webmanifest"), mimetype="application/manifest+json")


@pages.get("/sw.js")
def service_worker() -> ResponseReturnValue:
    """It keeps static files and the offline page, and never a letter. Asked anew each time: its list changes."""
    asset: Any = current_app.jinja_env.globals["asset"]
    shell = [asset(name) for name in _SHELL]
    version = hashlib.sha256("\n".join(shell).encode()).hexdigest()[:16]
    script = render_template("pwa/sw.js", version=version, shell=shell, offline=url_for("pwa.offline"))
    response = Response(script, mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Service-Worker-Allowed"] = "/"
    return response


@pages.get("/offline")
def offline() -> ResponseReturnValue:
    """The same for everybody."""
    return render_template("pwa/offline.html")
