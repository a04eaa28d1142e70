//! The wire: decodes a FUSE request, has it served, encodes the answer. With
//! `session`, `fill` and `encode`, the only place that names the library.

use super::believed::Believed;
use super::encode::{attributes, caller, errno, time_set};
use super::fill::{fill, fill_plus};
use super::service::Service;
use crate::fs::request::{Answer, Change, Outcome, Request, WriteSync};
use fuser::{
    Errno, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags,
    TimeOrNow, WriteFlags,
};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

/// Background requests the kernel may have under way: frozen ones must not starve the others.
const BACKGROUND: u16 = u16::MAX;

pub(crate) struct Wire {
    pub(crate) service: Arc<Service>,
}

/// Answers with an error, and says in the log when an answer has the wrong shape: that is our mistake.
macro_rules! answer {
    ($reply:ident, $outcome:expr, $($shape:pat => $send:expr),+ $(,)?) => {
        match $outcome {
            $(Ok($shape) => $send,)+
            Ok(other) => {
                tracing::error!(?other, "answer of the wrong shape");
                $reply.error(Errno::EIO)
            }
            Err(error) => $reply.error(errno(error)),
        }
    };
}

impl Wire {
    /// How the kernel treats an open file: never the flags it was opened with.
    fn open_flags(&self) -> FopenFlags {
        if self.service.cached {
            FopenFlags::empty()
        } else {
            FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES
        }
    }

    fn entry(&self, by: &fuser::Request, request: Request<'_>, reply: fuser::ReplyEntry) {
        self.service.serve(request, caller(by), move |service, outcome| {
            answer!(reply, outcome, Answer::Entry(stat) => {
                let Believed { name, attributes: valid } = Believed::by(service).of(&stat);
                reply.entry_with_ttls(&valid, &name, &attributes(&stat), Generation(0));
            })
        });
    }

    fn attr(&self, by: &fuser::Request, request: Request<'_>, reply: fuser::ReplyAttr) {
        self.service.serve(request, caller(by), move |service, outcome| {
            let valid = Believed::by(service).attributes;
            answer!(reply, outcome, Answer::Attributes(stat) => reply.attr(&valid, &attributes(&stat)))
        });
    }

    fn done(&self, by: &fuser::Request, request: Request<'_>, reply: fuser::ReplyEmpty) {
        self.service.serve(
            request,
            caller(by),
            move |_, outcome| answer!(reply, outcome, Answer::Done => reply.ok()),
        );
    }

    fn data(&self, by: &fuser::Request, request: Request<'_>, reply: fuser::ReplyData) {
        self.service.serve(
            request,
            caller(by),
            move |_, outcome| answer!(reply, outcome, Answer::Data(data) => reply.data(&data)),
        );
    }

    fn written(&self, by: &fuser::Request, request: Request<'_>, reply: fuser::ReplyWrite) {
        self.service.serve(
            request,
            caller(by),
            move |_, outcome| answer!(reply, outcome, Answer::Written(n) => reply.written(n as u32)),
        );
    }

    fn xattr(&self, by: &fuser::Request, request: Request<'_>, reply: fuser::ReplyXattr) {
        self.service.serve(request, caller(by), move |_, outcome| {
            answer!(reply, outcome,
                Answer::XattrSize(size) => reply.size(size),
                Answer::Data(data) => reply.data(&data))
        });
    }

    fn opened(&self, by: &fuser::Request, request: Request<'_>, flags: FopenFlags, reply: fuser::ReplyOpen) {
        self.service.serve(request, caller(by), move |_, outcome| {
            answer!(reply, outcome, Answer::Opened(handle) => reply.opened(fuser::FileHandle(handle), flags))
        });
    }
}

fn borrowed(name: &OsStr) -> Cow<'_, OsStr> {
    Cow::Borrowed(name)
}

impl fuser::Filesystem for Wire {
    fn init(&mut self, _: &fuser::Request, config: &mut KernelConfig) -> std::io::Result<()> {
        for wanted in [
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_ASYNC_DIO,
            InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
            InitFlags::FUSE_AUTO_INVAL_DATA,
        ] {
            if let Err(missing) = config.add_capabilities(wanted) {
                tracing::debug!(?missing, "the kernel lacks a FUSE capability");
            }
        }
        if config.capabilities().contains(InitFlags::FUSE_HAS_EXPIRE_ONLY) {
            self.service.expires.store(true, Relaxed);
        }
        for (what, result) in [
            ("max_write", config.set_max_write(1 << 20)),
            ("max_background", config.set_max_background(BACKGROUND).map(u32::from).map_err(u32::from)),
        ] {
            if let Err(nearest) = result {
                tracing::debug!(what, nearest, "the kernel allows another value");
            }
        }
        Ok(())
    }

