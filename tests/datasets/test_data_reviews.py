"""IMDb: parsers of its archives, and the made-up reviews in its form."""

import io
import re
import tarfile
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from exercise_code.common.data import load_dataset
from exercise_code.common.datasets.generators.film_reviews import words
from exercise_code.common.datasets.generators.film_reviews.writer import make_reviews
from exercise_code.common.datasets.imdb import DATASET, ReviewSet, Texts
from exercise_code.common.errors import CourseError
from exercise_code.common.progress import silent

UPSTREAM, SPLITS = DATASET.parsers["imdb_tar"], DATASET.parsers["imdb_tar_splits"]
REVIEWS = {
    "aclImdb/train/pos/0_9.txt": "Schön!<br />10/10",
    "aclImdb/train/neg/0_1.txt": "Ugh.",
    "aclImdb/train/pos/9999_7.txt": "fine",
    "aclImdb/train/neg/10000_4.txt": "meh",
    "aclImdb/train/pos/12499_10.txt": "best 🎬",
    "aclImdb/train/unsup/3_0.txt": "nobody knows",
    "aclImdb/test/neg/7_2.txt": "no",
    "aclImdb/test/pos/7_8.txt": "yes",
    "aclImdb/README": "read me",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reviews")


def tar(folder, members):
    path = folder / "aclImdb.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def encoded(reviews):
    return [(name, text.encode()) for name, text in reviews.items()]


def read(arrays):
    return [*zip(Texts(arrays["utf8"], arrays["lengths"]), arrays["labels"].tolist(), strict=True)]


def test_the_homepages_archive_is_split_by_number(folder):
    path = tar(folder, encoded(REVIEWS))
    assert read(UPSTREAM(path, "train", silent)) == [("Ugh.", 0), ("Schön!<br />10/10", 1), ("fine", 1)]
    assert read(UPSTREAM(path, "val", silent)) == [("meh", 0), ("best 🎬", 1)]
    assert read(UPSTREAM(path, "test", silent)) == [("no", 0), ("yes", 1)]


def test_an_archive_with_folders_of_its_own_keeps_them(folder):
    path = tar(folder, encoded(REVIEWS | {"aclImdb/val/pos/1_7.txt": "a", "aclImdb/val/neg/1_3.txt": "b"}))
    assert len(SPLITS(path, "train", silent)["labels"]) == 5
    arrays = SPLITS(path, "val", silent)
    assert read(arrays) == [("b", 0), ("a", 1)]
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "utf8": "uint8",
        "lengths": "int64",
        "labels": "int64",
    }


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=2, max_size=9), where=st.randoms())
def test_texts_come_back_as_they_were(folder, texts, where):
    assume(all(text.strip() for text in texts))
    members = [(f"a/train/{('neg', 'pos')[k % 2]}/{k}_{(2, 9)[k % 2]}.txt", t.encode()) for k, t in enumerate(texts)]
    where.shuffle(members)
    assert read(SPLITS(tar(folder, members), "train", silent)) == [(text, k % 2) for k, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("aclImdb/train/pos/5_9.txt", b"\xff\xfe", "expected UTF-8 text in .* got other bytes in"),
        ("aclImdb/train/pos/5_9.txt", b" \n", "expected a review in each file"),
        ("aclImdb/train/pos/5_2.txt", b"x", "expected 7 to 10 stars"),
        ("aclImdb/train/neg/5_6.txt", b"x", "expected 1 to 4 stars"),
        ("aclImdb/train/pos/0_8.txt", b"x", "expected one review a number"),
        ("aclImdb/train/pos/5_9.txt", b"x" * 100_001, "at most 100,000 bytes"),
        ("aclImdb/../pos/5_9.txt", b"x", "leads out of the archive"),
    ],
)
def test_a_bad_review_is_one_clear_line(folder, name, data, said):
    path = tar(folder, [*encoded(REVIEWS), (name, data)])
    for parse in (UPSTREAM, SPLITS):
        with pytest.raises(CourseError, match=said) as caught:
            parse(path, "train", silent)
        assert "\n" not in str(caught.value)


def reviews_or_one_line(path):
    """The labels that were read; none where one clear line says why not."""
    try:
        return set(SPLITS(path, "train", silent)["labels"].tolist())
    except CourseError as error:
        return set() if "\n" not in str(error) else str(error)


