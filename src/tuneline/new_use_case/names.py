"""What the names of columns say, in the languages of Tuneline's users."""

import re
import unicodedata
from collections.abc import Sequence

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
