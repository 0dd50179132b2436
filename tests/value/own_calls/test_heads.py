"""This file checks that a message is known by its beginning, however that is written or cut."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.value.own_calls.heads import FOREIGN, HEAD_BYTES_MAX, NOTHING, Head, read_head

WHITE = st.text(" \t\r\n", max_size=4)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (b'[3,"a",{}]', Head(3, "a", "", whole=True)),
        (b'[4,"a","InternalError","",{}]', Head(4, "a", "", whole=True)),
        (b'[2,"a","Reset",{}]', Head(2, "a", "Reset", whole=True)),
        (b'\n[ 3.0 , "\\u0061" ,{}]', Head(3, "a", "", whole=True)),
        (b'[3e0,"a"', Head(3, "a", "", whole=True)),
        (b"", NOTHING),
        (b" [", NOTHING),
        (b"[3", NOTHING),
        (b"[3,", Head(3)),
        (b'[3,"', Head(3)),
        (b'[3,"a\\', Head(3)),
        (b'[2,"a"', Head(2, "a")),
        (b'[2,"a","Res', Head(2, "a")),
        (b"{", FOREIGN),
        (b"[3.5,", FOREIGN),
        (b"[1-2,", FOREIGN),
        (b'["3",', FOREIGN),
        (b"[3,4,", Head(3, whole=True)),
        (b'[3,"\xff"', Head(3, "", "", whole=True)),
        (b'[2,"a"]', Head(2, "a", whole=True)),
        (b" " * HEAD_BYTES_MAX, FOREIGN),
        (b'[3,"' + b"a" * HEAD_BYTES_MAX, Head(3, whole=True)),
    ],
)
def test_heads(text: bytes, head: Head) -> None:
    assert read_head(text) == head


@given(kind=st.integers(2, 6), white=st.lists(WHITE, min_size=4, max_size=4), escape=st.booleans(), data=st.data())
def test_a_cut_head_never_says_something_else(
    *, kind: int, white: list[str], escape: bool, data: st.DataObject
) -> None:
    identity = str(uuid.UUID(int=data.draw(st.integers(0, 2**128 - 1))))
    written = "".join(f"\\u{ord(char):04x}" for char in identity) if escape else identity
    a, b, c, d = white
    text = f'{a}[{b}{kind}{c},{d}"{written}",{json.dumps("Action")},{{}}]'.encode()
    whole = read_head(text)
    assert (whole.type, whole.id, whole.whole) == (kind, identity, True)
    for size in range(len(text)):
        part = read_head(text[:size])
        assert part.type in {0, kind}
        assert part.id in {"", identity}
        assert not part.whole or part == whole
