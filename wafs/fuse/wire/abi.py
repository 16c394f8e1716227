"""Layouts: every struct of the protocol, compiled once.

Native byte order, no implicit padding ("="); reserved fields are pad bytes, so they are written
as zero and never read. The comment names the struct of linux/fuse.h and the minor version since
which the layout is as here. Times in attributes are signed, as the kernel reads them.
"""

from struct import Struct
from typing import Final

_ATTR: Final = "QQQqqqIIIIIIIIII"
_ENTRY: Final = "QQQQII" + _ATTR
_OPEN: Final = "QIi"
_SX_TIME: Final = "qI4x"

# Framing
IN_HEADER: Final[Struct] = Struct("=IIQQIIIH2x")  # fuse_in_header, 7.0; total_extlen since 7.38
OUT_HEADER: Final = Struct("=IiQ")  # fuse_out_header, 7.0

# Requests about the connection, and FORGET
INIT_IN_VERSION: Final = Struct("=II")  # fuse_init_in up to 7.5
INIT_IN: Final = Struct("=IIII")  # fuse_init_in, 7.6
INIT_IN_EXT: Final = Struct("=IIIII44x")  # fuse_init_in, 7.36
FORGET_IN: Final = Struct("=Q")  # fuse_forget_in, 7.0
FORGET_ONE: Final = Struct("=QQ")  # fuse_forget_one, 7.16
BATCH_FORGET_IN: Final = Struct("=I4x")  # fuse_batch_forget_in, 7.16
INTERRUPT_IN: Final = Struct("=Q")  # fuse_interrupt_in, 7.7
NOTIFY_RETRIEVE_IN: Final = Struct("=8xQI20x")  # fuse_notify_retrieve_in, 7.15
SYNCFS_IN: Final = Struct("=8x")  # fuse_syncfs_in, 7.34

# Requests on entries
MKNOD_IN: Final = Struct("=III4x")  # fuse_mknod_in, 7.12
MKDIR_IN: Final = Struct("=II")  # fuse_mkdir_in, 7.12
RENAME_IN: Final = Struct("=Q")  # fuse_rename_in, 7.0
RENAME2_IN: Final = Struct("=QI4x")  # fuse_rename2_in, 7.23
LINK_IN: Final = Struct("=Q")  # fuse_link_in, 7.0
CREATE_IN: Final = Struct("=IIII")  # fuse_create_in, 7.12; open_flags since 7.33

# Requests on attributes
GETATTR_IN: Final = Struct("=I4xQ")  # fuse_getattr_in, 7.9
SETATTR_IN: Final = Struct("=I4xQQQqqqIIII4xII4x")  # fuse_setattr_in, 7.23
STATX_IN: Final = Struct("=I4xQII")  # fuse_statx_in, 7.39
ACCESS_IN: Final = Struct("=I4x")  # fuse_access_in, 7.3
SETXATTR_IN: Final = Struct("=II")  # fuse_setxattr_in, 7.0
SETXATTR_IN_EXT: Final = Struct("=III4x")  # fuse_setxattr_in, 7.33 with SETXATTR_EXT
GETXATTR_IN: Final = Struct("=I4x")  # fuse_getxattr_in, 7.0; also LISTXATTR

# Requests on open files
OPEN_IN: Final = Struct("=II")  # fuse_open_in, 7.0; open_flags since 7.33
READ_IN: Final = Struct("=QQIIQI4x")  # fuse_read_in, 7.9
WRITE_IN: Final = Struct("=QQIIQI4x")  # fuse_write_in, 7.9
RELEASE_IN: Final = Struct("=QIIQ")  # fuse_release_in, 7.8
FLUSH_IN: Final = Struct("=Q8xQ")  # fuse_flush_in, 7.7
FSYNC_IN: Final = Struct("=QI4x")  # fuse_fsync_in, 7.0
LSEEK_IN: Final = Struct("=QqI4x")  # fuse_lseek_in, 7.24
FALLOCATE_IN: Final = Struct("=QQQI4x")  # fuse_fallocate_in, 7.19
COPY_FILE_RANGE_IN: Final = Struct("=QQQQQQQ")  # fuse_copy_file_range_in, 7.28
LK_IN: Final = Struct("=QQQQIII4x")  # fuse_lk_in with fuse_file_lock, 7.9
BMAP_IN: Final = Struct("=QI4x")  # fuse_bmap_in, 7.8
IOCTL_IN: Final = Struct("=QIIQII")  # fuse_ioctl_in, 7.11
POLL_IN: Final = Struct("=QQII")  # fuse_poll_in, 7.21
SETUPMAPPING_IN: Final = Struct("=QQQQQ")  # fuse_setupmapping_in, 7.31; virtiofs only
REMOVEMAPPING_IN: Final = Struct("=I")  # fuse_removemapping_in, 7.31; virtiofs only
REMOVEMAPPING_ONE: Final = Struct("=QQ")  # fuse_removemapping_one, 7.31; virtiofs only

