//! Where people work: whatever the path of a directory is, whoever may enter it and whoever runs the program, verdicts are those of a
//! plain place; and where a place cannot be used, nothing of the machine's is touched.

use crate::group::{Named, TestResult, group, percent};
use crate::stage::ends;
use fermoposta::testing::Test;
use fermoposta::testing::inside::{built_in, companions};
use libtest_mimic::Failed;
use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ENVIRONMENT: i32 = 70;

pub(crate) fn tests() -> Vec<Test> {
    let of_servers = [
        ("reference", server("reference"), (|| in_odd_places("reference")) as fn() -> TestResult),
        ("dovecot_maildir", server("dovecot-maildir"), || in_odd_places("dovecot-maildir")),
        ("postfix_maildir", server("postfix-maildir"), || in_odd_places("postfix-maildir")),
        ("a_umask_that_hides_everything", server("postfix-maildir"), || {
            in_an_odd_environment("077", "/proc/version")
        }),
        ("a_umask_that_hides_nothing", server("postfix-maildir"), || in_an_odd_environment("000", "/")),
        ("a_uid_without_a_name", server("dovecot-maildir").or_else(unshared), a_uid_without_a_name),
    ];
    let test = |(name, missing, body)| {
        Test::new(format!("odd_places::{name}"), percent(60, 30), body).lacking(missing)
    };
    let mut tests: Vec<Test> = of_servers.into_iter().map(test).collect();
    let of_mounts: [Named; 6] = [
        ("a_mount_that_fails_leaves_the_disk_there", percent(10, 2), a_mount_that_fails),
        ("a_mount_that_was_unmounted_leaves_the_disk_there", percent(10, 3), a_mount_that_was_unmounted),
        ("a_mount_that_is_covered_is_said", percent(10, 3), a_mount_that_is_covered),
        ("a_killed_mount_leaves_the_disk_there", percent(10, 4), a_killed_mount),
        ("a_second_account_of_one_directory", percent(10, 3), a_second_account),
        ("a_full_disk_is_left_as_it_was", percent(10, 2), a_full_disk),
    ];
    tests.extend(group("odd_places", fermoposta::testing::cannot_mount().or_else(unshared), of_mounts));
    tests
}

/// Why nothing can be mounted for a test's own eyes.
pub(crate) fn unshared() -> Option<String> {
    (!nix::unistd::geteuid().is_root())
        .then(|| "only root gets a mount namespace without a user namespace".to_owned())
}

/// Why a server cannot run.
fn server(name: &str) -> Option<String> {
    let definition = built_in().into_iter().find(|definition| definition.name == name)?;
    let with = companions(&definition, name, Path::new("")).expect("they come with the program");
    let all = [&definition].into_iter().chain(with.iter().map(|(_, companion)| companion));
    fermoposta::testing::cannot_mount().or_else(|| all.into_iter().find_map(fermoposta::testing::cannot_run))
}

/// An honest fault that every server survives, on its messages' way to the disk.
const SCENARIO: &str = r#"
name = "short"
why  = "An honest fault, wherever it happens."
[workload]
duration = "3s"
rate     = "15/s"
users    = 2
mix      = { deliver = 1 }
[[fault]]
name         = "fsync-of-a-message-fails"
where        = { op = "fsync", path = "**/tmp/**" }
when         = { every = 5 }
effect.errno = { code = "EIO" }
[expect]
recover-within = "15s"
acknowledged-under-fault = 1
"#;

/// Whatever configuration files, shells, mount options and addresses may stumble over, and longer than a socket's address.
const ODD: &str = "-a b%2Fc:d#e,f=g\\h'i\"j -\u{fc}$k(l)&m;n*?[o]{p}~|<>!`^";

/// A new directory below `place` with a path of 200 characters, which only its owner may enter.
fn odd(place: &Path) -> Result<PathBuf, Failed> {
    let missing = 200_usize.saturating_sub(place.as_os_str().len() + ODD.len() + 1);
    let odd = place.join(format!("{ODD}{}", "x".repeat(missing)));
    DirBuilder::new().mode(0o700).create(&odd)?;
    Ok(odd)
}

