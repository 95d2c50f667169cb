"""Text of unknown origin in messages."""

from __future__ import annotations

import json
import sys

from hypothesis import given
from hypothesis import strategies as st

from disttrain.messages import display, escaped, escaped_json

UNSAFE = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\nb",
    "a\tb\r",
    "\u202eevil",
    "\u2066x\u2069",
    "\u200b",
    "\ud800",
    "\U000e0041",
    "\x7f",
]


@given(st.text(st.characters(codec=None)) | st.sampled_from(UNSAFE))
def test_what_is_shown_is_one_printable_line_of_80_characters(text):
    assert escaped(text).isprintable()
    assert display(text).isprintable()
    assert len(display(text)) <= 80
    assert display(text) == text or not text.isprintable() or len(text) > 80


@given(
    st.recursive(
        st.text(st.characters(codec=None)) | st.sampled_from(UNSAFE), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_escaped_json_says_the_same_and_is_printable(value):
    text = escaped_json(json.dumps(value, ensure_ascii=False))
    assert text.isprintable()
    assert json.loads(text) == value


def test_every_character_that_is_not_printable_is_escaped():
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        assert character.isprintable() or escaped(character).startswith("\\")
