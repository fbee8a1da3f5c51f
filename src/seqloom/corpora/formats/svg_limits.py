"""Refuse SVG files that take too long to read, before the reader expands them.

A short file can describe endless work: an element `use` stands for another element, which may hold further ones.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from seqloom.corpora.encodings import Refused

__all__ = ["check_svg"]

_MAX_NUMBERS = 100_000
"""Largest number of coordinates and elements, all references expanded."""

_MAX_DEPTH = 200
_NUMBER = re.compile(r"\d+")
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")


def check_svg(content: bytes, name: str) -> None:
    """Check that a file is an SVG of a reasonable size. It must not declare a document type.

    Args:
        content: bytes of the file.
        name: name of the file in messages.

    Raises:
        Refused: the file is no SVG, is too deeply nested, refers to itself, or describes too much.
    """
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Refused("damaged SVG file", f"{name} cannot be read as SVG ({error}): save it again") from None
    if root.tag.rpartition("}")[2] != "svg":
        raise Refused("file without SVG", f"{name} is no SVG file: its first element is {root.tag[:100]!r}")
    elements, children = _in_order(root, name)
    by_id = {element.get("id"): element for element in elements if element.get("id")}
    sizes: dict[ElementTree.Element, int] = {}
    open_elements: set[ElementTree.Element] = set()

    def size(element: ElementTree.Element, depth: int = 0) -> int:
        if element in open_elements or depth > _MAX_DEPTH:
            raise Refused("SVG file with endless references", f"{name} refers to itself, or is too deeply nested")
        if element not in sizes:
            open_elements.add(element)
            parts = [*children[element], *_targets(element, by_id)]
            sizes[element] = _own_size(element) + sum(size(part, depth + 1) for part in parts)
            open_elements.remove(element)
        return sizes[element]

    if size(root) > _MAX_NUMBERS:
        raise Refused(
            "SVG file of too many points",
            f"{name} has more than {_MAX_NUMBERS:,} coordinates and elements: simplify it",
        )


def _in_order(
    root: ElementTree.Element, name: str
) -> tuple[list[ElementTree.Element], dict[ElementTree.Element, list[ElementTree.Element]]]:
    """Return all elements, and the children of each."""
    children: dict[ElementTree.Element, list[ElementTree.Element]] = {}
    pending = [(root, 0)]
    while pending:
        element, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise Refused("SVG file that is too deep", f"{name} has more than {_MAX_DEPTH} elements within each other")
        children[element] = list(element)
        pending += [(child, depth + 1) for child in children[element]]
    return list(children), children


def _targets(
    element: ElementTree.Element, by_id: dict[str | None, ElementTree.Element]
) -> Iterator[ElementTree.Element]:
    """Yield the element that a `use` stands for."""
    if element.tag.rpartition("}")[2] == "use":
        for attribute in _HREFS:
            target = by_id.get(element.get(attribute, "").removeprefix("#"))
            if target is not None:
                yield target


def _own_size(element: ElementTree.Element) -> int:
    """Return 1 and the number of coordinates in the attributes of an element."""
    return 1 + sum(len(_NUMBER.findall(element.get(attribute, ""))) for attribute in ("d", "points", "transform"))
