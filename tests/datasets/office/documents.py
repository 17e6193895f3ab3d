"""Word documents of a few lines of XML."""

import zipfile
from io import BytesIO

from tuneline.datasets.office.docx import Document, read_docx
from tuneline.utils.limits import Limits

NAMES = " ".join(
    f'xmlns:{prefix}="{name}"'
    for prefix, name in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "v": "urn:schemas-microsoft-com:vml",
        "o": "urn:schemas-microsoft-com:office:office",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    }.items()
)
KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def read(body: str, **parts: str) -> Document:
    """Read a document of this body, and of parts such as `styles`."""
    related = "".join(
        f'<Relationship Id="{name}" Type="{KINDS}/{name}" Target="{name}.xml"/>' for name in parts
    )
    main = f'<Relationship Id="m" Type="{KINDS}/officeDocument" Target="word/document.xml"/>'
    files = {
        "_rels/.rels": f"<Relationships>{main}</Relationships>",
        "word/_rels/document.xml.rels": f"<Relationships>{related}</Relationships>",
        "word/document.xml": f"<w:document {NAMES}><w:body>{body}</w:body></w:document>",
    }
    for name, content in parts.items():
        files[f"word/{name}.xml"] = f"<w:{name} {NAMES}>{content}</w:{name}>"
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return read_docx(file.getvalue(), Limits())


def text(body: str, **parts: str) -> str:
    """Read a document of which nothing is missing."""
    document = read(body, **parts)
    assert not document.losses
    return document.text


def p(inner: str, properties: str = "") -> str:
    """Write a paragraph."""
    return f"<w:p><w:pPr>{properties}</w:pPr>{inner}</w:p>"


def t(words: str, properties: str = "") -> str:
    """Write a run of text."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{words}</w:t></w:r>'
