"""This file tests `tap.stream`: however copies are cut and lost, what it gives is what was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode

from isolane.tap.inflate import Inflater, Way
from isolane.tap.stream import Budget, Closing, Item, Loss, Stream, Text
from support.tap_traffic import control, copies, deflate, message

LIMIT = 5_000


def stream(way: Way | None = None, *, budget: Budget | None = None) -> Stream:
    return Stream(Inflater(way, LIMIT) if way else None, budget or Budget(1 << 20), LIMIT)


@st.composite
def traffic(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], Way | None]:
    """Texts, the frames they were sent in with pings between them, and how they are compressed."""
    way = draw(st.none() | st.builds(Way, st.booleans(), st.integers(9, 15)))
    extension = deflate(takeover=way.takeover, window_bits=way.window_bits) if way else None
    masked = draw(st.booleans())
    texts = [b"%d:" % n + body for n, body in enumerate(draw(st.lists(st.binary(max_size=300), max_size=8)))]
    frames: list[bytes] = []
    for text in texts:
        cuts = draw(st.lists(st.integers(0, 300), max_size=3))
        for frame in message(text, masked=masked, extension=extension, cuts=cuts):
            if draw(st.booleans()):
                frames.append(control(Opcode.PING, draw(st.binary(max_size=10)), masked=masked))
            frames.append(frame)
    return texts, frames, way


def feed(subject: Stream, cut: list[tuple[int, int | None, bytes]]) -> list[Item]:
    return [item for offset, boundary, payload in cut for item in subject.feed(offset, boundary, payload)]


@given(sent=traffic(), cuts=st.lists(st.integers(0, 3000), max_size=30))
def test_without_loss_every_message_is_given(
    sent: tuple[list[bytes], list[bytes], Way | None], cuts: list[int]
) -> None:
    texts, frames, way = sent
    budget = Budget(1 << 20)
    subject = stream(way, budget=budget)
    assert feed(subject, copies(frames, cuts)) == [Text(text) for text in texts]
    subject.end()
    assert budget.held_bytes == 0


@given(sent=traffic(), cuts=st.lists(st.integers(0, 3000), max_size=30), data=st.data())
def test_with_loss_what_is_given_was_sent_in_this_order(
    sent: tuple[list[bytes], list[bytes], Way | None], cuts: list[int], data: st.DataObject
) -> None:
    texts, frames, way = sent
    cut = copies(frames, cuts)
    kept = [each for each in cut if data.draw(st.booleans())]
    items = feed(stream(way), kept)
    rest = iter(texts)
    assert all(item.payload in rest for item in items if isinstance(item, Text))
    assert {item.reason for item in items if isinstance(item, Loss)} <= {"copies-lost", "compressed"}


@given(copies_=st.lists(st.tuples(st.integers(0, 400), st.none() | st.integers(0, 200), st.binary(max_size=200))))
def test_no_bytes_raise(copies_: list[tuple[int, int | None, bytes]]) -> None:
    budget = Budget(1 << 20)
    subject = stream(Way(takeover=True, window_bits=15), budget=budget)
    feed(subject, copies_)
    subject.end()
    assert budget.held_bytes == 0


@given(chunks=st.lists(st.binary(max_size=100)))
def test_no_consecutive_bytes_raise(chunks: list[bytes]) -> None:
    subject, offset = stream(), 0
    for chunk in chunks:
        subject.feed(offset, 0, chunk)
        offset += len(chunk)


def test_reading_goes_on_at_the_next_boundary_after_a_gap() -> None:
    first, second, third = (message(text, masked=True)[0] for text in (b"one", b"two", b"three"))
    subject = stream()
    assert subject.feed(0, 0, first + second[:3]) == [Text(b"one")]
    late = len(first) + len(second) - 2
    assert subject.feed(late, 2, second[-2:] + third) == [Loss("copies-lost"), Text(b"three")]


def test_a_message_whose_beginning_was_missed_is_passed_over() -> None:
    parts = message(b"abcdef", masked=False, cuts=[2, 4])
    following = message(b"next", masked=False)[0]
    offset = len(parts[0])
    subject = stream()
    assert subject.feed(offset, 0, b"".join(parts[1:]) + following) == [Loss("copies-lost"), Text(b"next")]


def test_joining_a_stream_with_a_shared_context_reads_what_is_not_compressed() -> None:
    extension = deflate(takeover=True)
    missed = message(b"missed", masked=False, extension=extension)[0]
    later = message(b"later", masked=False, extension=extension)[0]
    plain = message(b"plain", masked=False)[0]
    subject = stream(Way(takeover=True, window_bits=15))
    assert subject.feed(len(missed), 0, later + plain) == [Loss("copies-lost"), Loss("compressed"), Text(b"plain")]


@pytest.mark.parametrize("cut_bytes", [1, 7, 1000, 100_000])
@pytest.mark.parametrize("fragments", [1, 4])
def test_a_message_above_the_limit_is_skipped_and_the_next_one_read(cut_bytes: int, fragments: int) -> None:
    size = LIMIT + 1
    long = message(bytes(size), masked=True, cuts=[size // fragments * part for part in range(1, fragments)])
    frames = [*long, *message(bytes(LIMIT), masked=True)]
    total = sum(map(len, frames))
    assert feed(stream(), copies(frames, range(0, total, cut_bytes))) == [Loss("oversize"), Text(bytes(LIMIT))]


def test_a_message_that_was_skipped_takes_a_shared_context_with_it() -> None:
    extension = deflate(takeover=True)
    long = message(bytes(range(256)) * 40, masked=True, extension=extension)
    text = b"".join((*long, *message(b"next", masked=True, extension=extension)))
    assert stream(Way(takeover=True, window_bits=15)).feed(0, 0, text) == [Loss("oversize"), Loss("compressed")]


def test_once_the_budget_is_spent_long_messages_are_given_up_and_short_ones_are_not() -> None:
    budget = Budget(100_000)
    waiting, other = (Stream(None, budget, 1 << 20) for _ in range(2))
    long = message(bytes(90_000), masked=False)[0]
    assert waiting.feed(0, 0, long[:-1]) == []
    assert budget.held_bytes == len(long) - 1
    short = message(bytes(10_000), masked=False)[0]
    assert other.feed(0, 0, short[:-1]) == []
    assert other.feed(len(short) - 1, None, short[-1:]) == [Text(bytes(10_000))]
    start = len(short)
    assert other.feed(start, 0, long[:80_000]) == [Loss("oversize")]
    assert other.feed(start + 80_000, None, long[80_000:] + short) == [Text(bytes(10_000))]
    parts = message(bytes(90_000), masked=False, cuts=[80_000])
    assert other.feed(start + len(long) + len(short), 0, parts[0]) == [Loss("oversize")]
    begin = start + len(long) + len(short) + len(parts[0])
    assert other.feed(begin, 0, parts[1] + short) == [Text(bytes(10_000))]
    assert waiting.feed(len(long) - 1, None, long[-1:]) == [Text(bytes(90_000))]
    assert budget.held_bytes == 0


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"\xf1\x00", id="reserved bits"),
        pytest.param(b"\x80\x00", id="continuation of nothing"),
        pytest.param(b"\x01\x00\x81\x00", id="message within a message"),
        pytest.param(b"\xc1\x00", id="compression that was not agreed"),
    ],
)
def test_bytes_that_are_no_frame_are_dropped_up_to_a_boundary(bad: bytes) -> None:
    good = message(b"good", masked=False)[0]
    subject = stream()
    assert subject.feed(0, 0, good + bad + good) == [Text(b"good"), Loss("malformed-frame")]
    begin = len(good + bad + good)
    assert subject.feed(begin, None, b"rest") == []
    assert subject.feed(begin + 4, 1, b"." + good) == [Text(b"good")]


def test_close_codes_are_seen_and_binary_messages_are_nobodys() -> None:
    frames = [*message(b"\x00", masked=True, opcode=Opcode.BINARY), control(Opcode.CLOSE, b"\x03\xe9bye", masked=True)]
    assert stream().feed(0, 0, b"".join(frames)) == [Closing(1001)]


CHUNKS = st.lists(
    st.tuples(
        st.binary(max_size=60)
        | st.builds(lambda text, masked: b"".join(message(text, masked=masked)), st.binary(max_size=40), st.booleans()),
        st.none() | st.integers(0, 70),
        st.sampled_from([0, 0, 0, 1, -1, 2**40]),
    ),
    max_size=12,
)


@given(chunks=CHUNKS, way=st.none() | st.builds(Way, st.booleans(), st.integers(9, 15)), limit=st.integers(1, 100))
def test_no_bytes_raise_and_nothing_stays_held(
    chunks: list[tuple[bytes, int | None, int]], way: Way | None, limit: int
) -> None:
    budget = Budget(200)
    subject, at = Stream(Inflater(way, limit) if way else None, budget, limit), 0
    for payload, boundary, skipped in chunks:
        at = max(0, at + skipped)
        for item in subject.feed(at, boundary, payload):
            if isinstance(item, Text):
                assert len(item.payload) <= limit
        at += len(payload)
        assert budget.held_bytes <= 10 * limit + 200
    subject.end()
    assert budget.held_bytes == 0
