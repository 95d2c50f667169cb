"""YAML 1.2 is read as it is written, and nothing in a file can surprise, run or exhaust anything."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain import config
from disttrain.config.yaml import parser
from disttrain.config.yaml.scalars import plain, problems_in, resolved
from disttrain.errors import ConfigError

# Word -> value, from the examples and tables of YAML 1.2.2, chapter 10.
CORE = {
    "1e-3": 1e-3, "1.0e-6": 1e-6,
    "1e3": 1000.0, ".5": 0.5, "-.5": -0.5, "5.": 5.0, "+1.5": 1.5, "6.02E+23": 6.02e23, "1": 1, "-17": -17, "+3": 3,
    "007": 7, "0o17": 15, "0x1F": 31, "null": None, "~": None, "Null": None, "true": True, "True": True, "FALSE": False,
    "no": "no", "on": "on", "yes": "yes", "Off": "Off", "y": "y", "1_000": "1_000", "12:30:45": "12:30:45", "190:20": "190:20",
    "2024-01-31": "2024-01-31", "0b11": "0b11", "1e": "1e", "e3": "e3", ".": ".", "0x": "0x",
    "nan": "nan", "inf": "inf", "=": "=",
}  # fmt: skip

# Text -> (code, line, column) of what it must be refused for.
FAULTS = {
    "a: !!python/object/apply:os.system [x]": ("yaml-tag", 1, 4),
    "a: !x 1": ("yaml-tag", 1, 4),
    "a: !f!x 1": ("yaml-tag", 1, 4),
    "!!map {a: 1}": ("yaml-tag", 1, 1),
    "a: &x 1": ("yaml-alias", 1, 4),
    "a: *x": ("yaml-alias", 1, 4),
    "<<: {a: 1}": ("yaml-merge", 1, 1),
    "a: 1\nb: 2\na: 3": ("duplicate-key", 3, 1),
    "x: {a: 1, 'a': 2}": ("duplicate-key", 1, 11),
    "x:\n  1: a": ("key-not-text", 2, 3),
    "true: a": ("key-not-text", 1, 1),
    "? [a]\n: b": ("key-not-text", 1, 3),
    "? {a: 1}\n: b": ("key-not-text", 1, 3),
    "{null: 1}": ("key-not-text", 1, 2),
    "a: .nan": ("out-of-range", 1, 4),
    "a: [1, -.inf]": ("out-of-range", 1, 8),
    "a: 1e400": ("out-of-range", 1, 4),
    "a: " + "9" * 5_000: ("out-of-range", 1, 4),
    "a: 9223372036854775808": ("out-of-range", 1, 4),
    "a: 0x" + "f" * 40: ("out-of-range", 1, 4),
    "a: 1\n---\nb: 1": ("yaml-syntax", 2, 1),
    "a: [1, 2\nb: 3": ("yaml-syntax", 1, 4),
    "a: -": ("yaml-syntax", 1, 4),
    "a: {b: 1": ("yaml-syntax", 1, 4),
    'a: "x': ("yaml-syntax", 1, 4),
    "a:\n\tb: 1": ("yaml-syntax", 2, 1),
    "a: @x": ("yaml-syntax", 1, 4),
    "a: b: c": ("yaml-syntax", 1, 5),
    "a: }": ("yaml-syntax", 1, 4),
    "a:\n  - 1\n b: 2": ("yaml-syntax", 3, 2),
    "[" * 100_000: ("too-deep", 1, 41),
    "{a: " * 100_000: ("too-deep", 1, 161),
    "- " * 100_000: ("too-deep", 1, 81),
    "a: 'x\x1by'": ("not-text", 1, 6),
    "a: x\x00": ("not-text", 1, 1),
    "a: \ufeffx": ("not-text", 1, 4),
    "a: [" + "1, " * 100_001 + "]": ("too-large", 1, 300_005),
    "a: 'ü\ud800'": ("not-text", 1, 6),
}


def faults(text: str) -> list[tuple[str, int, int]]:
    reading = parser.read(text.encode("utf-8", "surrogatepass"))
    return [(fault.problem.code, fault.span.line, fault.span.column) for fault in reading.faults]


@pytest.fixture(params=["libyaml", "python"])
def reader(request, monkeypatch):
    """Both readers that PyYAML may have."""
    monkeypatch.setattr(parser, "_READER", yaml.CSafeLoader if request.param == "libyaml" else yaml.SafeLoader)


@pytest.mark.parametrize("word", CORE)
def test_a_plain_word_has_the_value_of_the_core_schema(word):
    value = parser.read(f"a: {word}".encode()).value["a"]
    assert (type(value), value) == (type(CORE[word]), CORE[word])


def test_a_quoted_word_is_text():
    for word in CORE:
        assert parser.read(f"- '{word}'\n- \"{word}\"".encode()).value == [word, word]


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("text", FAULTS, ids=lambda text: ascii(text[:30]))
def test_what_is_ambiguous_or_dangerous_is_refused_with_its_place(text):
    assert faults(text)[0] == FAULTS[text]


def test_every_fault_of_a_file_is_found_in_one_pass():
    found = sorted(faults("a: .nan\na: *x\n<<: &y 1\n3: !z 4\n"), key=lambda fault: fault[1:])
    assert [code for code, *_ in found] == [
        "out-of-range", "duplicate-key", "yaml-alias", "yaml-merge", "yaml-alias", "key-not-text", "yaml-tag",
    ]  # fmt: skip


def test_a_merge_key_bomb_costs_nothing():
    bomb = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60))
    assert {code for code, *_ in faults(bomb)} == {"yaml-alias", "yaml-merge"}


@pytest.mark.parametrize("data", [b"\xff\xfea\x00", b"\xfe\xff\x00a", b"PAR1\x00\x15", b"a: 1\nb: \xe9\n", b"a: 1\n" * 300_000])
def test_what_is_not_a_text_is_refused(data):
    reading = parser.read(data)
    assert [fault.problem.code for fault in reading.faults] == ["too-large" if len(data) > 10**6 else "not-text"]


def test_the_place_of_a_byte_that_is_not_utf8():
    assert parser.read("ä: ü\nb: é".encode() + b"\xe9").faults[0].span[:2] == (2, 5)


def test_a_byte_order_mark_and_windows_line_ends_are_welcome():
    reading = parser.read(b"\xef\xbb\xbfa: 1\r\nb: [x]\r\n")
    assert reading.value == {"a": 1, "b": ["x"]}
    assert reading.spans[("b", 0)].value == (2, 5, 1)


@pytest.mark.usefixtures("reader")
def test_every_value_and_key_has_its_place():
    spans = parser.read(b"a: one\nb:\n  - {c: 2, d: [3]}\n  - 'x y'\ne:\n  f: 1\n").spans
    assert spans[("a",)] == ((1, 1, 1), (1, 4, 3), True)
    assert spans[("b", 0, "d")] == ((3, 12, 1), (3, 15, 3), False)
    assert spans[("b", 1)].value == (4, 5, 5)
    assert spans[("e",)].value == spans[("e",)].key == (5, 1, 1)


def test_an_empty_file_says_nothing():
    for text in (b"", b"# only a comment\n", b"---\n", b"null"):
        assert (parser.read(text).value, parser.read(text).faults) == (None, ())


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.text("a:-{}[]&*!|>'\"%@ \n\t#,?<=0.", max_size=60))
def test_no_text_makes_the_reader_crash(text):
    reading = parser.read(text.encode())
    assert all(fault.span.line >= 1 and fault.span.column >= 1 and fault.span.width >= 1 for fault in reading.faults)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_loading_crash(data):
    with pytest.raises(ConfigError) as caught:
        config.loads(data.decode("latin-1"))
    assert caught.value.findings


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63) + 1, 2**63 - 1))
def test_the_repr_of_a_number_reads_back_as_that_number(number):
    assert resolved(repr(number)) == number
    assert math.copysign(1.0, resolved(repr(number))) == math.copysign(1.0, number)


def test_a_document_that_lies_in_itself_is_refused():
    loop: dict = {}
    loop["a"] = [loop, loop]
    with pytest.raises(ConfigError, match="too deep"):
        config.parse(loop)


def test_plain_values_of_python_are_copied_and_others_named():
    assert plain({"a": (1, 2.5), "b": {"c": None}, "d": Path("e")}) == {"a": [1, 2.5], "b": {"c": None}, "d": "e"}
    odd = {"a": (1, 2.5), "b": {"c": object()}, 3: 4, "d": math.inf, "e": 10**400, "f": "\ud800"}
    assert [problem.path for problem in problems_in(odd)] == [("b", "c"), (), ("d",), ("e",), ("f",)]