/// A run of `target` with everything in `place`.
fn run(place: &Path, target: &str) -> Result<Output, Failed> {
    for directory in ["disk", "tmp", "home"] {
        std::fs::create_dir(place.join(directory))?;
    }
    std::fs::write(place.join("short.toml"), SCENARIO)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").env("TMPDIR", place.join("tmp"));
    if std::env::var_os("FERMOPOSTA_SERVERS").is_some() {
        command.env("HOME", place.join("home"));
    }
    command.arg("run").arg(place.join("short.toml")).args([
        "--target",
        target,
        "--seed",
        "1",
        "--storage-dir",
        "disk",
    ]);
    Ok(command.current_dir(place).stdin(Stdio::null()).output()?)
}

fn in_odd_places(target: &str) -> TestResult {
    let place = tempfile::tempdir()?;
    let plain = place.path().join("plain");
    std::fs::create_dir(&plain)?;
    ends(&run(&plain, target)?, 0, &["VALID", "1 fault fired"])?;
    ends(&run(&odd(place.path())?, target)?, 0, &["VALID", "1 fault fired"])
}

/// Neither what the caller hides from others nor an environment without a PATH is the mail server's business; a TMPDIR that is none
/// is not used.
fn in_an_odd_environment(umask: &str, tmpdir: &str) -> TestResult {
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("short.toml"), SCENARIO)?;
    let servers = std::env::var("FERMOPOSTA_SERVERS").map(|servers| format!("FERMOPOSTA_SERVERS={servers}"));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("umask {umask}; exec env -i \"$@\""), "sh", "FERMOPOSTA_SELF=1"]);
    command.arg(format!("HOME={}", std::env::var("HOME").unwrap_or_default())).args(servers.ok());
    command.arg(format!("TMPDIR={tmpdir}")).arg(std::env::current_exe()?);
    command.args(["run", "short.toml", "--target", "postfix-maildir", "--seed", "1"]);
    let output = command.current_dir(place.path()).stdin(Stdio::null()).output()?;
    ends(&output, 0, &["VALID", "1 fault fired"])
}

/// Runs a shell's `script` in `place` in a mount namespace of its own; `$0` is the program.
pub(crate) fn shell(place: &Path, script: &str) -> Result<Output, Failed> {
    let mut command = Command::new("unshare");
    let script = format!("{FUNCTIONS}{script}");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-ec", &script]);
    command.arg(std::env::current_exe()?).env("FERMOPOSTA_SELF", "1").env("PLACE", place);
    Ok(command.current_dir(place).stdin(Stdio::null()).output()?)
}

/// `mounted N KIND`: N mounts of that kind are at `mnt`. `attempt ARGUMENTS`: a `mount` that fails, with its guard. `start ARGUMENTS`:
/// one at work, its process in `pid`, its words in `said` too; `ended`: until it and its guard have.
const FUNCTIONS: &str = r#"
until_true() {
    words=$1; shift; n=0
    until "$@"; do n=$((n + 1)); [ $n -lt 1200 ] || { echo "waited a minute for $words"; exit 9; }; sleep 0.05; done
}
mounted() { [ "$(grep -c " $PLACE/mnt [^-]* - $2 " /proc/self/mountinfo)" = "$1" ]; }
attempt() { { timeout --signal=INT 60 "$0" mount "$@" 2>&1 || echo "it ended with $?"; } | cat; }
start() {
    { "$0" mount "$@" 2>&1 & echo $! > pid; wait $! || echo "it ended with $?"; } | tee -a said & all=$!
    until_true "the mount" mounted 1 fuse.fermoposta; pid=$(cat pid)
}
ended() { wait $all; }
"#;

