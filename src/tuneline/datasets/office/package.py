"""The zip archives that XLSX, DOCX and ODS files are: parts that refer to others."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from lxml import etree

# No entity is resolved and nothing is fetched, whatever a file asks for.
SAFE: Any = {"resolve_entities": False, "no_network": True, "load_dtd": False}
PARSER_OPTIONS: Any = {**SAFE, "remove_comments": True, "remove_pis": True}


@dataclass(frozen=True)
class Relation:
    """A part that another one refers to.

    Attributes:
        kind: the last word of its type, such as `worksheet`.
        target: its name in the archive; of something outside, the address.
    """

    kind: str
    target: str


class Package:
    """An office file.

    Args:
        content: its bytes.

    Raises:
        BadZipFile: if it is no zip archive.
    """

    def __init__(self, content: bytes) -> None:
        self._zip = ZipFile(BytesIO(content))
        self.names = set(self._zip.namelist())

    def parse(self, name: str) -> etree._Element | None:
        """Parse a part; None if there is none of that name."""
        if name not in self.names:
            return None
        return etree.fromstring(self._zip.read(name), etree.XMLParser(**PARSER_OPTIONS))

    def iterate(self, name: str, *tags: str) -> Iterator[etree._Element]:
        """Hand out the elements of a large part one by one; each is forgotten after its turn."""
        with self._zip.open(name) as file:
            wanted = [f"{{*}}{tag}" for tag in tags]
            for _, element in etree.iterparse(file, tag=wanted, **PARSER_OPTIONS):
                yield element
                element.clear(keep_tail=True)

    def find_main(self) -> str:
        """Name the part that holds the document or the workbook; empty if there is none."""
        relations = self.list_relations("").values()
        return next((one.target for one in relations if one.kind == "officeDocument"), "")

    def list_relations(self, name: str) -> dict[str, Relation]:
        """List what a part refers to, by its name there; of the archive, for an empty name."""
        folder, base = posixpath.split(name)
        root = self.parse(posixpath.join(folder, "_rels", f"{base}.rels"))
        if root is None:
            return {}
        return {
            str(one.get("Id")): Relation(
                kind=str(one.get("Type")).rpartition("/")[2],
                target=_resolve(folder, str(one.get("Target")), one.get("TargetMode")),
            )
            for one in root
        }

    def find_related(self, name: str, kind: str) -> etree._Element | None:
        """Parse the first part of a kind that another one refers to; None if there is none."""
        relations = self.list_relations(name).values()
        target = next((one.target for one in relations if one.kind == kind), "")
        return self.parse(target)


def name_of(element: etree._Element) -> str:
    """Give an element's name without its namespace: old, new and strict files differ in these."""
    return str(element.tag).rpartition("}")[2]


def get(element: etree._Element, name: str) -> str | None:
    """Give an attribute by its name without its namespace."""
    for key, value in element.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return None


def _resolve(folder: str, target: str, mode: str | None) -> str:
    if mode == "External":
        return target
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
