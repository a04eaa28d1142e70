//! A small installation on a disk: users with folders of every name, in Maildir++ as Dovecot keeps it.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

pub(super) const ANN: &str = "anna@example.it";
pub(super) const BOB: &str = "bob@example.it";
/// Folders beside the inbox, as they are on the disk.
pub(super) const FOLDERS: [&str; 7] =
    [".Citt&AOA-", ".Con spazi", ".Lavoro", ".Lavoro.Progetti", ".100% *", ".R&-D", ".Quote\"d"];
const DAY: u64 = 86_400;

pub(super) fn text(user: &str, n: u64) -> String {
    format!(
        "From: x@example.it\nTo: {user}\nMessage-ID: <{n}.{user}>\nSubject: =?UTF-8?Q?Citt=C3=A0?= {n}\n\nbody of {n}\n{}",
        "line\n".repeat((n % 7) as usize)
    )
}

pub(super) fn maildir(store: &Path, user: &str) -> PathBuf {
    store.join(user).join("Maildir")
}

/// Anna has 500 messages in her inbox, Bob some in each folder; two lie in `new`.
pub(super) fn build(store: &Path) -> io::Result<()> {
    folder(&maildir(store, ANN), ANN, 1..=500)?;
    let bob = maildir(store, BOB);
    folder(&bob, BOB, 1..=3)?;
    fs::rename(bob.join("cur/3.host:2,Sa"), bob.join("new/3.host"))?;
    for (number, name) in (1u64..).zip(FOLDERS) {
        folder(&bob.join(name), BOB, number * 100..=number * 100 + 5)?;
        fs::write(bob.join(name).join("maildirfolder"), "")?;
    }
    fs::write(bob.join("subscriptions"), "V\t2\n\nCitt&AOA-\nLavoro\tProgetti\n")?;
    fs::write(maildir(store, ANN).join("subscriptions"), "V\t2\n\n")
}

fn folder(path: &Path, user: &str, numbers: impl Iterator<Item = u64>) -> io::Result<()> {
    ["cur", "new", "tmp"].iter().try_for_each(|name| fs::create_dir_all(path.join(name)))?;
    let mut uids = String::from("3 V1700000000 N9000 G0123456789abcdef0123456789abcdef\n");
    for (uid, n) in (1..).zip(numbers) {
        put(&path.join(format!("cur/{n}.host:2,Sa")), &text(user, n), n)?;
        uids += &format!("{uid} :{n}.host\n");
    }
    fs::write(path.join("dovecot-uidlist"), uids)?;
    fs::write(path.join("dovecot-keywords"), "0 $label1\n")
}

/// Writes a message that arrived on that day.
pub(super) fn put(path: &Path, text: &str, day: u64) -> io::Result<()> {
    fs::write(path, text)?;
    dated(path, day)
}

pub(super) fn dated(path: &Path, day: u64) -> io::Result<()> {
    let at = UNIX_EPOCH + Duration::from_secs(1_000_000_000 + day * DAY);
    File::options().write(true).open(path)?.set_times(FileTimes::new().set_modified(at))
}

/// With times, owners and names, as a mover has to.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    if done.success() { Ok(()) } else { Err(io::Error::other(format!("cp: {done}"))) }
}

/// Every file with its size and times, to see whether anything was touched; of messages also when they were last read.
pub(super) fn state(top: &Path) -> io::Result<Vec<String>> {
    let messages = ["-type", "f", "(", "-path", "*/cur/*", "-o", "-path", "*/new/*", ")"];
    let shown = Command::new("find")
        .arg(top)
        .args(["-printf", "%P %y %s %T@ %C@ %m %U\n"])
        .args(messages)
        .args(["-printf", "%P last read %A@\n"])
        .output()?;
    let mut lines: Vec<String> = String::from_utf8_lossy(&shown.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    Ok(lines)
}
