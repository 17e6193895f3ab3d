"""Small PDFs, written by hand; what makes them unreadable is pypdf's."""

import zlib
from base64 import b64decode
from io import BytesIO

from pypdf import PdfReader, PdfWriter

# A file that asks for a password, encrypted as today's programs do it (AES-256), by pypdf with
# `cryptography`, which the project does not install.
AES = (
    "eNqNVD2IHDcUBkMcUBNw7UIpjpAiHulJTxrh5cC+2yUmMXfc2ufiuEI/T+c1d7vH7Jx/govUbt0lLkICKRNCUhp3SZ"
    "EmAQdS2BBI2qR0a6zZXZ8XNoVnppCevvd9T28+aW17c/CRvKDY2t///PaUSS74JNxivR6rrt07Jl5t+NYfTg5Yte0P"
    "aMqhAHbY+jqjceqAsJIww7Hqk1Ga8j2uOjzfZ9XG5GTccrmUqv43tRNqqEDnStVVSiN/eXK3cInyokNea5gzjtsCnH"
    "I9R+7QdHLSxFJkxzgoq/OB5Pi66Pm30NdL+p/S+KC9yY3u1qdtQ/6I7X11/Z1f/vowv/fthaN848sHX//w4o7d/ffP"
    "/fbJHz+f23/3x+8f/vTo+eOLDz/fvPXNr821M+8/2Pvig2f3z3+HZx+9/P2/TmdBtVDElR13VbJqeBLa2bQLSlZd9l"
    "Oa1V99TIe3qR1Fv1S3WWLZ5Vg2zs3pDgDLeJtrcNoZCw5KA0aHLTW8GrZ+nHyTWLXFeyaCN46MA5RWG28DSooKBQRS"
    "AMkGZ5QQ0jqvhAOdohBKJFt6ryERaEUumroO0jvCmGwOTqCQ0ak6JCXWWXWd93JthTKGvAshoycXfF3I0EKM2Umvcj"
    "AypOByTTaqGq0WLtUmgDUhpsJIwnlKErSDgEJYEYsgZCtRoDNFZWMw+8vDNi1Gl07am/3bnYOqzUncOqZxB7rKq0v9"
    "4a46bZSChRtK6tGAzwm6SfNmstXnPal8qBFrgypntFZKo7V2Nmhy4FRMIZUuC5NkEgKVjRF11A4dUaqRUteIQmMjGW"
    "khGQ8eonEhW52Vyxao9jmLIAJFyB4xaQQwIkepNAidkhQ6+EKzTc1R8Tb4WhYarzGJQhRJWkshg0zJg3Jp2eJ3G8pM"
    "cMvE6cMNokKe+WlMFlvOVsZvYkavxCSolVgxz0pMmVU+rZZibeNHh9TM/DscfUalvGpnMimXw/wcX9ksZ70XUDmfU0"
    "pGaSmKgYotEUK0JCGoBOtvAym3RH8cm3vHLTev74Bp65t21hjnBFtb628N2CsKomD5"
)
PICTURE = b"q 500 0 0 700 40 60 cm BI /W 2 /H 1 /CS /G /BPC 8 ID ab EI Q"


def write_pdf(lines: list[str]) -> bytes:
    """Write a PDF of one page with some lines of text; without any, of a picture."""
    shown = b"".join(b"(%s) Tj T* " % line.encode("latin-1") for line in lines)
    stream = b"BT /F1 12 Tf 14 TL 40 800 Td %s ET" % shown if lines else PICTURE
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


def encrypt_by_aes() -> bytes:
    """Give a PDF that asks for a password, encrypted with AES-256."""
    return zlib.decompress(b64decode(AES))
