"""Archives with the same content are the same, whenever they were made."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from scripts.samples.archives import PROPERTIES, read_members, write_undated


def pack(year: int) -> bytes:
    """A small archive that names the year in which it was made, as office programs do."""
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        stamp = f"<dcterms:created>{year}-05-06T07:08:09Z</dcterms:created>"
        archive.writestr(ZipInfo(PROPERTIES, (year, 5, 6, 7, 8, 9)), stamp)
        archive.writestr(ZipInfo("text.xml", (year, 5, 6, 7, 8, 9)), "<p>2024-05-06T07:08:09Z</p>")
    return packed.getvalue()


def test_time_of_making_does_not_change_the_bytes(tmp_path: Path):
    paths = [tmp_path / "first.zip", tmp_path / "second.zip"]
    for path, year in zip(paths, (2024, 2031), strict=True):
        write_undated(path, pack(year))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_only_the_properties_are_changed(tmp_path: Path):
    write_undated(tmp_path / "a.zip", pack(2024))
    members = read_members((tmp_path / "a.zip").read_bytes())
    assert list(members) == [PROPERTIES, "text.xml"]
    assert members["text.xml"] == b"<p>2024-05-06T07:08:09Z</p>"
