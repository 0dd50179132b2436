"""This file tests `tap.inflate` against what the `websockets` library compresses."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from isolane.tap.inflate import Agreement, Inflater, UnreadableError, Way, agreement
from support.tap_traffic import deflate

LIMIT = 100_000
TEXTS = st.lists(st.binary(max_size=400) | st.text(alphabet="abc{}", max_size=2000).map(str.encode), max_size=8)


def compressed(extension: object, text: bytes) -> bytes:
    return bytes(extension.encode(Frame(Opcode.TEXT, text)).data)  # type: ignore[attr-defined]


@given(texts=TEXTS, takeover=st.booleans(), bits=st.integers(9, 15))
def test_inflates_what_websockets_deflates(texts: list[bytes], *, takeover: bool, bits: int) -> None:
    extension, inflater = deflate(takeover=takeover, window_bits=bits), Inflater(Way(takeover, bits), LIMIT)
    assert [inflater.inflate(compressed(extension, text)) for text in texts] == texts


@given(texts=TEXTS.filter(len), takeover=st.booleans(), data=st.data())
def test_after_a_loss_each_message_is_right_or_refused(
    *, texts: list[bytes], takeover: bool, data: st.DataObject
) -> None:
    extension, inflater = deflate(takeover=takeover), Inflater(Way(takeover, 15), LIMIT)
    lost = data.draw(st.integers(0, len(texts) - 1))
    for number, text in enumerate(texts):
        body = compressed(extension, text)
        if number == lost:
            inflater.lose()
        elif takeover and number > lost:
            with pytest.raises(UnreadableError, match="compressed"):
                inflater.inflate(body)
        else:
            assert inflater.inflate(body) == text


@given(garbage=st.binary(max_size=200))
def test_garbage_is_refused_or_inflated_but_never_an_error_of_zlib(garbage: bytes) -> None:
    inflater = Inflater(Way(takeover=False, window_bits=15), LIMIT)
    reason = ""
    try:
        assert len(inflater.inflate(garbage)) <= LIMIT
    except UnreadableError as error:
        reason = error.reason
    assert reason in {"", "compressed", "oversize"}


@pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False), (50_000_000, False)])
def test_a_bomb_costs_one_limit(*, size: int, fits: bool) -> None:
    bomb = compressed(deflate(takeover=False), bytes(size))
    inflater = Inflater(Way(takeover=False, window_bits=15), LIMIT)
    if fits:
        assert inflater.inflate(bomb) == bytes(size)
    else:
        with pytest.raises(UnreadableError, match="oversize"):
            inflater.inflate(bomb)
    assert inflater.inflate(compressed(deflate(takeover=False), b"next")) == b"next"


def test_after_a_bomb_a_shared_context_is_lost() -> None:
    extension, inflater = deflate(takeover=True), Inflater(Way(takeover=True, window_bits=15), LIMIT)
    with pytest.raises(UnreadableError, match="oversize"):
        inflater.inflate(compressed(extension, bytes(LIMIT + 1)))
    with pytest.raises(UnreadableError, match="compressed"):
        inflater.inflate(compressed(extension, b"next"))


@pytest.mark.parametrize("takeover", [True, False])
def test_a_block_marked_as_last_ends_a_message(*, takeover: bool) -> None:
    deflater = zlib.compressobj(wbits=-15)
    body = deflater.compress(b"last block") + deflater.flush(zlib.Z_FINISH)
    inflater = Inflater(Way(takeover, 15), LIMIT)
    assert inflater.inflate(body + b"\x00") == b"last block"
    with pytest.raises(UnreadableError, match="compressed"):
        Inflater(Way(takeover, 15), LIMIT).inflate(body + b"more")


@pytest.mark.parametrize(
    ("extensions", "agreed"),
    [
        ("", None),
        ("x-webkit-deflate-frame", None),
        ("permessage-deflate", Agreement(Way(True, 15), Way(True, 15))),
        ("Permessage-Deflate; server_no_context_takeover", Agreement(Way(True, 15), Way(False, 15))),
        (
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            Agreement(Way(False, 15), Way(False, 15)),
        ),
        (
            'foo, permessage-deflate;server_max_window_bits="10" ; client_max_window_bits=9',
            Agreement(Way(True, 9), Way(True, 10)),
        ),
        ("permessage-deflate; client_max_window_bits", Agreement(Way(True, 15), Way(True, 15))),
        ("permessage-deflate; client_max_window_bits=99", Agreement(Way(True, 15), Way(True, 15))),
    ],
)
def test_reads_what_was_agreed(extensions: str, agreed: Agreement | None) -> None:
    assert agreement(extensions) == agreed
