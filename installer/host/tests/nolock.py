"""A FUSE file system that passes everything on, except locks: it has none. Needs fusepy."""
import errno
import os
import sys
from fuse import FUSE, FuseOSError, Operations
class Fs(Operations):
    def __init__(s, root): s.root = root
    def p(s, path): return s.root + path
    def getattr(s, path, fh=None):
        st = os.lstat(s.p(path))
        return {k: getattr(st, k) for k in ("st_atime","st_ctime","st_gid","st_mode","st_mtime","st_nlink","st_size","st_uid")}
    def readdir(s, path, fh): return [".", ".."] + os.listdir(s.p(path))
    def mkdir(s, path, mode): return os.mkdir(s.p(path), mode)
    def rmdir(s, path): return os.rmdir(s.p(path))
    def unlink(s, path): return os.unlink(s.p(path))
    def rename(s, old, new): return os.rename(s.p(old), s.p(new))
    def open(s, path, flags): return os.open(s.p(path), flags & ~os.O_APPEND)
    def create(s, path, mode, fi=None): return os.open(s.p(path), os.O_RDWR | os.O_CREAT, mode)
    def read(s, path, n, off, fh): return os.pread(fh, n, off)
    def write(s, path, data, off, fh): return os.pwrite(fh, data, off)
    def fsync(s, path, d, fh): return os.fsync(fh)
    def fsyncdir(s, path, d, fh): return 0
    def release(s, path, fh): return os.close(fh)
    def lock(s, path, fh, cmd, lock): raise FuseOSError(errno.ENOLCK)
FUSE(Fs(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True)
