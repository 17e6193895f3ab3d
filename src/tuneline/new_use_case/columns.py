"""What the columns of a CSV file seem to be, and what makes a file or a column unfit."""

import codecs
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_csv import read_header, read_rows
from tuneline.errors import Problem, TunelineError
from tuneline.parameters.data import WRITTEN
from tuneline.streaming import LINE
from tuneline.utils.terminal import show
from tuneline.utils.text import guess_encoding

ENDINGS = {".csv", ".tsv", ".txt"}
# Signs that mean something in a template, or in the name of a field, and so cannot be in a name.
NO_PLACEHOLDER = set('{}[].:!"\\')
LINE_END = re.compile(rb"\r\n|\r|\n")

IDS = {"id", "uid", "uuid", "key", "no", "number", "nr", "č", "nº", "n°"}
# Of these, what a word of a text or a language may also be called: they hold numbers then.
NUMBERS = IDS - {"id", "uid", "uuid"}
# The more certain a name, the earlier it is listed.
QUESTIONS = (
    *("question", "prompt", "instruction", "query", "questions", "prompts", "instructions"),
    *("otazka", "dotaz", "pokyn", "zadani", "frage", "anweisung", "pregunta", "instruccion"),
    *("pergunta", "instrucao", "intrebare", "intrebarea", "instructiune", "domanda", "vraag"),
    *("pytanie", "consigne", "spørsmal", "spørgsmal", "fraga", "问题", "問題", "提问", "提問"),
    *("问", "問", "指令", "质问", "質問"),
    *("input", "user", "human", "source", "vstup", "eingabe", "entrada", "entree", "intrare"),
    *("输入", "輸入", "用户", "用戶", "title", "headline", "subject", "titulek", "nazev", "nadpis"),
    *("titel", "titre", "titulo", "titlu", "titolo", "标题", "標題", "题目", "題目"),
)
ANSWERS = (
    *("answer", "completion", "output", "response", "reply", "answers", "completions", "svar"),
    *("responses", "odpoved", "vystup", "antwort", "ausgabe", "respuesta", "salida", "resposta"),
    *("saida", "raspuns", "raspunsul", "iesire", "risposta", "antwoord", "odpowiedz", "reponse"),
    *("sortie", "答案", "回答", "答", "回复", "回覆", "输出", "輸出", "assistant", "gpt", "target"),
    *("description", "popis", "beschreibung", "descripcion", "descricao", "descriere"),
    *("descrizione", "描述", "说明", "說明", "summary", "translation", "chosen", "content"),
)
# Words that change nothing about what a column is.
FILLERS = {
    *("text", "the", "a", "user", "model", "expected", "reference", "correct", "full", "my"),
    *("en", "cs", "cz", "de", "fr", "es", "pt", "ro", "zh", "tw", "cn", "it", "pl", "nl", "sk"),
}
ROWS, CHARACTERS = 100_000, 200_000_000  # enough for a guess
# A column with this many different texts at most, and several rows of each, is a category.
CATEGORIES, ROWS_PER_CATEGORY = 20, 5
# A column in which fewer rows than this share differ is not what is asked.
DIFFERENT = 0.5


def find_roles(columns: Sequence[str]) -> tuple[str | None, str | None]:
    """Find the columns whose names say most surely that they are question and answer.

    Args:
        columns: names of columns, in any letter case, with accents or without.

    Returns:
        Question and answer; None for one that no name says.
    """
    letters = {name.casefold(): name for name in columns}
    if {"q", "a"} <= letters.keys():
        return letters["q"], letters["a"]
    answer = _find_role(columns, ANSWERS)
    return _find_role([name for name in columns if name != answer], QUESTIONS), answer


def _find_role(columns: Sequence[str], names: Sequence[str]) -> str | None:
    ranks = {name: rank for rank, name in enumerate(names)}
    found = [(ranks[word], column) for column in columns for word in _read(column) if word in ranks]
    return min(found, key=lambda one: one[0])[1] if found else None