@settings(max_examples=40, deadline=None)
@given(keep=st.floats(0, 1), tail=st.binary(max_size=100), place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_no_bytes_make_the_parser_fail_in_another_way(folder, keep, tail, place, change):
    path = tar(folder, encoded(REVIEWS))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))] + tail)
    assert reviews_or_one_line(path) in (set(), {0, 1})
    changed = bytearray(whole)
    changed[place % len(whole)] ^= change
    path.write_bytes(changed)
    assert reviews_or_one_line(path) in (set(), {0, 1})
    assert reviews_or_one_line(tar(folder, [("aclImdb/train/pos/1_9.txt", tail)])) == set()


def test_texts_are_a_sequence_of_strings():
    reviews = load_dataset("imdb", "val", "embedded")
    texts, labels = make_reviews(1000, seed=2, training=False)
    assert isinstance(reviews, ReviewSet) and len(reviews) == len(reviews.texts) == 1000
    assert reviews[3] == (texts[3], labels[3]) and reviews.texts[-1] == texts[-1] and reviews.texts[5:8] == texts[5:8]
    assert list(reviews.texts) == texts and np.array_equal(reviews.labels, labels)
    assert texts[9] in reviews.texts and len(repr(reviews)) < 200 and repr(reviews.texts) == "1,000 texts"
    for index in (1000, -1001):
        with pytest.raises(IndexError):
            reviews.texts[index]


@pytest.fixture(scope="module")
def train():
    return make_reviews(DATASET.splits["train"], seed=1)


@pytest.fixture(scope="module")
def held_out():
    return make_reviews(2000, seed=7, training=False)


def test_labels_are_balanced_and_texts_differ(train, held_out):
    for texts, labels in (train, held_out):
        assert labels.mean() == 0.5
        assert len(set(texts)) > 0.99 * len(texts)
        sizes = [len(re.findall(r"[.](?: |$)", text)) for text in texts]
        assert set(sizes) == set(range(1, 7))
        assert all(text[0].isupper() and text.endswith(".") and "  " not in text for text in texts)
    assert 400 < len({word for text in train[0] for word in tokens(text)}) < 900


def test_no_name_and_no_noun_of_other_splits_is_in_training(train, held_out):
    common = set(re.findall(r"\w+", "a an in the of and design"))
    for cast, texts in ((words.HELD_OUT, train[0]), (words.TRAINING, held_out[0])):
        own = {word for group in astuple(cast) for entry in group for word in tokens(entry)} - common
        assert own & {word for text in texts for word in tokens(text)} == set()


def test_words_that_judge_are_shared(train, held_out):
    for texts, _ in (train, held_out):
        assert {word for text in texts for word in tokens(text)} >= set(JUDGING)


def tokens(text):
    return re.findall(r"[a-z']+", text.lower())


TABLES = (words.ADJECTIVES, words.VERBS, words.FEELINGS, words.VERDICTS)
JUDGING = {
    form.split()[0]: 1 - blame
    for table in TABLES
    for blame, entries in enumerate(table)
    for entry in entries
    for form in ([entry] if isinstance(entry, str) else entry)
}
NEGATED = re.compile(rf"\b({'|'.join(words.NEGATORS)})\b")


def verdict(text):
    """The label as the grammar's own rules find it in the text."""
    found = set()
    for sentence in text.lower().split(". "):
        if not set(tokens(sentence)) & set(JUDGING):
            continue
        clause = re.sub(r"^(although|even though) .*?, ", "", sentence)
        clause = re.sub(r", (although|even though) .*", "", clause)
        clause = re.sub(r".*, (but|yet) ", "", clause)
        (judged,) = (JUDGING[word] for word in tokens(clause) if word in JUDGING)
        found.add(judged ^ bool(NEGATED.search(clause)))
    (label,) = found
    return label


def test_the_grammars_rules_find_every_label(train, held_out):
    for texts, labels in (train, held_out):
        assert [verdict(text) for text in texts] == labels.tolist()


@pytest.mark.parametrize(("longest", "expected"), [(1, 0.69), (2, 0.85)])
def test_words_tell_a_little_and_pairs_more(train, held_out, longest, expected):
    vectors = CountVectorizer(ngram_range=(1, longest), binary=True)
    model = LogisticRegression(C=3, max_iter=500).fit(vectors.fit_transform(train[0]), train[1])
    assert model.score(vectors.transform(held_out[0]), held_out[1]) == pytest.approx(expected, abs=0.04)