    fn lookup(&self, by: &fuser::Request, parent: INodeNo, name: &OsStr, reply: fuser::ReplyEntry) {
        self.entry(by, Request::Lookup { parent: parent.0, name: borrowed(name) }, reply);
    }

    fn forget(&self, _: &fuser::Request, ino: INodeNo, count: u64) {
        self.service.fs.forget(ino.0, count);
    }

    fn getattr(
        &self,
        by: &fuser::Request,
        ino: INodeNo,
        handle: Option<fuser::FileHandle>,
        reply: fuser::ReplyAttr,
    ) {
        self.attr(by, Request::Getattr { ino: ino.0, handle: handle.map(|h| h.0) }, reply);
    }

    fn setattr(
        &self,
        by: &fuser::Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        handle: Option<fuser::FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: fuser::ReplyAttr,
    ) {
        let change = Change { mode, uid, gid, size, atime: time_set(atime), mtime: time_set(mtime) };
        self.attr(by, Request::Setattr { ino: ino.0, handle: handle.map(|h| h.0), change }, reply);
    }

    fn readlink(&self, by: &fuser::Request, ino: INodeNo, reply: fuser::ReplyData) {
        self.data(by, Request::Readlink { ino: ino.0 }, reply);
    }

    fn mknod(
        &self,
        by: &fuser::Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        device: u32,
        reply: fuser::ReplyEntry,
    ) {
        self.entry(by, Request::Mknod { parent: parent.0, name: borrowed(name), mode, device }, reply);
    }

    fn mkdir(
        &self,
        by: &fuser::Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: fuser::ReplyEntry,
    ) {
        self.entry(by, Request::Mkdir { parent: parent.0, name: borrowed(name), mode }, reply);
    }

    fn unlink(&self, by: &fuser::Request, parent: INodeNo, name: &OsStr, reply: fuser::ReplyEmpty) {
        self.done(by, Request::Unlink { parent: parent.0, name: borrowed(name) }, reply);
    }

    fn rmdir(&self, by: &fuser::Request, parent: INodeNo, name: &OsStr, reply: fuser::ReplyEmpty) {
        self.done(by, Request::Rmdir { parent: parent.0, name: borrowed(name) }, reply);
    }

    fn symlink(
        &self,
        by: &fuser::Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: fuser::ReplyEntry,
    ) {
        let target = borrowed(target.as_os_str());
        self.entry(by, Request::Symlink { parent: parent.0, name: borrowed(name), target }, reply);
    }

    fn rename(
        &self,
        by: &fuser::Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: fuser::ReplyEmpty,
    ) {
        let request = Request::Rename {
            parent: parent.0,
            name: borrowed(name),
            new_parent: new_parent.0,
            new_name: borrowed(new_name),
            flags: flags.bits(),
        };
        self.done(by, request, reply);
    }

    fn link(
        &self,
        by: &fuser::Request,
        ino: INodeNo,
        parent: INodeNo,
        name: &OsStr,
        reply: fuser::ReplyEntry,
    ) {
        self.entry(by, Request::Link { ino: ino.0, parent: parent.0, name: borrowed(name) }, reply);
    }

    fn open(&self, by: &fuser::Request, ino: INodeNo, flags: OpenFlags, reply: fuser::ReplyOpen) {
        self.opened(by, Request::Open { ino: ino.0, flags: flags.0 }, self.open_flags(), reply);
    }

    fn read(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        offset: u64,
        len: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: fuser::ReplyData,
    ) {
        self.data(by, Request::Read { handle: handle.0, offset, len }, reply);
    }

