"""The roster: what a CSV of students may look like, what is refused, and who is meant by a name."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.base.errors import AutograderError
from autograder.classroom.roster import Roster, Student, read_roster

SECRET = b"0123456789abcdef"


@pytest.fixture
def read(tmp_path):
    def read(text, secret=SECRET):
        path = tmp_path / "roster.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_roster(path, secret)

    return read


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_marks_and_line_ends_do_not_matter(read, separator, mark, end):
    lines = [["ID", " Name ", "Matriculation", "ALIAS", "Canvas"], ["s1", "Ada Byron", "7", "u0042", "900"], [], ["s2"]]
    assert read(mark + end.join(separator.join(line) for line in lines)).students[0] == Student(
        "s1", "Ada Byron", "u0042", canvas="900"
    )


def test_all_columns_are_read_and_quotes_hold_separators_and_line_ends(read):
    roster = read(
        "canvas,moodle,email,extension,group,alias,name,id\n"
        '9,Participant 71,a@example.org,48h,A,u0042,"Byron, Ada\nAugusta",s1\n'
    )
    assert roster.students == (
        Student("s1", "Byron, Ada\nAugusta", "u0042", "A", "48h", "a@example.org", "71", "9"),
    )  # fmt: skip
    assert roster.get("s1") is roster.students[0] and roster.get("s2") is None


def test_excels_line_with_the_separator_is_no_header(read):
    with pytest.raises(AutograderError, match="line 4, column id"):
        read("sep=;\nid;name\ns1;A\ns1;B\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,name\ns1,A\ns2,B\ns1,C\n", r"line 4, column id: got 's1' again, it stands in line 2"),
        ("id,name\ns1,A\nS1,B\n", r"line 3, column id"),
        ("id,alias\ns1,red\ns2,RED\n", r"line 3, column alias: got 'RED' again"),
        ("id,alias\ns1,red\ns2,s1\n", r"line 3, column alias: got 's1', the id in line 2"),
        ("id,canvas\ns1,9\ns2,9\n", r"line 3, column canvas"),
        ("id,name,alias\ns1,Ada Byron,byron99\n", r"line 2, column alias: .* tells the name"),
        ("id,name,alias\ns1,Adá Býron,ADA-fan\n", r"line 2, column alias: .* tells the name"),
        ("id,alias\ns1234,x-S1234\n", r"line 2, column alias: .* tells the id"),
        ("id,alias\n42,42\n", r"line 2, column alias: .* tells the id"),
        ('id,name,extension\ns1,"a\nb",\ns2,x,2 weeks\n', r"line 4, column extension: expected an extension such as"),
        ("id,extension\ns1,2026-11-30T12:00\n", r"line 2, column extension: .*add the time zone"),
        ("name,alias\nAda,red\n", r"expected a column id in the first line"),
        ("", r"expected a line of column names"),
        ("id,name\n,Ada\n", r"line 2, column id: expected the student's id, got nothing"),
        ("id,name,alias\n,Ada,\ns2,Bo,\n", r"line 2, column id: expected the student's id, got nothing"),
        ("id,name\nWS26/0012,Ada\n", r"line 2, column id: .*got 'WS26/0012': ids name folders"),
        ("id,name\n../u1,Ada\n", r"line 2, column id: .*got '../u1'"),
        ("id,name\n_u1,Ada\n", r"line 2, column id: .*got '_u1'"),
        ("id,name\n1.23457E+11,Ada\n1.23457E+11,Bo\n", r"line 2, column id: got '1.23457E\+11': a spreadsheet took"),
        ('id,name\n"1,23457E+11",Ada\n', r"line 2, column id: .*a spreadsheet took the id for a number"),
        ("id,name\n12345.0,Ada\n", r"line 2, column id: got '12345.0': a spreadsheet took the id for a number"),
        ("id,moodle\ns1,123.0\n", r"line 2, column moodle: got '123.0': a spreadsheet"),
        ("id,name\ns1,Byron, Ada\n", r"line 2: expected 2 cells, got 3: put quotes"),
        ("id,id\ns1,s2\n", r"expected the column id once"),
        ("id,name\ns\u202e1,A\n", r"line 2, column id: .*cannot be shown"),
        (b"id,name\ns1,J\xf6rg\n", r"expected UTF-8"),
        ('id,name\ns1,"Ada\ns2,Bo\n', r"expected CSV .* unexpected end of data"),
        ("id\nm\u00fcller\nmu\u0308ller\n", r"line 3, column id: got .* again, it stands in line 2"),
        ('id,name\ns1,"' + "x" * 200_000 + '"\n', r"expected CSV .* in line 2"),
    ],
)
def test_faults_are_named_with_line_and_column(read, text, message):
    with pytest.raises(AutograderError, match=message):
        read(text)


def test_a_roster_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(AutograderError, match=r"could not read .*check the path"):
        read_roster(tmp_path / "none.csv", SECRET)


def test_made_aliases_are_unique_follow_the_secret_and_no_order(read):
    ids = [f"s{i}" for i in range(3000)]
    made = {s.id: s.alias for s in read("id\n" + "\n".join(ids)).students}
    assert len(set(made.values())) == len(ids)
    assert all(alias[0] == "u" and alias[1:].isdigit() and len(alias) >= 5 for alias in made.values())
    # 3,000 students and 10,000 codes: some must have met, and got a digit more; nobody else.
    lengths = [len(alias) for alias in made.values()]
    assert max(lengths) > 5 and lengths.count(5) > len(ids) / 2
    random.Random(0).shuffle(ids)
    assert {s.id: s.alias for s in read("id\n" + "\n".join(ids)).students} == made
    other = {s.id: s.alias for s in read("id\n" + "\n".join(ids), b"another secret").students}
    assert sum(other[i] == made[i] for i in ids) < len(ids) / 100


def test_a_made_alias_gives_way_to_a_written_one(read):
    (alone,) = read("id,alias\ns1,\n").students
    first, second = read(f"id,alias\ns1,\ns2,{alone.alias}\n").students
    assert second.alias == alone.alias and first.alias.endswith(alone.alias[1:]) and first.alias != alone.alias


NAMES = Roster((
    Student("s1", "Doe, Jané", "red", email="Jane@example.org", moodle="71", canvas="901"),
    Student("s2", "Øyvind O'Brien-Smith", "u0042"),
    Student("s3", "Ana María de la Cruz"),
    Student("s4", "Anna Schmidt", email="same@example.org"),
    Student("s5", "Schmidt, Anna", email="same@example.org"),
    Student("s6", "李 明"),
    Student("S42", ""),
))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("Jane Doe", "s1"),
        ("DOE, JANÉ", "s1"),
        ("Jane\u0301 Doe", "s1"),
        ("doejane", "s1"),
        ("janedoe", "s1"),
        ("OBrienSmith Oyvind", "s2"),
        ("obriensmithøyvind", "s2"),
        ("Cruz, Ana Maria de la", "s3"),
        ("delacruzanamaría", "s3"),
        ("明 李", "s6"),
        ("Anna Schmidt", None),
        ("schmidtanna", None),
        ("Jane", None),
        ("", None),
        ("...", None),
    ],
)
def test_a_name_is_found_however_it_is_written_and_never_guessed(name, id_):
    found = NAMES.by_name(name)
    assert (found.id if found else None) == id_


def test_numbers_and_labels_are_found_and_never_guessed():
    assert NAMES.by_moodle("71").id == NAMES.by_canvas("901").id == "s1"
    assert NAMES.by_moodle("") is NAMES.by_canvas("71") is None
    assert [NAMES.by_label(x).id for x in ("s1", "S1", "RED", "jane@example.org", "s42")] == [
        "s1", "s1", "s1", "s1", "S42",
    ]  # fmt: skip
    assert Roster((Student("m\u00fcller"),)).by_label("MU\u0308LLER").id == "m\u00fcller"
    assert NAMES.by_label("same@example.org") is NAMES.by_label("") is None


@given(st.text(), st.binary(max_size=200))
def test_any_text_is_a_roster_or_a_clear_error(tmp_path_factory, text, tail):
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    path.write_bytes(b"id,name,alias\n" + text.encode("utf-8", "surrogatepass") + tail)
    try:
        roster = read_roster(path, SECRET)
    except AutograderError:
        return
    for student in roster.students:
        assert student.id and student.alias and roster.get(student.id) == student
        assert "/" not in student.id and student.id[0] not in "._"
        roster.by_name(student.name)
