"""This file tests `tap.ocpp`: whatever the text, the answer is a message or one named error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.tap import ocpp
from isolane.tap.ocpp import JsonError, Type

DEEP = b"[" * 100_000 + b"]" * 100_000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "kind", "identity", "word"),
    [
        (b'[2,"1","Heartbeat",{}]', Type.CALL, b'"1"', "Heartbeat"),
        (b' [ 2 , "1" , "Heartbeat" , { } ] ', Type.CALL, b'"1"', "Heartbeat"),
        (b'[2,17,"Heartbeat",{}]', Type.CALL, b"17", "Heartbeat"),
        (b'[3,"1",{"status":"Accepted"}]', Type.CALLRESULT, b'"1"', ""),
        (b'[4,"1","GenericError","",{}]', Type.CALLERROR, b'"1"', "GenericError"),
        (b'[5,"1","FormatViolation","",{}]', Type.CALLRESULTERROR, b'"1"', "FormatViolation"),
        (b'[6,"u","NotifyPeriodicEventStream",{}]', Type.SEND, b'"u"', "NotifyPeriodicEventStream"),
        (b'[2,"1","A",{},1,2,3]', Type.CALL, b'"1"', "A"),
        (b'[2,"1","' + b"A" * 200 + b'",{}]', Type.CALL, b'"1"', ""),
    ],
)
def test_reads_the_array(text: bytes, kind: Type, identity: bytes, word: str) -> None:
    message = ocpp.read(text)
    assert (message.type, message.id, message.word) == (kind, identity, word)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'["2","1","Heartbeat",{}]',
        b'[0,"1","Heartbeat",{}]',
        b'[1,"1","Heartbeat",{}]',
        b'[99,"1","Heartbeat",{}]',
        b'[2.5,"1","Heartbeat",{}]',
        b'[123456789012345678901234567890,"1","Heartbeat",{}]',
        b'[2,"1","Heartbeat"]',
        b'[3,"1"]',
        b'[2,"1",{},{}]',
        b'[2,"' + b"i" * 100 + b'","Heartbeat",{}]',
        b'[2,"1","\xff",{}]',
        b'[2,"1","Heartbeat",{}]x',
        b'[2,"1","Heartbeat",{"a" 1}]',
        b'[2,"1","Heartbeat",{"a":NaN}]',
        b'[2,"1","Heartbeat",{"a":"\\ud800"}]',
        DEEP,
        b'[2,"1","Heartbeat",' + DEEP + b"]",
        b'[2,"1","Heartbeat",' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]",
    ],
    ids=lambda text: text[:30].decode("latin-1"),
)
def test_refuses_what_is_no_message(text: bytes) -> None:
    with pytest.raises(JsonError, match="malformed-json"):
        ocpp.read(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "syntax"),
        (b'[2,"1","Heartbeat",{}]x', "syntax"),
        (b"{}", "form"),
        (b"[]", "form"),
        (b'[99,"1",{}]', "form"),
        (b'["2","1","Heartbeat",{}]', "form"),
        (b'[2,"1"', "syntax"),
        (b'[2,"1",{},{}]', "form"),
        (b'[2,"' + b"i" * 100 + b'","Heartbeat",{}]', "form"),
        (b'[2,"1","\xff",{}]', "encoding"),
        (b'[2,"1","Heartbeat",{"a":NaN}]', "number"),
        (b'[2,"1","Heartbeat",{"a":-Infinity}]', "number"),
        (b'[2,"1","Heartbeat",{"a":"\\ud800"}]', "surrogate"),
        (DEEP[:1000] * 20, "depth"),
        (b'[2,"1","Heartbeat",' + DEEP + b"]", "depth"),
        (b"x" * 100_000, "size"),
    ],
    ids=lambda text: text[:30].decode("latin-1") if isinstance(text, bytes) else text,
)
def test_says_why(text: bytes, why: str) -> None:
    with pytest.raises(JsonError) as raised:
        ocpp.read(text)
    assert raised.value.why == why


@pytest.mark.parametrize(
    ("text", "is_odd"),
    [
        (b'[2,"1","A",{}]', False),
        (b' [ 2 , "1" , "A" , { } ] ', False),
        (b'[2,7,"A",{}]', True),
        (b'[2,null,"A",{}]', True),
        (b'[2,"1","A",{},5]', True),
        (b'[2,"1","A",[]]', True),
        (b'[2,"1","A",null]', True),
        (b'[3,"1",{}]', False),
        (b'[3,"1",{},{}]', True),
        (b'[4,"1","GenericError","",{}]', False),
        (b'[4,"1","GenericError","",{},1]', True),
        (b'[5,"1","FormatViolation","",{}]', False),
        (b'[6,"1","NotifyPeriodicEventStream",{}]', False),
    ],
)
def test_what_can_be_read_may_still_be_odd(text: bytes, *, is_odd: bool) -> None:
    assert ocpp.read(text).is_odd == is_odd


def payload(text: str) -> dict[str, object]:
    return ocpp.read_payload(ocpp.read(f'[2,"1","MeterValues",{text}]'.encode()).payload)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"idTag":"A","idTag":"B"}', "ambiguous-json"),
        ('{"a":[{"b":{"c":1,"c":1}}]}', "ambiguous-json"),
        ('{"a":1,"\\u0061":2}', "ambiguous-json"),
        ("[1]", "malformed-json"),
        ('"text"', "malformed-json"),
        ('{"a":' + "9" * 5000 + "}", "malformed-json"),
        ('{"a":1e999}', "malformed-json"),
        ('{"a":[-1E400]}', "malformed-json"),
        ('{"a":"' + "x" * ocpp.PAYLOAD_BYTES_MAX + '"}', "oversize"),
    ],
    ids=lambda text: text[:20],
)
def test_refuses_a_payload_that_facts_must_not_come_from(text: str, reason: str) -> None:
    with pytest.raises(JsonError, match=reason):
        payload(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"idTag":"A","idTag":"B"}', "duplicate-key"),
        ('{"a":1e999}', "number"),
        ('{"a":' + "9" * 5000 + "}", "number"),
        ("[1]", "form"),
        ('{"a":"' + "x" * ocpp.PAYLOAD_BYTES_MAX + '"}', "size"),
    ],
    ids=lambda text: text[:20],
)
def test_says_why_of_a_payload(text: str, why: str) -> None:
    with pytest.raises(JsonError) as raised:
        payload(text)
    assert raised.value.why == why
    assert (why in ocpp.AMBIGUITIES) == (why in {"duplicate-key", "number"})


def test_a_payload_of_half_a_thousand_levels_is_read_or_refused() -> None:
    nested = '{"a":' * 500 + "1" + "}" * 500
    reason = ""
    try:
        assert "a" in payload(nested)
    except JsonError as error:
        reason = error.reason
    assert reason in {"", "malformed-json"}


def test_an_error_never_quotes_the_text() -> None:
    with pytest.raises(JsonError) as raised:
        ocpp.read(b'[2,"1","Authorize",{"idTag":"CANARY" "}]')
    assert "CANARY" not in repr(raised.value)
    assert raised.value.__suppress_context__


@given(value=st.dictionaries(st.text(max_size=10), VALUES, max_size=5))
def test_reads_every_object_as_the_standard_library_does(value: dict[str, object]) -> None:
    text = json.dumps(value)
    assert payload(text) == json.loads(text)


@given(text=st.binary(max_size=300) | st.text().map(str.encode))
def test_no_text_raises_anything_else(text: bytes) -> None:
    for wrapped in (text, b'[2,"1","MeterValues",' + text + b"]"):
        reason = ""
        try:
            ocpp.read_payload(ocpp.read(wrapped).payload)
        except JsonError as error:
            reason = error.reason
        assert reason in {"", "malformed-json", "ambiguous-json"}
