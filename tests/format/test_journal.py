"""Journal records: what opens is what was sealed, in its place, and nothing else opens (F-80, F-81)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from format.keys import GCM
from wafs.crypto.aead import OVERHEAD, Gcm
from wafs.errors import (
    AuthenticationError,
    DamageError,
    LimitError,
    MalformedError,
    TruncatedError,
    UnsupportedFormatError,
)
from wafs.format.encoding import Value, pack
from wafs.format.journal import (
    EPOCH_SIZE,
    JOURNAL_HEADER_SIZE,
    JOURNAL_ID_SIZE,
    LENGTH,
    MAX_RECORD,
    Change,
    Hole,
    Image,
    Patch,
    Piece,
    Start,
    check_record_length,
    decode_journal_header,
    encode_journal_header,
    open_record,
    seal_record,
)
from wafs.units import FileId

VAULT_ID = bytes(range(16))
JOURNAL_ID = bytes(range(100, 116))
FILE_ID = FileId(b"the file's own..")
HEAD = encode_journal_header(VAULT_ID, JOURNAL_ID)
VERSION_PLACE = 14
ID_PLACE = range(35, 51)

U32 = st.integers(0, (1 << 32) - 1)
U64 = st.integers(0, (1 << 64) - 1)
PAYLOADS = st.binary(max_size=300)
PIECES: st.SearchStrategy[Piece] = st.one_of(
    st.builds(Image, U32, PAYLOADS), st.builds(Patch, U32, U32, PAYLOADS), st.builds(Hole, U32, U32)
)
# The one time that cannot be told is the one whose number says that none is.
MTIMES = st.none() | st.integers(1 - (1 << 63), (1 << 63) - 1)
NUMBERS = st.integers(1, (1 << 64) - 1)
ONE = Change(FILE_ID, 7, 3, 5000, 2, [Image(0, b"new"), Patch(0, 1, b"e"), Hole(1, 2)], -1, 1)
SEALED_ONE = seal_record(GCM, JOURNAL_ID, 1, ONE)[LENGTH.size :]


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, Change]:
    number = draw(NUMBERS)
    pieces = draw(st.lists(PIECES, max_size=5))
    synced = draw(st.integers(0, number))
    file_id = FileId(draw(st.binary(min_size=16, max_size=16)))
    return number, Change(file_id, draw(U64), draw(U64), draw(U64), draw(U64), pieces, draw(MTIMES), synced)


def _sealed(number: int, value: Value) -> bytes:
    return GCM.seal(pack(value), JOURNAL_ID + number.to_bytes(8))


def _value(**changed: Value) -> list[Value]:
    """The array of a change, with fields of it replaced."""
    fields: dict[str, Value] = {"file_id": FILE_ID, "inode": 7, "counter": 3, "size": 5000, "kept": 2, "pieces": []}
    fields |= {"mtime": 0, "synced": 1}
    return list((fields | changed).values())


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_head_opens_in_its_vault(vault_id: bytes, journal_id: bytes) -> None:
    head = encode_journal_header(vault_id, journal_id)
    assert len(head) == JOURNAL_HEADER_SIZE
    assert decode_journal_header(head + b"records", vault_id) == journal_id


def test_a_short_head_is_truncated() -> None:
    for length in range(JOURNAL_HEADER_SIZE):
        with pytest.raises(TruncatedError, match=f"journal has {length} bytes, its head alone has 64"):
            decode_journal_header(HEAD[:length], VAULT_ID)


@pytest.mark.parametrize("bit", range(8))
def test_no_bit_of_a_head_but_the_id_can_be_changed(bit: int) -> None:
    for at in set(range(JOURNAL_HEADER_SIZE)) - set(ID_PLACE):
        changed = bytearray(HEAD)
        changed[at] ^= 1 << bit
        # The version is one byte, and only some of its changes give another number.
        expected = (UnsupportedFormatError, MalformedError) if at == VERSION_PLACE else (MalformedError,)
        with pytest.raises(expected):
            decode_journal_header(bytes(changed), VAULT_ID)


def test_the_id_of_a_head_is_what_records_are_bound_to() -> None:
    for at in ID_PLACE:
        changed = bytearray(HEAD)
        changed[at] ^= 1
        other = decode_journal_header(bytes(changed), VAULT_ID)
        assert other != JOURNAL_ID
        assert len(other) == JOURNAL_ID_SIZE
        with pytest.raises(AuthenticationError):
            open_record(GCM, other, 1, SEALED_ONE)


@pytest.mark.parametrize("version", [0, 2, 127])
def test_a_head_of_another_version_says_so(version: int) -> None:
    head = pack(["wafs.journal", version, VAULT_ID, JOURNAL_ID]).ljust(JOURNAL_HEADER_SIZE, b"\0")
    with pytest.raises(UnsupportedFormatError, match=f"journal has version {version}") as caught:
        decode_journal_header(head, VAULT_ID)
    assert caught.value.hint == "open the vault once with the wafs that wrote it"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (encode_journal_header(VAULT_ID[::-1], JOURNAL_ID), "belongs to another vault"),
        (pack(["wafs.journal", 1, VAULT_ID[1:], JOURNAL_ID + b"!"]), "belongs to another vault"),
        (HEAD[:-1] + b"\1", "does not begin like one"),
        (HEAD[:51] + b"\1" + HEAD[52:], "does not begin like one"),
        (pack(["wafs.janitor", 1, VAULT_ID, JOURNAL_ID]), "does not begin like one"),
        (pack(["wafs.journal", 1, VAULT_ID, "j" * 17]), "does not begin like one"),
        (pack(["wafs.journal", 1, VAULT_ID, b"j" * 14, 1, 1]), "does not begin like one"),
        (bytes(JOURNAL_HEADER_SIZE), "not one msgpack value|does not begin like one"),
    ],
)
def test_a_head_of_another_form_is_refused(head: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        decode_journal_header(head.ljust(JOURNAL_HEADER_SIZE, b"\0"), VAULT_ID)


@given(st.binary(min_size=JOURNAL_HEADER_SIZE, max_size=JOURNAL_HEADER_SIZE))
def test_bytes_at_random_are_no_head(data: bytes) -> None:
    with pytest.raises((DamageError, UnsupportedFormatError)):
        decode_journal_header(data, VAULT_ID)


@given(U64, U64)
def test_a_start_opens_as_it_was_sealed(sequence: int, since: int) -> None:
    record = seal_record(GCM, JOURNAL_ID, 0, Start(sequence, since))
    assert LENGTH.unpack(record[: LENGTH.size]) == (len(record) - LENGTH.size,)
    assert open_record(GCM, JOURNAL_ID, 0, record[LENGTH.size :]) == Start(sequence, since)


@given(changes())
def test_a_change_opens_as_it_was_sealed(numbered: tuple[int, Change]) -> None:
    number, change = numbered
    record = seal_record(GCM, JOURNAL_ID, number, change)
    (length,) = LENGTH.unpack(record[: LENGTH.size])
    check_record_length(length)
    assert open_record(GCM, JOURNAL_ID, number, record[LENGTH.size :]) == change
    assert len(record) == LENGTH.size + length


def test_a_payload_may_be_a_view() -> None:
    view = memoryview(bytearray(b"..view.."))[2:6]
    record = seal_record(GCM, JOURNAL_ID, 1, ONE._replace(pieces=[Image(0, view), Patch(0, 1, view)]))
    opened = open_record(GCM, JOURNAL_ID, 1, record[LENGTH.size :])
    assert opened == ONE._replace(pieces=[Image(0, b"view"), Patch(0, 1, b"view")])


def test_room_for_a_record_is_used_again_unless_somebody_holds_it() -> None:
    room = bytearray()
    first = bytes(seal_record(GCM, JOURNAL_ID, 1, ONE, room=room))
    assert room == first
    longer = ONE._replace(pieces=[Image(0, bytes(100))])
    held = memoryview(room)
    second = seal_record(GCM, JOURNAL_ID, 2, longer, room=room)
    assert held == first
    assert open_record(GCM, JOURNAL_ID, 2, second[LENGTH.size :]) == longer
    held.release()
    third = seal_record(GCM, JOURNAL_ID, 2, longer, room=room)
    assert third.obj is room
    assert open_record(GCM, JOURNAL_ID, 2, third[LENGTH.size :]) == longer


@pytest.mark.parametrize("mtime", [1 - (1 << 63), -1, 0, 1, (1 << 63) - 1])
def test_times_before_1970_are_kept(mtime: int) -> None:
    record = seal_record(GCM, JOURNAL_ID, 1, ONE._replace(mtime=mtime))
    opened = open_record(GCM, JOURNAL_ID, 1, record[LENGTH.size :])
    assert isinstance(opened, Change)
    assert opened.mtime == mtime


def test_a_record_that_was_cut_short_does_not_open() -> None:
    for length in range(len(SEALED_ONE)):
        with pytest.raises(AuthenticationError):
            open_record(GCM, JOURNAL_ID, 1, SEALED_ONE[:length])


@pytest.mark.parametrize("bit", range(8))
def test_no_bit_of_a_record_can_be_changed(bit: int) -> None:
    for at in range(len(SEALED_ONE)):
        changed = bytearray(SEALED_ONE)
        changed[at] ^= 1 << bit
        with pytest.raises(AuthenticationError):
            open_record(GCM, JOURNAL_ID, 1, changed)


@given(st.integers(0, (1 << 64) - 1).filter(lambda number: number != 1))
def test_a_record_opens_at_its_own_number_only(number: int) -> None:
    with pytest.raises(AuthenticationError):
        open_record(GCM, JOURNAL_ID, number, SEALED_ONE)


def test_a_record_opens_under_its_own_key_and_journal_only() -> None:
    with pytest.raises(AuthenticationError):
        open_record(Gcm(bytes(32)), JOURNAL_ID, 1, SEALED_ONE)
    with pytest.raises(AuthenticationError):
        open_record(GCM, JOURNAL_ID[::-1], 1, SEALED_ONE)
    assert open_record(GCM, JOURNAL_ID, 1, SEALED_ONE) == ONE


def test_a_start_and_a_change_cannot_stand_for_each_other() -> None:
    start = seal_record(GCM, JOURNAL_ID, 1, Start(0, 0))[LENGTH.size :]
    change = seal_record(GCM, JOURNAL_ID, 0, ONE._replace(synced=0))[LENGTH.size :]
    for number, sealed in ((1, start), (0, change)):
        with pytest.raises(MalformedError, match="a form that the format does not define"):
            open_record(GCM, JOURNAL_ID, number, sealed)


@pytest.mark.parametrize(
    "value",
    [
        [],
        0,
        {},
        _value(file_id=b"short"),
        _value(file_id="the file's own.."),
        _value(inode=b""),
        _value(counter="3"),
        _value(size=[]),
        _value(kept=b""),
        _value(pieces=b""),
        _value(pieces=[1]),
        _value(pieces=[[]]),
        _value(pieces=[[1]]),
        _value(pieces=[[b"", 1]]),
        _value(pieces=[[1, "text"]]),
        _value(pieces=[[1, 2, 3]]),
        _value(pieces=[[1, 2, b"", 3]]),
        _value(pieces=[{}]),
        _value(mtime=b""),
        _value(synced=b""),
        _value(synced=2),
        _value()[:-1],
        [*_value(), 0],
    ],
)
def test_a_change_of_another_form_is_malformed(value: Value) -> None:
    with pytest.raises(MalformedError, match="a form that the format does not define"):
        open_record(GCM, JOURNAL_ID, 1, _sealed(1, value))


def test_the_value_that_those_were_made_of_is_a_change() -> None:
    assert open_record(GCM, JOURNAL_ID, 1, _sealed(1, _value())) == Change(FILE_ID, 7, 3, 5000, 2, [], None, 1)


@pytest.mark.parametrize("value", [[], [0], [0, 0, 0], [b"", 0], 0])
def test_a_start_of_another_form_is_malformed(value: Value) -> None:
    with pytest.raises(MalformedError, match="a form that the format does not define"):
        open_record(GCM, JOURNAL_ID, 0, _sealed(0, value))


@pytest.mark.parametrize(
    "plain",
    [
        pack([0, 0]) + b"\0",
        b"\x92\x00",
        b"\x92\xcc\x01\x00",
        b"\xdc\x00\x02\x00\x00",
        b"\x92\xff\x00",
        b"\x92\xc2\x00",
        b"\x92\xca\x00\x00\x00\x00\x00",
        b"",
    ],
)
def test_only_the_one_encoding_of_a_record_opens(plain: bytes) -> None:
    sealed = GCM.seal(plain, JOURNAL_ID + bytes(8))
    with pytest.raises(MalformedError, match="msgpack"):
        open_record(GCM, JOURNAL_ID, 0, sealed)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(LimitError, match="nested deeper than 4"):
        open_record(GCM, JOURNAL_ID, 1, _sealed(1, _value(pieces=[[[[]]]])))


@given(U32)
def test_a_length_is_refused_before_it_is_paid_for(length: int) -> None:
    allowed = OVERHEAD < length <= MAX_RECORD
    with contextlib.nullcontext() if allowed else pytest.raises(LimitError, match=f"record of {length} bytes, at most"):
        check_record_length(length)


@pytest.mark.parametrize(("length", "allowed"), [(28, False), (29, True), (MAX_RECORD, True), (MAX_RECORD + 1, False)])
def test_the_ends_of_the_allowed_lengths(length: int, *, allowed: bool) -> None:
    with contextlib.nullcontext() if allowed else pytest.raises(LimitError, match="at most 16777216 are allowed"):
        check_record_length(length)


def test_a_mark_is_the_beginning_of_an_id() -> None:
    assert EPOCH_SIZE < JOURNAL_ID_SIZE


def test_a_record_that_no_reader_would_take_is_not_made() -> None:
    most = MAX_RECORD - OVERHEAD - len(pack(_value(pieces=[[0, b""]]))) - 3
    fits = ONE._replace(pieces=[Image(0, bytes(most))], mtime=None)
    assert len(seal_record(GCM, JOURNAL_ID, 1, fits)) == LENGTH.size + MAX_RECORD
    with pytest.raises(LimitError, match=f"record of {MAX_RECORD + 1} bytes, at most"):
        seal_record(GCM, JOURNAL_ID, 1, fits._replace(pieces=[Image(0, bytes(most + 1))]))
