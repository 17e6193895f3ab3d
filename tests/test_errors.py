from tuneline.errors import Problem, TunelineError, suggest


def test_a_problem_reads_where_value_wrong_why_remedy():
    problem = Problem("a.yml: b", "it is odd", "nothing works", "make it even", value=3)
    assert str(problem) == "a.yml: b = 3: it is odd; nothing works; make it even."


def test_a_long_value_is_shortened():
    assert len(str(Problem("x", "w", "m", "r", value="y" * 500))) < 120


def test_all_problems_are_reported_at_once():
    one, two = Problem("a", "w", "m", "r"), Problem("b", "w", "m", "r")
    assert str(TunelineError(one, two)) == f"{one}\n{two}"


def test_the_nearest_name_is_suggested():
    assert suggest("learning_rat", ["learning_rate", "seed"]) == "did you mean `learning_rate`"


def test_without_a_near_name_all_are_listed():
    assert suggest("zzz", ["a", "b"]) == "choose one of `a`, `b`"
