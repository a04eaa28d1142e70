//! Created files belong to the caller, with the rights the caller asked for.

use crate::fixture::Bench;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("files_belong_to_the_caller", caller_owns),
    ("a_setgid_directory_passes_its_group_on", setgid_directory),
    ("permissions_are_checked", permissions),
    ("a_strangers_write_clears_set_id_bits", set_id_cleared),
];

const UID: u32 = 5000;

fn as_user(directory: &Path, script: &str) -> bool {
    use std::os::unix::process::CommandExt;
    Command::new("sh")
        .args(["-c", script])
        .current_dir(directory)
        .uid(UID)
        .gid(UID)
        .status()
        .unwrap()
        .success()
}

fn open_to_all(bench: &Bench) {
    fs::set_permissions(bench.at(""), fs::Permissions::from_mode(0o777)).unwrap();
}

fn caller_owns() {
    let bench = Bench::new();
    open_to_all(&bench);
    let script = "umask 027; echo x > f; mkdir d; mkfifo p; ln -s f l; umask 0; echo y > d/g; chmod 4755 d/g";
    assert!(as_user(&bench.at(""), script));
    for (name, mode) in [("f", 0o640), ("d", 0o750), ("p", 0o640), ("l", 0o777), ("d/g", 0o4755)] {
        let stat = fs::symlink_metadata(bench.beneath(name)).unwrap();
        assert_eq!((stat.uid(), stat.gid(), stat.mode() & 0o7777), (UID, UID, mode), "{name}");
    }
}

fn setgid_directory() {
    let bench = Bench::new();
    fs::create_dir(bench.at("d")).unwrap();
    std::os::unix::fs::chown(bench.at("d"), Some(UID), Some(777)).unwrap();
    fs::set_permissions(bench.at("d"), fs::Permissions::from_mode(0o2777)).unwrap();
    assert!(as_user(&bench.at("d"), "echo x > f; mkdir e"));
    let (f, e) = (fs::metadata(bench.beneath("d/f")).unwrap(), fs::metadata(bench.beneath("d/e")).unwrap());
    assert_eq!((f.uid(), f.gid()), (UID, 777));
    assert_eq!((e.uid(), e.gid(), e.mode() & 0o2000), (UID, 777, 0o2000));
}

fn permissions() {
    let bench = Bench::new();
    open_to_all(&bench);
    fs::write(bench.at("private"), "x").unwrap();
    fs::set_permissions(bench.at("private"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!as_user(&bench.at(""), "cat private 2>/dev/null"));
    assert!(!as_user(&bench.at(""), "chmod 777 private 2>/dev/null"));
    assert!(as_user(&bench.at(""), "test -e private"));
}

fn set_id_cleared() {
    let bench = Bench::new();
    open_to_all(&bench);
    fs::write(bench.at("tool"), "x").unwrap();
    fs::set_permissions(bench.at("tool"), fs::Permissions::from_mode(0o6777)).unwrap();
    assert!(as_user(&bench.at(""), "echo changed > tool"));
    assert_eq!(fs::metadata(bench.beneath("tool")).unwrap().mode() & 0o7777, 0o777);
}
