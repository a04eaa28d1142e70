//! The mount behaves as its backing directory: each test named after a mistake some other file system makes.

use crate::fixture::Bench;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::time::{Duration, UNIX_EPOCH};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("open_flags_are_not_echoed_as_fuse_flags", open_flags),
    ("append_descriptors_write_where_a_mapping_writes", append_and_mapping),
    ("times_are_kept_to_the_nanosecond", times),
    ("hard_links_share_one_inode_number", hard_links),
    ("unlinked_open_files_stay_fully_usable", unlinked),
    ("replaced_open_files_stay_fully_usable", replaced),
    ("a_created_file_can_be_read_through_its_descriptor", create_and_read),
    ("nothing_shows_beyond_the_end_after_truncation", truncation),
    ("rename_flags", rename_flags),
    ("shared_mapping_is_coherent_with_io", shared_mapping),
    ("extended_attributes", xattrs),
    ("access_lists", access_lists),
    ("listing_is_stable_under_change", listing),
    ("special_files", special_files),
    ("holes_and_preallocation", holes),
    ("copy_between_files", copy_between),
    ("names_follow_renamed_directories", renamed_directories),
    ("many_names_need_few_descriptors", many_names),
    ("a_mountpoint_in_use_is_refused", refused_mountpoint),
];

fn open_flags() {
    let bench = Bench::new();
    for flags in
        [libc::O_EXCL, libc::O_EXCL | libc::O_NOFOLLOW, libc::O_SYNC, libc::O_NOATIME, libc::O_DIRECT]
    {
        let path = bench.at(&format!("f{flags}"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).custom_flags(flags);
        options.open(&path).unwrap().write_all_at(&[7; 4096], 0).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [7; 4096]);
    }
}

fn map_shared(file: &File, len: usize) -> *mut u8 {
    let (protection, fd) = (libc::PROT_READ | libc::PROT_WRITE, file.as_raw_fd());
    // SAFETY: a new mapping at an address of the kernel's choice.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, fd, 0) };
    assert_ne!(at, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    at.cast()
}

fn sync_map(at: *mut u8, len: usize) {
    // SAFETY: the mapping made by `map_shared`.
    assert_eq!(unsafe { libc::msync(at.cast(), len, libc::MS_SYNC) }, 0);
}

fn append_and_mapping() {
    let bench = Bench::new();
    fs::write(bench.at("f"), [b'x'; 8192]).unwrap();
    let file = OpenOptions::new().read(true).append(true).open(bench.at("f")).unwrap();
    let at = map_shared(&file, 8192);
    // SAFETY: within the mapping.
    unsafe { std::ptr::copy_nonoverlapping(b"head".as_ptr(), at, 4) };
    sync_map(at, 8192);
    (&file).write_all(b"tail").unwrap();
    let content = fs::read(bench.beneath("f")).unwrap();
    assert_eq!((&content[..5], &content[8190..]), (&b"headx"[..], &b"xxtail"[..]));
}

fn times() {
    let bench = Bench::new();
    let file = File::create(bench.at("f")).unwrap();
    let modified = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    let accessed = UNIX_EPOCH - Duration::new(1, 200_000_000);
    file.set_times(FileTimes::new().set_modified(modified).set_accessed(accessed)).unwrap();
    for path in [bench.at("f"), bench.beneath("f")] {
        let stat = fs::metadata(path).unwrap();
        assert_eq!((stat.mtime(), stat.mtime_nsec()), (1_700_000_000, 123_456_789));
        assert_eq!((stat.atime(), stat.atime_nsec()), (-2, 800_000_000));
    }
}

fn hard_links() {
    let bench = Bench::new();
    fs::write(bench.at("a"), "x").unwrap();
    fs::hard_link(bench.at("a"), bench.at("b")).unwrap();
    let (a, b) = (fs::metadata(bench.at("a")).unwrap(), fs::metadata(bench.at("b")).unwrap());
    assert_eq!((a.ino(), a.nlink(), b.nlink()), (b.ino(), 2, 2));
    assert_eq!(a.ino(), fs::metadata(bench.beneath("a")).unwrap().ino());
    fs::remove_file(bench.at("a")).unwrap();
    assert_eq!(fs::metadata(bench.at("b")).unwrap().nlink(), 1);
    assert_eq!(fs::read(bench.at("b")).unwrap(), b"x");
}

fn use_without_name(file: &File) {
    assert_eq!(file.metadata().unwrap().nlink(), 0);
    file.set_len(10).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o640)).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(9)).unwrap();
    file.write_all_at(b"abc", 7).unwrap();
    file.sync_all().unwrap();
    let mut tail = [0; 3];
    file.read_exact_at(&mut tail, 7).unwrap();
    assert_eq!((&tail, file.metadata().unwrap().len()), (b"abc", 10));
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o640);
}

