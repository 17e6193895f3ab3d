"""What the columns of a source seem to be, by their names, their contents and lengths."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.new_use_case.headers import find_unfit, has_no_pair, is_placeholder
from tuneline.new_use_case.sources import Source
from tuneline.parameters.examples import TURN_COLUMNS
from tuneline.streaming import LINE

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
# A column with this many different texts at most, and several rows of each, is a category.
CATEGORIES, ROWS_PER_CATEGORY = 20, 5
# A column in which fewer rows than this share differ is not what is asked.
DIFFERENT = 0.5


def find_roles(columns: Sequence[str]) -> tuple[str | None, str | None]:
    """Find the columns whose names say most surely that they are question and answer.

    Letter case and accents do not count; None for one that no name says.
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
    """What the columns of a source seem to be; `id` is `line` where none is one."""

    id: str
    question: str
    answer: str
    category: str | None


def guess_columns(source: Source, question: str | None = None, answer: str | None = None) -> Guess:
    """Guess from names, contents and lengths what the columns of a source are.

    `question` and `answer` are columns that the user names.

    Raises:
        TunelineError: if fewer than two columns hold text, a column that the user names is not
            there, or a name is one that no template could hold.
    """
    rows = source.rows
    identifier = _find_identifier(source)
    columns = [name for name in rows.columns if name not in (identifier, *source.numbers)]
    named = {"--prompt-column": question, "--answer-column": answer}
    unknown = [(option, name) for option, name in named.items() if name and name not in columns]
    if unknown:
        raise TunelineError(*(_no_column(option, name, columns) for option, name in unknown))
    if len(columns) < 2:
        raise TunelineError(has_no_pair(source.path, columns))
    guessed = source.roles or _find_pair(rows, columns, question, answer)
    question, answer = question or guessed[0], answer or guessed[1]
    problems = [
        one
        for name in dict.fromkeys((question, answer))
        if (one := find_unfit(source.path, name, list(source.header)))
    ]
    if problems:
        raise TunelineError(*problems)
    used = {answer, question, identifier, *(TURN_COLUMNS if source.conversations else ())}
    others = [name for name in rows.columns if name not in used]
    divides = source.kind != "documents"
    category = next((name for name in others if divides and _is_category(name, rows[name])), None)
    return Guess(identifier, question, answer, category)


def _find_identifier(source: Source) -> str:
    if source.kind == "documents":
        return "id"
    rows = source.rows
    twice = {name for name in source.header if source.header.count(name) > 1}
    names = (name for name in rows.columns if name not in twice)
    return next((name for name in names if _identifies(name, rows[name])), LINE)


def _identifies(name: str, texts: pl.Series) -> bool:
    """Tell whether a column names its rows: `no` does, unless its texts are Norwegian."""
    role = name.casefold()
    if role not in IDS:
        return False
    filled = texts.filter(texts != "")
    numbered = filled.str.contains(r"\d").all() or role not in NUMBERS
    return numbered and not filled.str.contains(r"\s").any()


def _find_pair(
    rows: pl.DataFrame, columns: list[str], named: str | None, named_answer: str | None
) -> tuple[str, str]:
    """Find question and answer: by their names, and where these say nothing by length.

    Of columns whose names say nothing the longest texts are the answer, and of columns alike the
    last; unless the others are few different texts, such as labels, which no question is.
    """
    found = find_roles([name for name in columns if name not in (named, named_answer)])
    question, answer = named or found[0], named_answer or found[1]
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


def _no_column(option: str, name: str, columns: list[str]) -> Problem:
    return Problem(
        where=option,
        value=name,
        wrong="no column with text has this name",
        matters="the prompt could not be filled; nothing was written",
        remedy=suggest(name, columns),
    )
