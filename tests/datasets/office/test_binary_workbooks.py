import base64
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.datasets.office.reading import problems, read
from tuneline.errors import TunelineError

# A workbook in the format of 1997, with a hidden sheet, formats (15 %, a date, 26:05:00), a hidden
# row and a formula error.
XLS = (
    "c-rk)O-NKx6#nk}nZNuQbqq8b1|cgGA==o&o{8luvo=KpIXVv&b*A1-)U+teW|;)7iZ+5R+E{J+U(~KeVALWA0?l"
    "PBp`e92oqOJ!81o4Zl%TwCxaZw_?sx7x@7{CodGkKZRLxF4sh`7NI0O~T`5=5nIzc5^XoNxi`Mj(at^q1}51R_X0"
    "4=0X$E))9ez}Hnz2~6dvG$fE@Qun@oJV&mX~s4X9qdC~NFUmSMzN>hK9vg8v0v3J`&rhoe8k+>EZbRgi)9;eXT=%"
    "J7~M^+G>-h8RvNgkf~3GRw)w)E{iww|8OPUd3p?g@9JYqyBU`>Bs+D016a-yn(zIl|5)Tjp5{Z`4(UvS>77+@NDg"
    "4aGfFFgE;7!caZ>(N`^uJc>{cGq0bY#2fgS5DA`Vd-H>F+2SFot}uklQ7PZFs54$Wd{8B#}cI!ki{FbjCCBMf8#e"
    "MB<Ea;i8$&45gC9h$qvROiKsSgK^7LDYD{O8Yg33&QMzEO!Zkyv4oi<)krEiK>b-WO^pFMddPZkC_$a1H7zS7GZC"
    "L$;T0!WIq&B(k_l9Dy^42rm^@j0xbX2<UypH)HDjEu?3}hsJ|6P8E-lEo;!lq)o7iF>%NsoE4zAa;jL-(6YhzEXQ"
    "#m@$oSWR+NcTCw_+;!Zs_&tC?)!=7(cHYTm+I49b5|nMpN&a0(9$HFb7~yTqFLO#EAhf8T!nM`ePvm<>Ld&(VaNB"
    "plejCfBzH2Q%FgaeHJ);<y(qtL#H`x=$|jywWzAW&TXJ@U!xt`m!F)O5RVBp!RKsxiiVI(1zUuJh9MquWgTj2(g|"
    "9MSbNo@+AKe*WbKz^um+P$38p%u>!NH07)`|WFL)z#rHagqL0MV5Iwd`k>Y+n&O=CFOt4mck9m>qOH^1F=gXMTvI"
    "Zzr{c^ZfGd(kA*56^K$l2eRT8$R0d+@ZiCNhczLbw=tF9-@%#P#~IfCuCqjC+51egWpNTI`eo=3-w`C~Y9U)v{A`"
    "CV3S)_N+7!MQN}Qs*TNp+k`!QT{{L(wSD1M%G8;1Yg7Ap1r%cc1FpYQ)0yB0Qu"
)


def test_an_old_workbook_is_read_as_stored_and_this_is_said(tmp_path: Path):
    path = tmp_path / "old.xls"
    path.write_bytes(zlib.decompress(base64.b85decode(XLS)))
    table, notes = read(path)
    assert table["answer"].to_list()[:5] == ["0.15", "2026-03-15", "Dobrý den", "26:05:00", "TRUE"]
    assert problems(table) == {}
    assert [note.split("; ")[0] for note in notes] == [
        "only the sheet `Data` is read, and not `Old` (hidden)",
        "in this format, neither number formats nor formula errors nor what is hidden can be read",
        "column `answer`: 3 cells (first `0.15` in row 2) are as stored, without their format",
    ]


RELATIONS = "http://schemas.openxmlformats.org/{}/2006/relationships"


def encode(kind: int, body: bytes = b"") -> bytes:
    """Write a record of an XLSB part, shorter than 128 bytes (MS-XLSB, 2.1.4)."""
    number = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    return number + bytes([len(body)]) + body


def encode_text(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


BUNDLE = struct.pack("<II", 0, 1) + encode_text("rId1") + encode_text("Rows")
BOOK = encode(131) + encode(143) + encode(156, BUNDLE) + encode(144) + encode(132)


def write_xlsb(path: Path, cells: list[tuple[int, int, str]], book: bytes = BOOK) -> Path:
    """Write a workbook of one sheet: its rows, columns and texts."""
    sheet = encode(129) + encode(148, bytes(16)) + encode(145)
    for row, column, text in cells:
        sheet += encode(0, struct.pack("<I", row) + bytes(13))
        sheet += encode(6, struct.pack("<II", column, 0) + encode_text(text))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, kind, target in (
            ("_rels/.rels", "officeDocument", "xl/workbook.bin"),
            ("xl/_rels/workbook.bin.rels", "worksheet", "worksheets/sheet1.bin"),
        ):
            archive.writestr(
                name,
                f'<Relationships xmlns="{RELATIONS.format("package")}"><Relationship Id="rId1" '
                f'Type="{RELATIONS.format("officeDocument")}/{kind}" Target="{target}"/>'
                "</Relationships>",
            )
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", sheet + encode(146) + encode(130))
    return path


HEADER = [(0, 0, "question"), (0, 1, "answer"), (1, 0, "a"), (1, 1, "b")]


def test_a_binary_workbook_is_read(tmp_path: Path):
    table, _ = read(write_xlsb(tmp_path / "a.xlsb", HEADER))
    assert table["answer"].to_list() == ["b"]


def test_a_stray_cell_in_the_last_row_and_column_ends_in_a_sentence(tmp_path: Path):
    path = write_xlsb(tmp_path / "far.xlsb", [*HEADER, (1_048_575, 16_383, "x")])
    assert path.stat().st_size < 2000
    with pytest.raises(TunelineError, match="the workbook is too large: it would take more than"):
        read(path)


def test_a_damaged_binary_workbook_is_no_bomb(tmp_path: Path):
    path = write_xlsb(tmp_path / "a.xlsb", HEADER, book=b"\x83")
    with pytest.raises(TunelineError, match="it is no workbook that can be read"):
        read(path)
