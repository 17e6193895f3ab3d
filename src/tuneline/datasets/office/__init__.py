"""What office files have in common."""

# A compound file holds a stream of this name if its content is encrypted.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def is_compound(content: bytes) -> bool:
    """Tell whether a file is of the kind that old or encrypted office files are."""
    return content.startswith(COMPOUND)


def is_encrypted(content: bytes) -> bool:
    """Tell whether an office file is protected by a password."""
    return is_compound(content) and ENCRYPTED in content