# Replies
INIT_OUT: Final = Struct("=IIIIHHIIHHIIH22x")  # fuse_init_out, 7.23; last field 7.43
ENTRY_OUT: Final = Struct("=" + _ENTRY)  # fuse_entry_out with fuse_attr, 7.9
ATTR_OUT: Final = Struct("=QI4x" + _ATTR)  # fuse_attr_out with fuse_attr, 7.9
OPEN_OUT: Final = Struct("=" + _OPEN)  # fuse_open_out, 7.0; backing_id since 7.40
CREATE_OUT: Final = Struct("=" + _ENTRY + _OPEN)  # fuse_entry_out, then fuse_open_out, 7.3
WRITE_OUT: Final = Struct("=I4x")  # fuse_write_out, 7.0; also COPY_FILE_RANGE
COPY_FILE_RANGE_OUT: Final = Struct("=Q")  # fuse_copy_file_range_out, 7.45
STATFS_OUT: Final = Struct("=QQQQQIII28x")  # fuse_statfs_out with fuse_kstatfs, 7.4
GETXATTR_OUT: Final = Struct("=I4x")  # fuse_getxattr_out, 7.0
LSEEK_OUT: Final = Struct("=Q")  # fuse_lseek_out, 7.24
LK_OUT: Final = Struct("=QQII")  # fuse_lk_out with fuse_file_lock, 7.7
BMAP_OUT: Final = Struct("=Q")  # fuse_bmap_out, 7.8
IOCTL_OUT: Final = Struct("=iIII")  # fuse_ioctl_out, 7.11
POLL_OUT: Final = Struct("=I4x")  # fuse_poll_out, 7.11
STATX_OUT: Final = Struct(  # fuse_statx_out with fuse_statx and fuse_sx_time, 7.39
    "=QI4x16x" + "IIQIIIH2xQQQQ" + _SX_TIME * 4 + "IIII112x"
)
DIRENT: Final = Struct("=QQII")  # fuse_dirent up to its name, 7.0
DIRENTPLUS_SIZE: Final = ENTRY_OUT.size + DIRENT.size  # fuse_direntplus up to its name, 7.21

# Notifications, after a fuse_out_header with unique 0
NOTIFY_POLL_OUT: Final = Struct("=Q")  # fuse_notify_poll_wakeup_out, 7.11
NOTIFY_INVAL_INODE_OUT: Final = Struct("=Qqq")  # fuse_notify_inval_inode_out, 7.12
NOTIFY_INVAL_ENTRY_OUT: Final = Struct("=QII")  # fuse_notify_inval_entry_out, 7.12; flags 7.38
NOTIFY_DELETE_OUT: Final = Struct("=QQI4x")  # fuse_notify_delete_out, 7.18
NOTIFY_STORE_OUT: Final = Struct("=QQI4x")  # fuse_notify_store_out, 7.15
NOTIFY_RETRIEVE_OUT: Final = Struct("=QQQI4x")  # fuse_notify_retrieve_out, 7.15
NOTIFY_PRUNE_OUT: Final = Struct("=I12x")  # fuse_notify_prune_out, 7.45

MIN_READ_BUFFER: Final = 8192
"""Bytes: the kernel answers a read of the device with a smaller buffer with EINVAL."""

PAGE_ROOM: Final = 4096
"""Bytes a receive buffer has beyond max_write, for the headers of a WRITE."""
