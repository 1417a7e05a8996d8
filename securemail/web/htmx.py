"""One template, whole or one of its blocks: who asks through htmx gets the part that will be swapped."""

from typing import Any

from flask import Response, after_this_request, current_app, render_template, request


def is_htmx() -> bool:
    """Whether htmx asks; on going back it asks for a whole page again."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def is_partial() -> bool:
    """Whether a part of a page will do."""
    return is_htmx() and request.headers.get("HX-Request-Type") != "full"


def render(template: str, block: str | None = None, **context: Any) -> str:
    """The block alone when htmx asks, else the whole page."""
    after_this_request(_vary)
    if block is None or not is_partial():
        return render_template(template, **context)
    return render_block(template, block, **context)


def render_block(name: str, block: str, **context: Any) -> str:
    """One block of a template, with the imports that stand at the template's top."""
    template = current_app.jinja_env.get_template(name)
    current_app.update_template_context(context)
    values = template.new_context(context)
    # Blocks see what the top of the template imports, but only once that has run: as far as its first words.
    top = template.root_render_func(values)
    next(iter(top), None)
    return "".join(template.blocks[block](values))


def _vary(response: Response) -> Response:
    response.vary.add("HX-Request")
    return response
