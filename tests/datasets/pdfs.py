"""Small PDFs, written by hand; what makes them unreadable is pypdf's."""

from io import BytesIO

from pypdf import PdfReader, PdfWriter


def write_pdf(lines: list[str]) -> bytes:
    """Write a PDF of one page with some lines of text; without any, as a scanner makes it."""
    shown = b"".join(b"(%s) Tj T* " % line.encode("latin-1") for line in lines)
    stream = b"BT /F1 12 Tf 14 TL 40 800 Td %s ET" % shown if lines else b"0 0 100 100 re f"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\n" % table
    return body + end + b"startxref\n%d\n%%%%EOF\n" % len(body)


def protect(content: bytes, password: str) -> bytes:
    """Protect a PDF by a password; an empty one opens it for reading alone."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    written = BytesIO()
    writer.write(written)
    return written.getvalue()
