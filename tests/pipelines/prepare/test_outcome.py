"""Cleaning gives the same bytes, however fast it is made."""

import hashlib
from pathlib import Path

import orjson

from scripts.samples.product_descriptions import generate_lines
from tests.conftest import load_parameters
from tuneline.datasets import RawJSONDataset
from tuneline.pipelines.prepare.nodes import clean_rows

# What differs from it is another outcome: say in docs/log.md why it is the better one.
EXPECTED = {
    "clean": "062460cb260c1076",
    "rejected": "373065b3dcea0179",
    "report": "fa402bbf5f71cbeb",
}
DIRT = (
    "<p>One<br>two</P><b>bold</b> vector<b> a<b and b>c <a href='x'>link</a> <LI>item",
    "&amp;amp;lt;br&amp;gt; caf&eacute;&#8217;s &#x92; &copy 2003 &nbsp;end&nbsp;",
    "tab\there\x0bline\x0cpage\x85next \x00null \x7fdelete\u2028line",
    "  two  spaces\u00a0 \u3000wide\u200bzero\ufeffmark e\u0301 \u212b \u1e9b\u0323 \ufb01ne",
    "<!-- no --><script>x()</script><style>y{}</style>kept <scr<b>ipt></b> <\u017fpan> <\u212a>",
    "--This text refers to the Hardcover edition. Copyright 2003 A Publisher. All rights reserved.",
    "\u6f22\u5b57\u306e\u6587 <br> \u0e44\u0e17\u0e22 &lt;b&gt;",
    "caf\u00c3\u00a9 na\u00c3\u00afve \u00e2\u20ac\u2122s",
    "<<b>><</b>> <p <p> <p/> <td>cell<td>cell</td> Pointer<p> <o:p></o:p> 5 < 6 > 4",
)


def write_dirt(path: Path) -> None:
    rows = [
        {"uid": f"d{number}", "title": title, "content": content}
        for number, (title, content) in enumerate(
            (title, f"{content} and four more words") for title in DIRT for content in DIRT
        )
    ]
    odd = [b'{"uid": 7, "title": 5, "content": "x"}', b'{"uid": "n", "title": NaN}', b"", b"[1]"]
    broken = [b'{"uid": "u", "title": "caf\xe9", "content": "not UTF-8"}', b'{"uid": "cut", "ti']
    lines = [*(line.encode() for line in generate_lines(1500)), *map(orjson.dumps, rows)]
    path.write_bytes(b"\n".join([*lines, *odd, *broken]))


def test_the_outcome_is_the_same_to_the_byte(tmp_path: Path):
    write_dirt(tmp_path / "raw.jsonl")
    raw = RawJSONDataset(filepath=str(tmp_path / "raw.jsonl")).load()
    clean, rejected, report = clean_rows(raw, load_parameters().data, tmp_path / "folder")
    written = {
        "clean": clean.read_bytes(),
        "rejected": rejected.read_bytes(),
        "report": orjson.dumps(report, option=orjson.OPT_SORT_KEYS),
    }
    found = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in written.items()}
    assert found == EXPECTED
