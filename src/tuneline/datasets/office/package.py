"""The zip archives that XLSX, DOCX and ODS files are: parts that refer to others."""

import posixpath
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from lxml import etree

from tuneline.datasets.unpacking import BoundedReader
from tuneline.utils.limits import Limits, MemoryBudget

# A compound file holds a stream of this name if its content is encrypted.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# That of an OpenDocument file says which of its parts are encrypted.
MANIFEST = "META-INF/manifest.xml"
MANIFEST_BYTES = 1 << 20

# No entity is resolved and nothing is fetched, whatever a file asks for.
SAFE: Any = {"resolve_entities": False, "no_network": True, "load_dtd": False}
# Of an element or an attribute, and of the text after it, in libxml2.
NODE_BYTES = 125
PIECE_BYTES = 1 << 18
DOCTYPE = b"<!DOCTYPE"
PARSER_OPTIONS: Any = {**SAFE, "remove_comments": True, "remove_pis": True}


@dataclass(frozen=True)
class Relation:
    """A part that another one refers to, by its name in the archive, or an address outside.

    Its kind is the last word of its type, such as `worksheet`.
    """

    kind: str
    target: str


class Package:
    """The parts of an office file.

    Raises:
        BadZipFile: if it is no zip archive.
    """

    def __init__(self, content: bytes, limits: Limits) -> None:
        self.budget = MemoryBudget(limits)
        self._zip = ZipFile(BoundedReader(BytesIO(content)))
        self.names = set(self._zip.namelist())

    def parse(self, name: str) -> etree._Element | None:
        """Parse a part; None if there is none of that name."""
        if name not in self.names:
            return None
        with self._open(name) as file:
            content = b"".join(iter(lambda: file.read(PIECE_BYTES), b""))
        root = etree.fromstring(content, etree.XMLParser(**PARSER_OPTIONS))
        _check_type(root, name)
        return root

    def iterate(self, name: str, *tags: str) -> Iterator[etree._Element]:
        """Hand out the elements of a large part one by one; each is forgotten after its turn."""
        with self._open(name) as file:
            wanted = [f"{{*}}{tag}" for tag in tags]
            parser = etree.iterparse(file, tag=wanted, **PARSER_OPTIONS)
            for _, element in parser:
                _check_type(element, name)
                yield element
                element.clear(keep_tail=True)
                if not any(name_of(one) in tags for one in element.iterancestors()):
                    _forget_earlier(element)
                    file.release()
            _check_type(parser.root, name)

    def unpack(self) -> None:
        """Count what all parts take, for a reader that does not count.

        Raises:
            TooLargeError: if it is too much.
            UnsafeError: if a part has a document type.
        """
        for name in sorted(self.names):
            with self._open(name) as file:
                while file.read(PIECE_BYTES):
                    pass

    def _open(self, name: str) -> "_Part":
        if self._zip.getinfo(name).compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadZipFile(f"{name} is not compressed as parts of office files are")
        return _Part(self._zip.open(name), name, self.budget)

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


class _Part:
    """A part that is being read, whose XML is counted as the tree that comes of it."""

    def __init__(self, file: IO[bytes], name: str, budget: MemoryBudget) -> None:
        self._file, self._name, self._budget = file, name, budget
        self._held, self._last = 0, b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._refuse_type(data)
        nodes = 2 * (data.count(b"<") + data.count(b"=")) - data.count(b"</")
        weight = len(data) + NODE_BYTES * nodes
        self._held += weight
        self._budget.charge(weight, self._name)
        return data

    def _refuse_type(self, data: bytes) -> None:
        """Refuse a document type before it is parsed; a text cannot hold these signs."""
        seen = self._last + data
        if DOCTYPE in (seen.replace(b"\0", b"") if b"\0" in seen else seen):  # as in UTF-16
            raise UnsafeError(self._name)
        self._last = data[-2 * len(DOCTYPE) :]

    def release(self) -> None:
        """Forget what was counted: the tree is empty again."""
        self._budget.release(self._held)
        self._held = 0


def _forget_earlier(element: etree._Element) -> None:
    """Take out of the tree what was before an element."""
    for one in (element, *element.iterancestors()):
        parent = one.getparent()
        while parent is not None and one.getprevious() is not None:
            del parent[0]


def _check_type(element: etree._Element | None, name: str) -> None:
    if element is not None and element.getroottree().docinfo.internalDTD is not None:
        raise UnsafeError(name)


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


class UnsafeError(Exception):
    """A part of an office file has a document type, with which it could read other files."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"not safe: {name} has a document type (DOCTYPE), which no office program writes; save "
            "it again in Word, Excel or LibreOffice"
        )


def is_compound(content: bytes) -> bool:
    """Tell whether a file is of the kind that old or encrypted office files are."""
    return content.startswith(COMPOUND)


def is_encrypted(content: bytes) -> bool:
    """Tell whether an office file is protected by a password."""
    return (is_compound(content) and ENCRYPTED in content) or _is_encrypted_odf(content)


def _is_encrypted_odf(content: bytes) -> bool:
    try:
        with ZipFile(BoundedReader(BytesIO(content))) as archive, archive.open(MANIFEST) as file:
            return b"encryption-data" in file.read(MANIFEST_BYTES)
    except (BadZipFile, KeyError, OSError, ValueError, zlib.error):
        return False
