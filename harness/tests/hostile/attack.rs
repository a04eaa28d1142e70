//! The attack: each attempt that succeeds is a line in the file `succeeded-ROLE` of the server's directory.

use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{ForkResult, Pid, fork};
use std::ffi::{CString, OsStr};
use std::fs::{self, File, OpenOptions};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Directories that everybody may write to, on the machine.
pub(crate) const FOR_EVERYBODY: [&str; 5] = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock"];

/// Name of what is made there.
pub(crate) fn mark(victim: &Path) -> String {
    format!("hostile-{}", victim.display().to_string().replace('/', "-"))
}

type Attempts = Vec<(String, bool)>;

pub(crate) fn main(role: &OsStr) -> ExitCode {
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    let (victim, work) = (PathBuf::from(of("VICTIM")), PathBuf::from(of("WORK")));
    let mut attempts = files(&victim, &work);
    attempts.extend(run_directory(&victim));
    attempts.extend(mounts(&victim));
    attempts.extend(devices(&work));
    attempts.extend(kernel());
    attempts.extend(namespaces(&victim));
    attempts.extend(rights());
    attempts
        .push(("connect to the machine's network".to_owned(), TcpStream::connect(of("VICTIM_TCP")).is_ok()));
    attempts.push(("connect to a socket".to_owned(), UnixStream::connect(victim.join("socket")).is_ok()));
    // Whether these reached anybody is seen by the victims.
    let process = of("VICTIM_PID").parse().map(Pid::from_raw).unwrap_or(Pid::this());
    if process != Pid::this() && process.as_raw() > 1 {
        let _ = kill(process, Signal::SIGKILL);
    }
    // SAFETY: at worst a segment of the test's own is removed.
    unsafe { libc::shmctl(of("VICTIM_MEMORY").parse().unwrap_or(-1), libc::IPC_RMID, std::ptr::null_mut()) };
    for place in FOR_EVERYBODY {
        let _ = fs::write(Path::new(place).join(mark(&victim)), "");
    }
    let succeeded = attempts.into_iter().filter(|(_, done)| *done).map(|(what, _)| what + "\n");
    // For whoever asks for its version.
    println!("hostile");
    let file = work.join(format!("succeeded-{}", role.display()));
    match fs::write(file, succeeded.collect::<String>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn tried(what: impl Into<String>, done: bool) -> (String, bool) {
    (what.into(), done)
}

fn files(victim: &Path, work: &Path) -> Attempts {
    let (file, below) = (victim.join("file"), victim.join("below"));
    let root = || open(Path::new("/"), OFlag::O_RDONLY, Mode::empty()).is_ok();
    vec![
        tried("write to a file", OpenOptions::new().append(true).open(&file).is_ok()),
        tried("truncate a file", File::create(&file).is_ok()),
        tried("make a file", File::create(victim.join("new")).is_ok()),
        tried("make a directory", fs::create_dir(victim.join("new-directory")).is_ok()),
        tried("make a link", symlink("file", victim.join("new-link")).is_ok()),
        tried("link a file into the run", fs::hard_link(&file, work.join("linked")).is_ok()),
        tried("rename a file", fs::rename(&file, victim.join("renamed")).is_ok()),
        tried("give a file away", chown(&file, Some(61_001), Some(61_001)).is_ok()),
        tried("give a directory away", chown(&below, Some(61_001), None).is_ok()),
        tried("change a mode", fs::set_permissions(&file, fs::Permissions::from_mode(0o777)).is_ok()),
        tried("remove a file", fs::remove_file(below.join("file")).is_ok()),
        tried("remove a tree", fs::remove_dir_all(&below).is_ok()),
        tried("make a file in /", for_a_moment("/")),
        tried("make a file in /etc", for_a_moment("/etc")),
        tried("make a file in /usr", for_a_moment("/usr")),
        tried("make a file in /var/lib", for_a_moment("/var/lib")),
        tried("open a file by its handle", root() && opens_by_handle(&file, work)),
    ]
}

/// Where it succeeds, nothing may stay on the machine.
fn for_a_moment(place: &str) -> bool {
    let file = Path::new(place).join(format!("hostile-{}", std::process::id()));
    File::create_new(&file).is_ok_and(|_| fs::remove_file(&file).is_ok())
}

/// A handle names a file of a whole file system, whatever the mount shows of it: here through the run's own, writable one.
fn opens_by_handle(file: &Path, mount: &Path) -> bool {
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        data: [u8; 128],
    }
    let mut handle = Handle { bytes: 128, kind: 0, data: [0; 128] };
    let path = CString::new(file.as_os_str().as_bytes()).expect("no zero byte");
    let mut id: libc::c_int = 0;
    let Ok(mount) = File::open(mount) else { return false };
    // SAFETY: path, handle and id outlive the calls and have the layout that they expect.
    unsafe {
        let named = libc::syscall(
            libc::SYS_name_to_handle_at,
            libc::AT_FDCWD,
            path.as_ptr(),
            &mut handle,
            &mut id,
            0,
        );
        let opened =
            libc::syscall(libc::SYS_open_by_handle_at, mount.as_raw_fd(), &mut handle, libc::O_WRONLY);
        if opened >= 0 {
            drop(OwnedFd::from_raw_fd(opened as i32));
        }
        named == 0 && opened >= 0
    }
}

/// Neither the evidence nor what lies beneath a storage is a mail server's to write.
fn run_directory(victim: &Path) -> Attempts {
    let runs = victim.parent().unwrap_or(victim).join("runs");
    let run = fs::read_dir(runs).ok().and_then(|mut runs| runs.next()?.ok()).map(|run| run.path());
    let Some(run) = run else { return vec![tried("hide the run directory", true)] };
    let append = |name: &str| OpenOptions::new().append(true).open(run.join(name)).is_ok();
    vec![
        tried("write to the history", append("history.jsonl")),
        tried("write to the plan", append("plan.json")),
        tried("write to the trace", append("trace-mail.jsonl")),
        tried("write beneath a storage", File::create(run.join("storage/mail/hostile")).is_ok()),
        tried("replace the history", fs::rename(run.join("plan.json"), run.join("history.jsonl")).is_ok()),
    ]
}

fn mounts(victim: &Path) -> Attempts {
    let none = None::<&str>;
    let again = |flags: MsFlags, at: &Path| mount(none, at, none, MsFlags::MS_REMOUNT | flags, none).is_ok();
    let new = |kind: &str| mount(Some(kind), victim, Some(kind), MsFlags::empty(), none).is_ok();
    let mut attempts = vec![
        tried("mount / again, writable", again(MsFlags::MS_BIND, Path::new("/"))),
        tried("mount /proc again, writable", again(MsFlags::MS_BIND, Path::new("/proc"))),
        tried(
            "lay a directory over another",
            mount(Some("/usr"), victim, none, MsFlags::MS_BIND, none).is_ok(),
        ),
        tried("take /proc away", umount2("/proc", MntFlags::MNT_DETACH).is_ok()),
        tried("take /tmp away", umount2("/tmp", MntFlags::MNT_DETACH).is_ok()),
        tried("make mounts writable", writable("/")),
    ];
    let kinds = ["tmpfs", "proc", "sysfs", "devtmpfs", "cgroup2", "mqueue", "debugfs", "fusectl"];
    attempts.extend(kinds.map(|kind| tried(format!("mount {kind}"), new(kind))));
    attempts
}

fn writable(at: &str) -> bool {
    let (path, change): (_, [u64; 4]) = (CString::new(at).expect("no zero byte"), [0, 1, 0, 0]);
    // SAFETY: path and change outlive the call; the size is that of the change.
    let done =
        unsafe { libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), 0x8000, &change, 32) };
    done == 0
}