fn unlinked() {
    let bench = Bench::new();
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(bench.at("f")).unwrap();
    fs::remove_file(bench.at("f")).unwrap();
    use_without_name(&file);
    assert_eq!(fs::read_dir(bench.at("")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(bench.beneath("")).unwrap().count(), 0);
}

fn replaced() {
    let bench = Bench::new();
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(bench.at("f")).unwrap();
    fs::write(bench.at("g"), "new").unwrap();
    fs::rename(bench.at("g"), bench.at("f")).unwrap();
    use_without_name(&file);
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"new");
}

fn create_and_read() {
    let bench = Bench::new();
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(true).open(bench.at("f")).unwrap();
    file.write_all(b"hello").unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

fn truncation() {
    let bench = Bench::new();
    fs::write(bench.at("f"), [9; 9000]).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(bench.at("f")).unwrap();
    let at = map_shared(&file, 12288);
    // SAFETY: within the mapping and the file.
    assert_eq!(unsafe { at.add(6000).read_volatile() }, 9);
    file.set_len(5000).unwrap();
    file.set_len(9000).unwrap();
    // SAFETY: within the mapping and the file.
    assert_eq!(unsafe { at.add(6000).read_volatile() }, 0);
    drop(OpenOptions::new().write(true).truncate(true).open(bench.at("f")).unwrap());
    assert_eq!(file.metadata().unwrap().len(), 0);
}

fn rename_flags() {
    let bench = Bench::new();
    fs::write(bench.at("a"), "a").unwrap();
    fs::write(bench.at("b"), "b").unwrap();
    let keep = [bench.at("a"), bench.at("b")].map(|p| File::open(p).unwrap());
    let rename = |flags| renameat2(AT_FDCWD, &bench.at("a"), AT_FDCWD, &bench.at("b"), flags);
    assert_eq!(rename(RenameFlags::RENAME_NOREPLACE), Err(nix::errno::Errno::EEXIST));
    rename(RenameFlags::RENAME_EXCHANGE).unwrap();
    assert_eq!(
        (fs::read(bench.at("a")).unwrap(), fs::read(bench.at("b")).unwrap()),
        (b"b".into(), b"a".into())
    );
    for (file, name) in keep.iter().zip(["b", "a"]) {
        assert_eq!(file.metadata().unwrap().ino(), fs::metadata(bench.beneath(name)).unwrap().ino());
    }
    rename(RenameFlags::empty()).unwrap();
    assert_eq!(fs::read_dir(bench.at("")).unwrap().count(), 1);
}

fn shared_mapping() {
    let bench = Bench::new();
    fs::write(bench.at("f"), [b'0'; 5000]).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(bench.at("f")).unwrap();
    let at = map_shared(&file, 5000);
    // SAFETY: within the mapping and the file.
    unsafe { at.copy_from_nonoverlapping(b"abcd".as_ptr(), 4) };
    sync_map(at, 5000);
    let mut start = [0; 5];
    file.read_exact_at(&mut start, 0).unwrap();
    assert_eq!(&start, b"abcd0");
    file.write_all_at(b"ZZ", 1).unwrap();
    // SAFETY: within the mapping and the file.
    assert_eq!(unsafe { at.add(1).read_volatile() }, b'Z');
}

fn xattrs() {
    let bench = Bench::new();
    fs::write(bench.at("f"), "x").unwrap();
    let path = std::ffi::CString::new(bench.at("f").to_str().unwrap()).unwrap();
    let get = |buffer: &mut [u8]| {
        // SAFETY: NUL-terminated strings, and a buffer of the length given.
        let n = unsafe {
            libc::getxattr(path.as_ptr(), c"user.k".as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
        };
        nix::errno::Errno::result(n)
    };
    // SAFETY: NUL-terminated strings, and a value of the length given.
    let set = unsafe { libc::setxattr(path.as_ptr(), c"user.k".as_ptr(), b"value".as_ptr().cast(), 5, 0) };
    assert_eq!(set, 0);
    assert_eq!(get(&mut []), Ok(5));
    assert_eq!(get(&mut [0; 3]), Err(nix::errno::Errno::ERANGE));
    assert_eq!(get(&mut [0; 50]), Ok(5));
    let mut list = [0u8; 100];
    // SAFETY: a NUL-terminated string, and a buffer of the length given.
    let n = unsafe { libc::listxattr(path.as_ptr(), list.as_mut_ptr().cast(), list.len()) };
    assert!(list[..usize::try_from(n).unwrap()].split(|b| *b == 0).any(|name| name == b"user.k"));
    // SAFETY: NUL-terminated strings.
    assert_eq!(unsafe { libc::removexattr(path.as_ptr(), c"user.k".as_ptr()) }, 0);
    assert_eq!(get(&mut []), Err(nix::errno::Errno::ENODATA));
}

/// What nobody obeys is not kept either.
fn access_lists() {
    let bench = Bench::new();
    fs::write(bench.at("f"), "x").unwrap();
    let path = std::ffi::CString::new(bench.at("f").to_str().unwrap()).unwrap();
    // Version 2; owner rw, user 1000 rw, group r, mask rw, others none: tag, permissions, id.
    let entries =
        [(1u16, 6u16, u32::MAX), (2, 6, 1000), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 0, u32::MAX)];
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let name = c"system.posix_acl_access";
    // SAFETY: NUL-terminated strings, and a value of the length given.
    let set = unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), list.as_ptr().cast(), list.len(), 0) };
    assert_eq!(nix::errno::Errno::result(set), Err(nix::errno::Errno::EOPNOTSUPP));
}

