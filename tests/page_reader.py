"""A plain reader of the report, on Python's own HTML parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


@dataclass(eq=False)
class Element:
    """An element of the page.

    Attributes:
        tag: its name.
        attributes: its attributes.
        parent: what it stands in.
        content: its elements and texts, in order.
    """

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    content: list[Element | str] = field(default_factory=list)

    @property
    def elements(self) -> list[Element]:
        """All elements in it, itself first."""
        found: list[Element] = [self]
        for each in self.content:
            if isinstance(each, Element):
                found.extend(each.elements)
        return found

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(each if isinstance(each, str) else each.text for each in self.content)

    def all(self, tag: str) -> list[Element]:
        """All elements of a name in it."""
        return [each for each in self.elements if each.tag == tag]

    def inherited(self, name: str) -> str | None:
        """An attribute of it or of what it stands in."""
        if name in self.attributes:
            return self.attributes[name]
        return None if self.parent is None else self.parent.inherited(name)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.content.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.here.content.append(Element(tag, {name: value or "" for name, value in attrs}, self.here))

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.content.append(data)


def read(text: str) -> Element:
    """The page as a tree; every element must be closed where it should be."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is not closed"
    return reader.root