    fn write(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: fuser::ReplyWrite,
    ) {
        let clear_setid = write_flags.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID);
        // Those of the open file and of the call itself.
        let sync = WriteSync::of(flags.0);
        let data = Cow::Borrowed(data);
        let request = Request::Write { handle: handle.0, offset, data, clear_setid, sync };
        self.written(by, request, reply);
    }

    fn flush(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        _owner: LockOwner,
        reply: fuser::ReplyEmpty,
    ) {
        self.done(by, Request::Flush { handle: handle.0 }, reply);
    }

    fn release(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: fuser::ReplyEmpty,
    ) {
        self.done(by, Request::Release { handle: handle.0 }, reply);
    }

    fn fsync(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        data_only: bool,
        reply: fuser::ReplyEmpty,
    ) {
        self.done(by, Request::Fsync { handle: handle.0, data_only }, reply);
    }

    fn opendir(&self, by: &fuser::Request, ino: INodeNo, _flags: OpenFlags, reply: fuser::ReplyOpen) {
        self.opened(by, Request::Opendir { ino: ino.0 }, FopenFlags::empty(), reply);
    }

    fn readdir(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        offset: u64,
        reply: fuser::ReplyDirectory,
    ) {
        let request = Request::Readdir { handle: handle.0, offset };
        self.service.serve(request, caller(by), move |_, outcome| {
            answer!(reply, outcome, Answer::Listing(listing) => fill(&listing, offset, reply))
        });
    }

    fn readdirplus(
        &self,
        by: &fuser::Request,
        ino: INodeNo,
        handle: fuser::FileHandle,
        offset: u64,
        reply: fuser::ReplyDirectoryPlus,
    ) {
        let request = Request::Readdir { handle: handle.0, offset };
        self.service.serve(request, caller(by), move |service, outcome: Outcome<Answer>| {
            answer!(reply, outcome,
                Answer::Listing(listing) => fill_plus(service, ino.0, &listing, offset, reply))
        });
    }

    fn releasedir(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        _flags: OpenFlags,
        reply: fuser::ReplyEmpty,
    ) {
        self.done(by, Request::Releasedir { handle: handle.0 }, reply);
    }

    fn fsyncdir(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        _data_only: bool,
        reply: fuser::ReplyEmpty,
    ) {
        self.done(by, Request::Fsyncdir { handle: handle.0 }, reply);
    }

    fn statfs(&self, by: &fuser::Request, ino: INodeNo, reply: fuser::ReplyStatfs) {
        self.service.serve(Request::Statfs { ino: ino.0 }, caller(by), move |_, outcome| {
            answer!(reply, outcome, Answer::Statfs(s) => reply.statfs(
                s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree,
                s.f_bsize as u32, s.f_namemax as u32, s.f_frsize as u32,
            ))
        });
    }

    fn setxattr(
        &self,
        by: &fuser::Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: fuser::ReplyEmpty,
    ) {
        let value = Cow::Borrowed(value);
        self.done(by, Request::Setxattr { ino: ino.0, name: borrowed(name), value, flags }, reply);
    }

    fn getxattr(&self, by: &fuser::Request, ino: INodeNo, name: &OsStr, size: u32, reply: fuser::ReplyXattr) {
        self.xattr(by, Request::Getxattr { ino: ino.0, name: borrowed(name), size }, reply);
    }

    fn listxattr(&self, by: &fuser::Request, ino: INodeNo, size: u32, reply: fuser::ReplyXattr) {
        self.xattr(by, Request::Listxattr { ino: ino.0, size }, reply);
    }

    fn removexattr(&self, by: &fuser::Request, ino: INodeNo, name: &OsStr, reply: fuser::ReplyEmpty) {
        self.done(by, Request::Removexattr { ino: ino.0, name: borrowed(name) }, reply);
    }

    fn create(
        &self,
        by: &fuser::Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: fuser::ReplyCreate,
    ) {
        let open = self.open_flags();
        let request = Request::Create { parent: parent.0, name: borrowed(name), mode, flags };
        self.service.serve(request, caller(by), move |service, outcome| {
            let valid = Believed::by(service).both();
            answer!(reply, outcome, Answer::Created(stat, handle) => reply.created(
                &valid, &attributes(&stat), Generation(0), fuser::FileHandle(handle), open,
            ))
        });
    }

    fn fallocate(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        offset: u64,
        len: u64,
        mode: i32,
        reply: fuser::ReplyEmpty,
    ) {
        self.done(by, Request::Fallocate { handle: handle.0, offset, len, mode }, reply);
    }

    /// As a disk's file system answers a program that asks whether a file is a terminal.
    fn ioctl(
        &self,
        _by: &fuser::Request,
        _ino: INodeNo,
        _handle: fuser::FileHandle,
        _flags: fuser::IoctlFlags,
        _command: u32,
        _data: &[u8],
        _out_size: u32,
        reply: fuser::ReplyIoctl,
    ) {
        reply.error(Errno::ENOTTY);
    }

    fn lseek(
        &self,
        by: &fuser::Request,
        _ino: INodeNo,
        handle: fuser::FileHandle,
        offset: i64,
        whence: i32,
        reply: fuser::ReplyLseek,
    ) {
        let request = Request::Lseek { handle: handle.0, offset, whence };
        self.service.serve(
            request,
            caller(by),
            move |_, outcome| answer!(reply, outcome, Answer::Offset(at) => reply.offset(at)),
        );
    }

    fn copy_file_range(
        &self,
        by: &fuser::Request,
        _ino_in: INodeNo,
        from: fuser::FileHandle,
        from_offset: u64,
        _ino_out: INodeNo,
        to: fuser::FileHandle,
        to_offset: u64,
        len: u64,
        _flags: fuser::CopyFileRangeFlags,
        reply: fuser::ReplyWrite,
    ) {
        let request = Request::CopyFileRange { from: from.0, from_offset, to: to.0, to_offset, len };
        self.written(by, request, reply);
    }
}
