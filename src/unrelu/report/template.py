"""The page as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.errors import MissingExtra

if TYPE_CHECKING:
    from unrelu.report.answers_page import AnswersPage
    from unrelu.report.metamers_page import MetamersPage
    from unrelu.report.page import Page


def render(page: Page | AnswersPage | MetamersPage, template: str = "report.html.j2") -> str:
    """The page as one HTML document that asks nothing of any other place.

    All text is escaped; the drawings, which matplotlib wrote, are put in as they are.

    Args:
        page: what to show.
        template: name of the file in the folder `templates`.

    Raises:
        MissingExtra: if jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtra('a report needs jinja2; install it with: pip install "unrelu[report]"') from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("unrelu.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(page=page)