fn devices(work: &Path) -> Attempts {
    let store = PathBuf::from(std::env::var("STORE").unwrap_or_default());
    let node = |place: &Path, kind, device| {
        let node = place.join(format!("hostile-{}", std::process::id()));
        mknod(&node, kind, Mode::S_IRUSR, device).is_ok_and(|()| fs::remove_file(&node).is_ok())
    };
    let disk = |place: &Path| node(place, SFlag::S_IFBLK, makedev(7, 0));
    let memory = |place: &Path| node(place, SFlag::S_IFCHR, makedev(1, 1));
    let null =
        || fs::metadata("/dev/null").and_then(|found| fs::set_permissions("/dev/null", found.permissions()));
    let mut attempts = vec![
        tried("make a disk's node", disk(work) || disk(&store) || disk(Path::new("/dev"))),
        tried("make memory's node", memory(work) || memory(&store) || memory(Path::new("/dev"))),
        tried("change /dev/null", null().is_ok()),
    ];
    let harmless = ["null", "zero", "full", "random", "urandom"];
    for entry in fs::read_dir("/dev").into_iter().flatten().flatten() {
        let kind = entry.file_type().expect("its type");
        let known = entry.file_name().to_str().is_some_and(|name| harmless.contains(&name));
        let device = (kind.is_block_device() || kind.is_char_device()) && !known;
        attempts.push(tried(format!("see the device {}", entry.path().display()), device));
    }
    attempts
}

