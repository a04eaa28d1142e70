//! What is wrong around the mail server is said as such: never valid, and never held against it.

use crate::group::{Named, TestResult, group, percent};
use crate::stage::{Run, START, ends, server};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// Between two looks at what is waited for.
const PACE: Duration = Duration::from_millis(10);

const ENVIRONMENT: i32 = 70;
const UNKNOWN: i32 = 2;

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 6] = [
        ("the_same_disk_serves_twice", percent(40, 8), the_same_disk_serves_twice),
        ("a_login_of_another_form", percent(20, 15), a_login_of_another_form),
        ("a_companion_that_looks_elsewhere", percent(20, 15), a_companion_that_looks_elsewhere),
        ("somebody_else_is_at_the_port", percent(10, 8), somebody_else_is_at_the_port),
        ("somebody_else_comes_to_the_port", percent(10, 5), somebody_else_comes_to_the_port),
        ("a_server_that_refuses_everything", percent(30, 5), a_server_that_refuses_everything),
    ];
    group("set_up", fermoposta::testing::cannot_mount(), tests)
}

const SCENARIO: &str = r#"
name = "short"
why  = "What matters comes before the traffic."
[workload]
users    = 2
duration = "300ms"
mix      = { deliver = 1 }
[expect]
no-faults = true
"#;

/// The built-in server, with what follows.
const SERVER: &str = r#"
name = "mine"
about = "The built-in server, otherwise set up"
kind = "spawned"
start = ["{exe}", "__reference-server", "--store", "{store}", "--password", "{password}", "--lmtp", "127.0.0.1:{port.lmtp}"]
listen = { lmtp = "127.0.0.1:{port.lmtp}" }
layout.maildir = { path = "{user}/Maildir" }
"#;

/// One that only reads, but not what the mail server stores.
const READER: &str = r#"
name = "reader"
about = "Looks elsewhere"
kind = "spawned"
start = ["{exe}", "__reference-server", "--store", "{work}", "--password", "{password}", "--imap", "127.0.0.1:{port.imap}"]
listen = { imap = "127.0.0.1:{port.imap}" }
layout.maildir = { path = "{user}/Maildir" }
"#;

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> TestResult {
    if holds { Ok(()) } else { Err(problem().into()) }
}

fn run(place: &Path, target: &str, more: &[&str]) -> Result<Output, Failed> {
    Ok(Run { scenario: SCENARIO, target: Some(target.to_owned()), more, ..Run::of("") }.start(place)?)
}

/// The same run on the same disk found the mail of the run before: 3 damaged, 20 twice.
fn the_same_disk_serves_twice() -> TestResult {
    let place = tempfile::tempdir()?;
    std::fs::create_dir(place.path().join("disk"))?;
    for _ in 0..2 {
        let output = run(place.path(), &server(START, ""), &["--storage-dir", "disk"])?;
        ends(&output, 0, &["VALID"])?;
    }
    let on_disk = std::fs::read_dir(place.path().join("disk"))?.count();
    ensure(on_disk == 2, || format!("there are {on_disk} directories on the disk"))
}

/// All mail lay on the disk, and everybody who logged in saw an empty mailbox: all of it was called invisible.
fn a_login_of_another_form() -> TestResult {
    let place = tempfile::tempdir()?;
    let other = format!("login = \"{{user}}@{{domain}}\"\n{}", server(START, ""));
    let output = run(place.path(), &other, &[])?;
    let words = ["mail cannot be read back, before any fault was armed", "it lies on the disk", "`login`"];
    ends(&output, ENVIRONMENT, &words)
}

fn a_companion_that_looks_elsewhere() -> TestResult {
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("reader.toml"), READER)?;
    let reader = place.path().join("reader.toml");
    let with = format!("with = [{{ target = \"{}\", when = \"reading\" }}]\n{SERVER}", reader.display());
    let output = run(place.path(), &with, &[])?;
    ends(&output, ENVIRONMENT, &["none of the mail that was accepted", "it lies on the disk"])
}

/// Both services of a server that somebody else should have started.
fn command(start: &str, ports: [u16; 2]) -> String {
    format!(
        r#"
name = "mine"
about = "A server that the user starts"
kind = "command"
start = ["/bin/sh", "-c", {start:?}]
stop = ["true"]
kill = ["true"]
ready-within = "5s"
listen = {{ lmtp = "127.0.0.1:{}", imap = "127.0.0.1:{}" }}
layout.maildir = {{ path = "{{user}}/Maildir" }}
"#,
        ports[0], ports[1]
    )
}

/// Another mail server got 878 commands, because the one under test had silently not started.
fn somebody_else_is_at_the_port() -> TestResult {
    let place = tempfile::tempdir()?;
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let ports = [listeners[0].local_addr()?.port(), listeners[1].local_addr()?.port()];
    let output = run(place.path(), &command("exit 0", ports), &[])?;
    let own = format!("process {} (", std::process::id());
    ends(&output, ENVIRONMENT, &["was not started: somebody else answers at 127.0.0.1:", &own])
}

/// Greets the first who comes.
fn greet(listener: &TcpListener, greeting: &str, deadline: Instant) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    while Instant::now() < deadline {
        match listener.accept() {
            Ok((mut visitor, _)) => return visitor.write_all(greeting.as_bytes()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::sleep(PACE),
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::TimedOut.into())
}

/// The port was free, and then a program that had been there before the start opened it.
fn somebody_else_comes_to_the_port() -> TestResult {
    let place = tempfile::tempdir()?;
    let free = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let ports = [free[0].local_addr()?.port(), free[1].local_addr()?.port()];
    drop(free);
    let (asked, open) = (place.path().join("asked"), place.path().join("open"));
    let start = format!(
        "touch '{}'; n=0; while [ ! -e '{}' ] && [ $n -lt 1200 ]; do sleep 0.05; n=$((n + 1)); done",
        asked.display(),
        open.display()
    );
    let stranger = std::thread::spawn(move || -> std::io::Result<Vec<TcpListener>> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !asked.exists() && Instant::now() < deadline {
            std::thread::sleep(PACE);
        }
        let listeners = ports
            .map(|port| TcpListener::bind(("127.0.0.1", port)))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        std::fs::write(open, "")?;
        for (listener, greeting) in listeners.iter().zip(["220 me\r\n", "* OK me\r\n"]) {
            greet(listener, greeting, deadline)?;
        }
        Ok(listeners)
    });
    let output = run(place.path(), &command(&start, ports), &[])?;
    let _there_until_now = stranger.join().map_err(|_| "the stranger panicked")??;
    ends(&output, ENVIRONMENT, &["which was there before it was started", "not the mail server under test"])
}

/// A refusal before any fault ended the run as if the machine were in trouble.
fn a_server_that_refuses_everything() -> TestResult {
    let place = tempfile::tempdir()?;
    let refusing = r#"prepare = [['/bin/sh', '-c', ': > "{store}/user1"; : > "{store}/user2"']]"#;
    let output = run(place.path(), &server(START, refusing), &[])?;
    let words = ["the mail server accepted none of", "in the warm-up, before any fault was armed"];
    ends(&output, UNKNOWN, &words)
}