fn listing() {
    let bench = Bench::new();
    for n in 0..2000 {
        fs::write(bench.at(&format!("stay{n}")), "").unwrap();
    }
    let mut seen = Vec::new();
    for (n, entry) in fs::read_dir(bench.at("")).unwrap().enumerate() {
        seen.push(entry.unwrap().file_name().into_string().unwrap());
        fs::write(bench.at(&format!("new{n}")), "").unwrap();
        if n % 2 == 0 {
            fs::rename(bench.at(&format!("new{n}")), bench.at(&format!("moved{n}"))).unwrap();
        }
    }
    let stayed: Vec<_> = seen.iter().filter(|name| name.starts_with("stay")).collect();
    assert_eq!(stayed.len(), 2000);
    assert_eq!(stayed.into_iter().collect::<BTreeSet<_>>().len(), 2000);
    assert_eq!(fs::read_dir(bench.at("")).unwrap().count(), 4000);
}

fn special_files() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let bench = Bench::new();
    nix::unistd::mkfifo(&bench.at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(bench.at("socket")).unwrap();
    std::os::unix::net::UnixStream::connect(bench.at("socket")).unwrap();
    drop(listener);
    symlink("no/where", bench.at("link")).unwrap();
    assert_eq!(fs::read_link(bench.at("link")).unwrap().to_str(), Some("no/where"));
    let (kind, mode) = (nix::sys::stat::SFlag::S_IFCHR, nix::sys::stat::Mode::S_IRUSR);
    nix::sys::stat::mknod(&bench.at("null"), kind, mode, libc::makedev(1, 3)).unwrap();
    assert_eq!(fs::metadata(bench.at("null")).unwrap().rdev(), libc::makedev(1, 3));
    assert!(fs::metadata(bench.at("fifo")).unwrap().file_type().is_fifo());
    assert!(fs::metadata(bench.at("socket")).unwrap().file_type().is_socket());
}

fn holes() {
    let bench = Bench::new();
    let file = File::create_new(bench.at("f")).unwrap();
    file.write_all_at(b"x", 1 << 20).unwrap();
    let data = nix::unistd::lseek64(&file, 0, nix::unistd::Whence::SeekData).unwrap();
    assert_eq!((data, nix::unistd::lseek64(&file, 0, nix::unistd::Whence::SeekHole)), (1 << 20, Ok(0)));
    nix::fcntl::fallocate(&file, nix::fcntl::FallocateFlags::empty(), 0, 2 << 20).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 2 << 20);
}

fn copy_between() {
    let bench = Bench::new();
    fs::write(bench.at("a"), vec![5; 300_000]).unwrap();
    assert_eq!(fs::copy(bench.at("a"), bench.at("b")).unwrap(), 300_000);
    assert_eq!(fs::read(bench.beneath("b")).unwrap(), vec![5; 300_000]);
}

fn renamed_directories() {
    let bench = Bench::new();
    fs::create_dir_all(bench.at("a/b")).unwrap();
    fs::write(bench.at("a/b/f"), "x").unwrap();
    let file = File::open(bench.at("a/b/f")).unwrap();
    fs::rename(bench.at("a"), bench.at("c")).unwrap();
    assert_eq!(fs::read(bench.at("c/b/f")).unwrap(), b"x");
    file.set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::metadata(bench.beneath("c/b/f")).unwrap().mode() & 0o777, 0o600);
}

fn many_names() {
    let bench = Bench::new();
    for n in 0..20_000 {
        drop(File::create(bench.at(&format!("f{n}"))).unwrap());
    }
    let names = |entry: std::io::Result<fs::DirEntry>| {
        File::open(entry.unwrap().path()).unwrap().metadata().unwrap().nlink()
    };
    let known: u64 = fs::read_dir(bench.at("")).unwrap().map(names).sum();
    assert_eq!(known, 20_000);
    assert!(bench.mount().known_inodes() >= 10_000, "{}", bench.mount().known_inodes());
    let held = bench.mount().inode_descriptors();
    assert!((1000..=8192).contains(&held), "{held} descriptors");
}

fn refused_mountpoint() {
    use fuse_fs::mount::Mount;
    use fuse_fs::rules::decide::NoFaults;
    let bench = Bench::new();
    fs::create_dir(bench.beneath("full")).unwrap();
    fs::write(bench.beneath("full/f"), "").unwrap();
    let place = bench.beneath("full");
    let again = Mount::new(&place, &place, Default::default(), std::sync::Arc::new(NoFaults), None);
    assert!(again.unwrap_err().to_string().contains("not empty"));
    let nowhere = bench.beneath("none");
    let missing = Mount::new(&nowhere, &place, Default::default(), std::sync::Arc::new(NoFaults), None);
    assert!(missing.unwrap_err().to_string().contains("backing directory"));
}