/// Opened for writing, and nothing is written.
fn kernel() -> Attempts {
    let files = [
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/user/max_user_namespaces",
        "/proc/self/oom_score_adj",
        "/sys/power/state",
        "/sys/kernel/uevent_helper",
        "/sys/kernel/mm/ksm/run",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/module/fuse/parameters/max_user_bgreq",
    ];
    let mut attempts: Attempts = files
        .map(|file| tried(format!("write to {file}"), OpenOptions::new().append(true).open(file).is_ok()))
        .into();
    for connection in fs::read_dir("/sys/fs/fuse/connections").into_iter().flatten().flatten() {
        let abort = OpenOptions::new().write(true).open(connection.path().join("abort"));
        attempts.push(tried("cut the connections of file systems", abort.is_ok()));
    }
    attempts
}

/// In a child, so that the attack goes on where it was.
fn in_a_child(attempt: impl FnOnce() -> bool) -> bool {
    // SAFETY: this process has one thread; the child ends without running destructors.
    match unsafe { fork() }.expect("it can fork") {
        ForkResult::Child => {
            let done = attempt();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::from(done)) }
        }
        ForkResult::Parent { child } => {
            let status = nix::sys::wait::waitpid(child, None).expect("the child");
            matches!(status, nix::sys::wait::WaitStatus::Exited(_, 1))
        }
    }
}

fn namespaces(victim: &Path) -> Attempts {
    let enters = |flags| in_a_child(|| unshare(flags).is_ok());
    let escapes = || {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).is_ok()
            && (writable("/") || OpenOptions::new().append(true).open(victim.join("file")).is_ok())
    };
    vec![
        tried("make a mount namespace", enters(CloneFlags::CLONE_NEWNS)),
        tried("make a user namespace", enters(CloneFlags::CLONE_NEWUSER)),
        tried("make a network namespace", enters(CloneFlags::CLONE_NEWNET)),
        tried("escape by a user namespace", in_a_child(escapes)),
        tried("rename the machine", nix::unistd::gethostname().and_then(nix::unistd::sethostname).is_ok()),
    ]
}

/// Rights by which a machine could be harmed in ways that no test should try.
fn rights() -> Attempts {
    const NAMES: [(u32, &str); 11] = [
        (2, "dac_read_search"),
        (12, "net_admin"),
        (16, "sys_module"),
        (17, "sys_rawio"),
        (19, "sys_ptrace"),
        (21, "sys_admin"),
        (22, "sys_boot"),
        (25, "sys_time"),
        (27, "mknod"),
        (34, "syslog"),
        (39, "bpf"),
    ];
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |field: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(field))?;
        u64::from_str_radix(value.trim(), 16).ok()
    };
    let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"];
    let all = sets.iter().try_fold(0, |all, field| Some(all | of(field)?));
    let Some(all) = all else { return vec![tried("hide its rights", true)] };
    NAMES.map(|(number, name)| tried(format!("have the right {name}"), all & 1 << number != 0)).into()
}
