"""Replies: exact bytes, and what a kernel reads in them."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from wafs.fuse.wire import abi, replies
from wafs.fuse.wire.flags import EXPIRE_ONLY, InitFlag
from wire import layouts
from wire.answers import attr_of, entry_of

U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
TIMES = st.integers(-(2**63) * 10**9, (2**63) * 10**9 - 1)
TTLS = st.integers(0, 10**18)
attrs = st.builds(replies.Attr, U64, U64, U64, TIMES, TIMES, TIMES, U32, U32, U32, U32, U32, U32)
entries = st.lists(st.tuples(U64, U64, U32, st.binary(min_size=1, max_size=255)), max_size=20)


def test_header_and_error() -> None:
    assert replies.header(7, 100) == struct.pack("=IiQ", 116, 0, 7)
    assert replies.error(7, 2) == struct.pack("=IiQ", 16, -2, 7)
    assert replies.HEADER_SIZE == 16


def test_sizes_are_those_of_the_kernel_header() -> None:
    sizes = {
        "IN_HEADER": 40, "OUT_HEADER": 16, "INIT_IN": 16, "INIT_IN_EXT": 64, "SETATTR_IN": 88,
        "READ_IN": 40, "WRITE_IN": 40, "LK_IN": 48, "IOCTL_IN": 32, "COPY_FILE_RANGE_IN": 56,
        "SETXATTR_IN": 8, "SETXATTR_IN_EXT": 16, "NOTIFY_RETRIEVE_IN": 40, "INIT_OUT": 64,
        "ENTRY_OUT": 128, "ATTR_OUT": 104, "CREATE_OUT": 144, "STATFS_OUT": 80, "STATX_OUT": 288,
        "DIRENT": 24, "NOTIFY_STORE_OUT": 24, "NOTIFY_RETRIEVE_OUT": 32, "NOTIFY_PRUNE_OUT": 16,
        "SETUPMAPPING_IN": 40, "REMOVEMAPPING_IN": 4, "REMOVEMAPPING_ONE": 16,
    }  # fmt: skip
    assert {name: getattr(abi, name).size for name in sizes} == sizes
    assert abi.DIRENTPLUS_SIZE == 152


@given(attrs, U64, U64, TTLS, TTLS)
def test_entry_is_read_as_it_was_written(
    attr: replies.Attr, nodeid: int, generation: int, entry_ttl_ns: int, attr_ttl_ns: int
) -> None:
    body = replies.entry_out(nodeid, generation, attr, entry_ttl_ns=entry_ttl_ns, attr_ttl_ns=attr_ttl_ns)
    read = entry_of(layouts.decode(layouts.ENTRY, body))
    assert tuple(read[:4]) == (nodeid, generation, entry_ttl_ns, attr_ttl_ns)
    assert tuple(read.attr) == tuple(attr)


@given(attrs, TTLS)
def test_attributes_are_read_as_they_were_written(attr: replies.Attr, ttl_ns: int) -> None:
    read = layouts.decode(layouts.ATTR, replies.attr_out(attr, ttl_ns=ttl_ns))
    assert tuple(attr_of(read)) == tuple(attr)
    assert (read["attr_valid"], read["attr_valid_nsec"]) == divmod(ttl_ns, 10**9)


def test_time_before_1970_is_floored() -> None:
    attr = replies.Attr(1, 0, 0, -1, -1_000_000_000, -1_500_000_000, 0o100644, 1, 0, 0, 0, 4096)
    read = layouts.decode(layouts.ATTR, replies.attr_out(attr, ttl_ns=0))
    assert (read["atime"], read["atimensec"]) == (-1, 999_999_999)
    assert (read["mtime"], read["mtimensec"]) == (-1, 0)
    assert (read["ctime"], read["ctimensec"]) == (-2, 500_000_000)


def test_missing_entry_has_a_time_out_and_nothing_else() -> None:
    body = replies.no_entry_out(entry_ttl_ns=2_000_000_005)
    read = layouts.decode(layouts.ENTRY, body)
    assert {name: value for name, value in read.items() if value} == {
        "entry_valid": 2,
        "entry_valid_nsec": 5,
    }


def test_statx_splits_the_device_number() -> None:
    rdev = (70000 & 0xFF) | 300 << 8 | (70000 & ~0xFF) << 12
    attr = replies.Attr(1, 2, 3, -1, 5, 6, 0o020600, 1, 7, 8, rdev, 4096)
    body = replies.statx_out(attr, mask=0xFFF, ttl_ns=1, btime_ns=-1)
    read = layouts.decode(layouts.REPLIES["STATX"], body)
    assert (read["rdev_major"], read["rdev_minor"]) == (300, 70000)
    assert (read["mode"], read["uid"], read["gid"], read["size"]) == (0o020600, 7, 8, 2)
    assert (read["atime_sec"], read["atime_nsec"]) == (-1, 999_999_999)
    assert (read["btime_sec"], read["btime_nsec"]) == (-1, 999_999_999)


def test_init_splits_the_flags() -> None:
    flags = InitFlag.MAX_PAGES | InitFlag.INIT_EXT | InitFlag.HAS_EXPIRE_ONLY
    init = replies.InitOut(45, 1 << 20, flags, 12, 9, 1 << 20, 1, 256, request_timeout=30)
    read = layouts.decode(layouts.REPLIES["INIT"], replies.init_out(init))
    assert {name: value for name, value in read.items() if value} == {
        "major": 7, "minor": 45, "max_readahead": 1 << 20, "flags": 1 << 22 | 1 << 30,
        "flags2": 1 << 3, "max_background": 12, "congestion_threshold": 9, "max_write": 1 << 20,
        "time_gran": 1, "max_pages": 256, "request_timeout": 30,
    }  # fmt: skip


def test_small_bodies() -> None:
    assert replies.open_out(5, 3) == struct.pack("=QII", 5, 3, 0)
    assert replies.create_out(b"entry", 5, 3) == b"entry" + struct.pack("=QII", 5, 3, 0)
    assert replies.write_out(9) == struct.pack("=II", 9, 0)
    assert replies.copy_file_range_64_out(1 << 40) == struct.pack("=Q", 1 << 40)
    assert replies.xattr_size_out(9) == struct.pack("=II", 9, 0)
    assert replies.lseek_out(9) == struct.pack("=Q", 9)
    assert replies.bmap_out(9) == struct.pack("=Q", 9)
    assert replies.poll_out(9) == struct.pack("=II", 9, 0)
    assert replies.ioctl_out(-1) == struct.pack("=iIII", -1, 0, 0, 0)
    assert replies.lk_out(start=1, end=2, type_=3, pid=4) == struct.pack("=QQII", 1, 2, 3, 4)


@given(entries)
def test_directory_is_read_as_it_was_written(listed: list[tuple[int, int, int, bytes]]) -> None:
    packed = [replies.pack_dirent(*entry) for entry in listed]
    assert [len(one) for one in packed] == [replies.dirent_size(entry[3]) for entry in listed]
    assert _listed(b"".join(packed), plus=False) == listed


@given(entries, attrs)
def test_directory_with_attributes_is_read_as_it_was_written(
    listed: list[tuple[int, int, int, bytes]], attr: replies.Attr
) -> None:
    front = replies.entry_out(4, 5, attr, entry_ttl_ns=6, attr_ttl_ns=7)
    packed = [replies.pack_direntplus(front, *entry) for entry in listed]
    assert [len(one) for one in packed] == [replies.direntplus_size(entry[3]) for entry in listed]
    assert _listed(b"".join(packed), plus=True) == listed


def _listed(data: bytes, *, plus: bool) -> list[tuple[object, ...]]:
    fields = layouts.dirent_fields(data, plus=plus)
    columns = [
        [field.value for field in fields if field.name.startswith(f"{name}[")]
        for name in ("ino", "off", "type", "name")
    ]
    return list(zip(*columns, strict=True))


def test_notifications() -> None:
    assert replies.notify_inval_inode(5, offset=-1, length=0) == struct.pack("=IiQ Qqq", 40, 2, 0, 5, -1, 0)
    assert replies.notify_inval_entry(5, b"name", flags=EXPIRE_ONLY) == (
        struct.pack("=IiQ QII", 37, 3, 0, 5, 4, 1) + b"name\0"
    )
    assert replies.notify_delete(5, 6, b"name") == (struct.pack("=IiQ QQII", 45, 6, 0, 5, 6, 4, 0) + b"name\0")
    assert replies.notify_prune([5, 6]) == struct.pack("=IiQ IIQ QQ", 48, 9, 0, 2, 0, 0, 5, 6)
    assert replies.notify_store(5, offset=8, size=100) == struct.pack("=IiQ QQII", 140, 4, 0, 5, 8, 100, 0)