/// Dovecot asks who it runs as, and ended with: default_login_user doesn't exist: 54321.
fn a_uid_without_a_name() -> TestResult {
    let place = tempfile::tempdir()?;
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755))?;
    let own = place.path().join("own");
    std::fs::create_dir(&own)?;
    chown(&own, Some(54321), Some(54321))?;
    std::fs::write(own.join("short.toml"), SCENARIO)?;
    // Program and servers may lie where only root looks.
    let script = r#"
touch program; mkdir servers; mknod fuse c 10 229; chmod 666 fuse
mount --bind "$0" program; mount --bind fuse /dev/fuse
[ -z "$FERMOPOSTA_SERVERS" ] || { mount --bind "$FERMOPOSTA_SERVERS" servers; export FERMOPOSTA_SERVERS="$PLACE/servers"; }
cd own
TMPDIR=/tmp exec setpriv --reuid 54321 --regid 54321 --clear-groups "$PLACE/program" run short.toml --target dovecot-maildir --seed 1
"#;
    ends(&shell(place.path(), script)?, 0, &["VALID", "1 fault fired"])
}

pub(crate) fn with_directories() -> Result<tempfile::TempDir, Failed> {
    let place = tempfile::tempdir()?;
    for directory in ["backing", "mnt", "other"] {
        std::fs::create_dir(place.path().join(directory))?;
    }
    Ok(place)
}

/// The process that cleans up after a crash unmounted what it had not mounted: the user's own disk.
fn a_mount_that_fails() -> TestResult {
    let script = r#"
mount -t tmpfs disk mnt; touch mnt/mail
attempt backing mnt
test -e mnt/mail && echo it is there
"#;
    let words = ["is not empty", "it ended with 64", "it is there"];
    ends(&shell(with_directories()?.path(), script)?, 0, &words)
}

/// Whoever found the storage gone unmounted what lay beneath.
fn a_mount_that_was_unmounted() -> TestResult {
    let script = r#"
mount -t tmpfs disk mnt
start backing mnt
umount mnt
ended
mounted 1 tmpfs && echo it is there
"#;
    ends(&shell(with_directories()?.path(), script)?, 0, &["it is there"])
}

fn a_mount_that_is_covered() -> TestResult {
    let script = r#"
start backing mnt
mount -t tmpfs disk mnt
kill -INT $pid
ended
mounted 1 tmpfs && echo it is there
"#;
    let words = ["something else was mounted over", "it ended with 70", "it is there"];
    ends(&shell(with_directories()?.path(), script)?, 0, &words)
}

/// Killed after somebody else had unmounted it: a file is open, so it goes on.
fn a_killed_mount() -> TestResult {
    let script = r#"
touch backing/open
mount -t tmpfs disk mnt
start backing mnt
exec 3< mnt/open
umount --lazy mnt
kill -KILL $pid
ended
exec 3<&-
mounted 1 tmpfs && echo it is there
start backing mnt --unmount-if-killed
kill -KILL $pid
ended
mounted 0 fuse.fermoposta && mounted 1 tmpfs && echo and still
"#;
    ends(&shell(with_directories()?.path(), script)?, 0, &["it is there", "and still"])
}

/// What one mount wrote was missing in what the other thought durable, and each emptied the other's directory beside the backing one.
fn a_second_account() -> TestResult {
    let script = r#"
ln -s backing link
start backing mnt --persistence ext4-ordered
attempt link other
kill -INT $pid
ended
"#;
    let words = ["is the backing directory of another mount", "it ended with 64"];
    ends(&shell(with_directories()?.path(), script)?, 0, &words)
}

/// What was made for a run that could not begin stayed on the full disk.
fn a_full_disk() -> TestResult {
    let script = r#"
mount -t tmpfs -o size=200k disk mnt; mkdir mnt/other
"$0" run short.toml --seed 1 --storage-dir mnt --runs new/runs && exit 9 || code=$?
ls mnt; ls new 2>/dev/null || echo nothing new
exit $code
"#;
    let place = with_directories()?;
    std::fs::write(place.path().join("short.toml"), SCENARIO)?;
    let output = shell(place.path(), script)?;
    ends(&output, ENVIRONMENT, &["No space left on device", "other nothing new"])
}