def _read(name: str) -> list[str]:
    """Take the one word of a name that says something: `Expected answer` says `answer`."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    words = re.findall(r"[^\W\d_]+", bare)
    telling = [word for word in words if word not in FILLERS] or words
    return telling if len(telling) == 1 else []


@dataclass(frozen=True)
class Guess:
    """What the columns of a file seem to be.

    Attributes:
        id: column that identifies a row; `line` if there is none.
        question: column of what is asked.
        answer: column of what is to be answered.
        category: column with few different texts, or None.
        others: columns that are left over.
        longest: bytes of the longest question and answer together.
    """

    id: str
    question: str
    answer: str
    category: str | None
    others: list[str]
    longest: int


def guess_columns(raw: Path) -> Guess:
    """Guess from names, contents and lengths what the columns of a file are.

    Args:
        raw: a CSV file.

    Returns:
        The guess, which the user corrects in the YAML.

    Raises:
        TunelineError: if it is no CSV file in UTF-8, has fewer than two columns of text or no row,
            or a name in it is one that no prompt or YAML file could hold.
    """
    check_file(raw)
    header = read_header(str(raw))
    check_names(raw, header)
    columns = [name for name in dict.fromkeys(header) if name]
    if len(columns) < 2:
        raise TunelineError(has_no_pair(raw, header))
    found = list(_read_some(raw))
    rows = pl.DataFrame(found, schema=dict.fromkeys(columns, pl.String))
    if rows.is_empty():
        raise TunelineError(has_no_row(raw, header))
    identifier = next((name for name in columns if _identifies(name, rows[name])), LINE)
    columns = [name for name in columns if name != identifier]
    if len(columns) < 2:
        raise TunelineError(has_no_pair(raw, header))
    question, answer = _find_pair(rows, columns)
    problems = [one for name in (question, answer) if (one := find_unfit(raw, name, header))]
    if problems:
        raise TunelineError(*problems)
    others = [name for name in columns if name not in (answer, question)]
    category = next((name for name in others if _is_category(name, rows[name])), None)
    longest = (rows[question].str.len_bytes() + rows[answer].str.len_bytes()).max()
    left = [name for name in others if name != category]
    return Guess(identifier, question, answer, category, left, int(longest))  # type: ignore[arg-type]


def _read_some(raw: Path) -> Iterator[dict[str, str]]:
    left = CHARACTERS
    for row in islice(read_rows(str(raw)), ROWS):
        left -= sum(map(len, row.values()))
        yield row
        if left < 0:
            return


def _identifies(name: str, texts: pl.Series) -> bool:
    """Tell whether a column names its rows: `no` does, unless its texts are Norwegian."""
    role = name.casefold()
    if role not in IDS:
        return False
    filled = texts.filter(texts != "")
    numbered = filled.str.contains(r"\d").all() or role not in NUMBERS
    return numbered and not filled.str.contains(r"\s").any()


def _find_pair(rows: pl.DataFrame, columns: list[str]) -> tuple[str, str]:
    """Find question and answer: by their names, and where these say nothing by length.

    Of columns whose names say nothing the longest texts are the answer, and of columns alike the
    last; unless the others are few different texts, such as labels, which no question is.
    """
    question, answer = find_roles(columns)
    by_length = sorted(columns, key=lambda name: _measure(rows[name]))
    if answer and question:
        return question, answer
    if answer or question:
        other = next(name for name in reversed(by_length) if name not in (answer, question))
        return question or other, answer or other
    question, answer = by_length[-2:]
    if _differ(rows[question]) < DIFFERENT < _differ(rows[answer]):
        question, answer = answer, question
    return question, answer


def _measure(texts: pl.Series) -> float:
    return texts.str.len_bytes().mean()  # type: ignore[return-value]


def _differ(texts: pl.Series) -> float:
    return texts.n_unique() / len(texts)


def _is_category(name: str, texts: pl.Series) -> bool:
    different = texts.n_unique()
    return is_placeholder(name) and 1 < different <= min(CATEGORIES, len(texts) / ROWS_PER_CATEGORY)


def check_file(raw: Path) -> None:
    """Refuse what is no CSV file in UTF-8.

    Args:
        raw: the file.

    Raises:
        TunelineError: saying what it is instead.
    """
    if not raw.is_file():
        raise TunelineError(_no_file(raw))
    if not ENDINGS & {suffix.lower() for suffix in raw.suffixes}:
        raise TunelineError(_no_csv(raw))
    file = RawFile(str(raw))
    start = next(file.read(), b"")  # some megabytes; a letter may be cut in two
    file.check_kind(start)
    if not start.removeprefix(codecs.BOM_UTF8).strip():
        raise TunelineError(_empty(raw))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError as error:
        raise TunelineError(_no_utf8(raw, start, error.start)) from None


def check_names(raw: Path, header: list[str]) -> None:
    """Refuse names that no YAML file could hold and no terminal could show.

    Args:
        raw: the file.
        header: the names of its columns.

    Raises:
        TunelineError: naming the first.
    """
    for where, name in (("RAW", raw.name), *((str(raw), column) for column in header)):
        if name != show(name, line_break=""):
            raise TunelineError(_no_name(where, name))


def find_unfit(raw: Path, name: str, header: list[str]) -> Problem | None:
    """Tell why a prompt could not use a column; None if it can.

    Args:
        raw: the file.
        name: of the column.
        header: the names of all columns.
    """
    if header.count(name) > 1:
        return _unfit(raw, name, "two columns have this name")
    if name in WRITTEN:
        return _unfit(raw, name, "Tuneline writes a column of that name itself")
    if name.isdecimal():
        return _unfit(raw, name, "the column's name is a number, which templates take for a place")
    if not is_placeholder(name):
        return _unfit(
            raw,
            name,
            "the column's name holds one of the signs { } [ ] . : ! \" \\, which templates need",
        )
    return None


def is_placeholder(name: str) -> bool:
    """Tell whether a template can name a column."""
    return name not in WRITTEN and not name.isdecimal() and not set(name) & NO_PLACEHOLDER


def has_no_pair(raw: Path, header: list[str]) -> Problem:
    """Word that a file has too few columns."""
    return Problem(
        where=str(raw),
        wrong=f"the header names {', '.join(f'`{name}`' for name in header)}",
        matters="an example needs a question and an answer, so at least two columns of text; "
        "nothing was written",
        remedy="put the names of the columns into the first line",
    )


def has_no_row(raw: Path, header: list[str]) -> Problem:
    """Word that no row is like the header."""
    return Problem(
        where=str(raw),
        wrong=f"no row below the header has {len(header)} cells, as the header has",
        matters="there is nothing to learn from; nothing was written",
        remedy="add rows, and put a text that holds the sign between the cells into double quotes",
    )


def _unfit(raw: Path, name: str, wrong: str) -> Problem:
    return Problem(
        where=str(raw),
        value=name,
        wrong=wrong,
        matters="the prompt could not name the column; nothing was written",
        remedy="rename the column in the first line of the file",
    )


def _no_file(raw: Path) -> Problem:
    folder = raw.is_dir()
    return Problem(
        where="RAW",
        value=raw,
        wrong="it is a folder" if folder else "there is no such file",
        matters="the columns are read from the header of a file; nothing was written",
        remedy="give the path of one of its CSV files, and name the folder in the catalog then"
        if folder
        else "give the path of a CSV file",
    )


def _no_name(where: str, name: str) -> Problem:
    return Problem(
        where=where,
        value=name,
        wrong="the name holds control characters, or bytes that are no letters here",
        matters="the parameters could not state it; nothing was written",
        remedy="rename the column in the first line of the file, or the file; in a terminal that "
        "is not set to UTF-8, `export LC_ALL=C.UTF-8` before the command",
    )


def _no_csv(raw: Path) -> Problem:
    return Problem(
        where="RAW",
        value=raw,
        wrong="its name does not end as that of a CSV file does: .csv, .tsv or .txt",
        matters="the columns are read from the first line of one; nothing was written",
        remedy="save the table as CSV in UTF-8, or begin with a few rows of it and name your own "
        "file in the catalog afterwards (docs/prepare.md)",
    )


def _empty(raw: Path) -> Problem:
    return Problem(
        where=str(raw),
        wrong="the file is empty",
        matters="there is nothing to learn from; nothing was written",
        remedy="put the raw rows there",
    )


def _no_utf8(raw: Path, start: bytes, place: int) -> Problem:
    line = len(LINE_END.findall(start, 0, place)) + 1
    return Problem(
        where=f"{raw}, line {line}",
        wrong=f"the file is not UTF-8 but probably {guess_encoding(start)}",
        matters="its letters could not be read; nothing was written",
        remedy="save it as UTF-8: in Excel as `CSV UTF-8`, elsewhere by the encoding it asks for",
    )
