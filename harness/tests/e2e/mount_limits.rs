//! A mount where something is short: space, descriptors, rights, or the mount's own process.

use crate::group::{Named, TestResult, group, percent};
use crate::odd_places::{shell, unshared, with_directories};
use crate::stage::ends;
use fermoposta::testing::{Test, cannot_mount};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

pub(crate) fn tests() -> Vec<Test> {
    let quiet = |seconds| percent(50, seconds);
    let tests: [Named; 7] = [
        ("what_was_deleted_makes_room", quiet(4), what_was_deleted),
        ("a_file_of_holes_is_cut_at_once", quiet(3), a_file_of_holes),
        ("no_place_for_what_is_overwritten_is_said", quiet(5), no_place),
        ("a_killed_mount_stays_dead_or_goes", quiet(3), a_killed_mount),
        ("many_links_with_few_descriptors", quiet(6), many_links),
        ("an_ordinary_user_may_what_he_might_without_a_model", quiet(4), an_ordinary_user),
        ("backing_directories_in_one_another", quiet(3), in_one_another),
    ];
    group("mount_limits", cannot_mount().or_else(unshared), tests)
}

fn said(script: &str, words: &[&str]) -> TestResult {
    ends(&shell(with_directories()?.path(), script)?, 0, words)
}

/// It waits to come back with a power cut; the disk has no room for that and for as much again.
fn what_was_deleted() -> TestResult {
    let script = r#"
mount -t tmpfs -o size=30m disk other; mkdir other/b
write() { dd if=/dev/zero of=mnt/a bs=1M count=20 2>/dev/null; }
for profile in ext4-ordered strict-posix; do
    start other/b mnt --persistence $profile
    write; rm mnt/a; write && echo "room under $profile"; rm mnt/a
    kill -INT $pid; ended
done
"#;
    said(script, &["room under ext4-ordered", "room under strict-posix"])
}

/// Each hole was read before it was cut, a call that nothing could end.
fn a_file_of_holes() -> TestResult {
    let script = r#"
start backing mnt --persistence ext4-ordered
truncate -s 1T mnt/a; truncate -s 1T mnt/b
"$0" ctl mnt make-durable
timeout 60 truncate -s 0 mnt/a
rm mnt/b
timeout 60 "$0" ctl mnt power-cut --mode drop-unsynced --record record
stat -c "%n has %s" mnt/a mnt/b
kill -INT $pid; ended
"#;
    said(script, &["mnt/a has 1099511627776", "mnt/b has 1099511627776"])
}

/// The programs above see an error of a storage that is well.
fn no_place() -> TestResult {
    let script = r#"
mkdir tmp; mount -t tmpfs -o size=1m tmp tmp; export TMPDIR="$PLACE/tmp"
dd if=/dev/urandom of=backing/f bs=1M count=70 2>/dev/null
start backing mnt --persistence ext4-ordered
dd if=/dev/urandom of=mnt/f bs=1M count=70 conv=notrunc 2>&1 || true
until_true "the warning" grep -q "could not be put aside" said
kill -INT $pid; ended
"#;
    let words = ["warning: calls failed with EIO because what they overwrite could not be put aside in"];
    let words = [words[0], "Input/output error", "it ended with 70"];
    said(script, &words)
}

/// Unless somebody wants it otherwise nobody writes beneath.
fn a_killed_mount() -> TestResult {
    let script = r#"
start backing mnt --persistence ext4-ordered
kill -KILL $pid; ended
mounted 1 fuse.fermoposta && ls mnt 2>&1 || echo "it stays"
attempt backing mnt
umount mnt
start backing mnt --persistence ext4-ordered --unmount-if-killed
kill -KILL $pid; ended
mounted 0 fuse.fermoposta && echo "it is gone"
"#;
    said(script, &["Transport endpoint is not connected", "it stays", "if it is dead: `umount", "it is gone"])
}

/// Each file keeps a descriptor as long as the name it was found by is gone.
fn many_links() -> TestResult {
    let script = r#"
ulimit -n 256
start backing mnt --persistence ext4-ordered
mkdir mnt/a; (cd mnt/a; seq 600 | xargs touch)
cp -al mnt/a mnt/b
ls -l mnt/b > listed; rm -r mnt/a
echo "$(ls -l mnt/b | grep -c '^-.* 1 ') of 600 have one name"
rm -r mnt/b; touch mnt/after
"$0" ctl mnt power-cut; ls mnt > listed
kill -INT $pid; ended
"#;
    said(script, &["600 of 600 have one name", "power cut under ext4-ordered"])
}

/// Through `fusermount3`: the model reads what may only be written, and lists and moves directories that may not be.
fn an_ordinary_user() -> TestResult {
    let script = r#"
touch program; mknod fuse c 10 229; chmod 666 fuse
mount --bind "$0" program; mount --bind fuse /dev/fuse
chown -R 65534:65534 "$PLACE" 2>/dev/null || true
as() { setpriv --reuid 65534 --regid 65534 --clear-groups env TMPDIR=/tmp "$@"; }
as "$PLACE/program" mount backing mnt --persistence ext4-ordered 2>&1 & all=$!
until_true "the mount" mounted 1 fuse.fermoposta
as sh -ec 'cd mnt
    echo mail > a; chmod 200 a; echo more >> a; echo appended
    mkdir d; chmod 300 d; rmdir d; echo removed
    mkdir e f; chmod 300 f; mv -T e f; echo replaced
    mkdir g; chmod 500 g; rmdir g; echo removed too
    mkdir h; chmod 300 h; echo mail > h/mail; chmod 200 h/mail; truncate -s 2 h/mail'
as "$PLACE/program" ctl mnt make-durable
as sh -ec 'cd mnt; rmdir f; mv h i'
as "$PLACE/program" ctl mnt power-cut --mode drop-unsynced --record own
as stat -c "%a %n" mnt/a mnt/f mnt/h
umount mnt; wait $all
"#;
    let place = with_directories()?;
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755))?;
    let words = ["appended", "removed", "replaced", "removed too", "200 mnt/a", "755 mnt/f", "300 mnt/h"];
    ends(&shell(place.path(), script)?, 0, &words)
}

/// What one mount wrote was missing in what the other thought durable.
fn in_one_another() -> TestResult {
    let script = r#"
mkdir backing/inner
start backing mnt --persistence ext4-ordered
attempt backing/inner other
kill -INT $pid; ended
start backing/inner mnt
attempt backing other --persistence ext4-ordered
kill -INT $pid; ended
"#;
    said(script, &["backing/inner lies in", "it ended with 64", "one of the two mounts keeps account"])
}
