//! A mail server that tries, as root, to harm the machine it is tested on, in each role that a target has. Nothing outside
//! its run changes. The victims are this test's own: a directory, a process, a socket, a piece of shared memory.

#[path = "hostile/attack.rs"]
mod attack;

use libtest_mimic::{Arguments, Failed, Trial};
use reports::kit::verdict::Verdict;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};

type TestResult = Result<(), Failed>;

fn main() -> ExitCode {
    if let Some(role) = std::env::var_os("HOSTILE_ROLE") {
        return attack::main(&role);
    }
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return fermoposta::cli::main();
    }
    let missing = fermoposta::testing::cannot_mount();
    let ordinary =
        || (!nix::unistd::geteuid().is_root()).then(|| "what only root could do is tried".to_owned());
    let trial = Trial::test("hostile::a_target_changes_nothing_outside_its_run", changes_nothing);
    let trial = match missing.or_else(ordinary) {
        Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
        None => trial,
    };
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

const SCENARIO: &str = r#"
name = "hostile"
why  = "What the mail server does to the machine is looked at afterwards."
[workload]
duration = "1s"
mix      = { deliver = 1 }
[expect]
no-faults = true
"#;

/// Every role in which something of a target runs attacks first.
const TARGET: &str = r#"
about = "The built-in server, and an attack on the machine wherever something of a target runs"
kind = "spawned"
start = ["/bin/sh", "-c", '''
HOSTILE_ROLE=start-of-NAME 'EXE'
unset HOSTILE_ROLE
exec 'EXE' __reference-server --store "$STORE" --password secret --lmtp 127.0.0.1:{port.lmtp} --imap 127.0.0.1:{port.imap}
''']
version = ["/bin/sh", "-c", "HOSTILE_ROLE=version-of-NAME 'EXE'"]
prepare = [["/bin/sh", "-c", "HOSTILE_ROLE=prepare-of-NAME 'EXE'"]]
check = ["/bin/sh", "-c", "HOSTILE_ROLE=check-of-NAME 'EXE'"]
listen = { lmtp = "127.0.0.1:{port.lmtp}", imap = "127.0.0.1:{port.imap}" }
layout.maildir = { path = "{user}/Maildir" }
rebuild = { command = ["/bin/sh", "-c", "HOSTILE_ROLE=rebuild-of-NAME 'EXE'"], running = true }
"#;

const ROLES: [&str; 9] = [
    "version-of-main",
    "prepare-of-main",
    "start-of-main",
    "rebuild-of-main",
    "check-of-main",
    "version-of-other",
    "prepare-of-other",
    "start-of-other",
    "check-of-other",
];

/// What an attack could change.
struct Victims {
    place: PathBuf,
    process: Child,
    memory: i32,
    tcp: TcpListener,
    _socket: UnixListener,
}

impl Victims {
    fn new(place: &Path) -> Result<Victims, Failed> {
        fs::create_dir(place.join("below"))?;
        fs::write(place.join("file"), "untouched")?;
        fs::write(place.join("below/file"), "untouched")?;
        fs::set_permissions(place.join("file"), fs::Permissions::from_mode(0o640))?;
        // SAFETY: a private segment of one page; it is removed when the victims are dropped.
        let memory = unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o600) };
        let process = Command::new("sleep").arg("600").spawn()?;
        let (tcp, socket) = (TcpListener::bind("127.0.0.1:0")?, UnixListener::bind(place.join("socket"))?);
        tcp.set_nonblocking(true)?;
        Ok(Victims { place: place.to_owned(), process, memory, tcp, _socket: socket })
    }

    /// How they are told about, to the attack.
    fn environment(&self) -> Result<String, Failed> {
        let entries = [
            ("VICTIM", self.place.display().to_string()),
            ("VICTIM_PID", self.process.id().to_string()),
            ("VICTIM_MEMORY", self.memory.to_string()),
            ("VICTIM_TCP", self.tcp.local_addr()?.to_string()),
        ];
        let lines = entries.map(|(name, value)| format!("{name} = {value:?}\n")).concat();
        Ok(format!("[environment]\nSTORE = \"{{store}}\"\nWORK = \"{{work}}\"\n{lines}"))
    }

    /// Everything that can be seen of the files.
    fn looks(&self) -> Result<Vec<String>, Failed> {
        let mut seen = Vec::new();
        for name in ["", "file", "below", "below/file", "socket"] {
            let found = fs::symlink_metadata(self.place.join(name))?;
            let (mode, owner, changed) =
                (found.mode(), (found.uid(), found.gid()), (found.ctime(), found.ctime_nsec()));
            seen.push(format!("{name}: {mode:o} {owner:?} {} {changed:?}", found.nlink()));
        }
        for name in ["file", "below/file"] {
            seen.push(fs::read_to_string(self.place.join(name))?);
        }
        for directory in [&self.place, &self.place.join("below")] {
            let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
            let mut names = names.collect::<std::io::Result<Vec<_>>>()?;
            names.sort();
            seen.push(format!("{names:?}"));
        }
        Ok(seen)
    }

    fn alive(&mut self) -> TestResult {
        if let Some(status) = self.process.try_wait()? {
            return Err(format!("the process was killed: {status}").into());
        }
        // SAFETY: the structure is plain data and outlives the call.
        let found = unsafe {
            let mut found: libc::shmid_ds = std::mem::zeroed();
            libc::shmctl(self.memory, libc::IPC_STAT, &mut found)
        };
        if found != 0 {
            return Err("the shared memory was removed".into());
        }
        Ok(())
    }
}

impl Drop for Victims {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // SAFETY: the segment is this test's own.
        unsafe { libc::shmctl(self.memory, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

fn changes_nothing() -> TestResult {
    let place = tempfile::tempdir()?;
    let victim = place.path().join("victim");
    fs::create_dir(&victim)?;
    let mut victims = Victims::new(&victim)?;
    let (environment, program) = (victims.environment()?, std::env::current_exe()?);
    let file = |name: &str, more: &str| {
        let target = TARGET.replace("NAME", name).replace("EXE", &program.display().to_string());
        let text = format!("name = \"{name}\"\n{target}{more}{environment}");
        fs::write(place.path().join(format!("{name}.toml")), text)
    };
    file("other", "")?;
    file("main", "with = [{ target = \"other.toml\", when = \"always\" }]\n")?;
    let scenario = place.path().join("hostile.toml");
    fs::write(&scenario, SCENARIO)?;
    let (target, runs) = (place.path().join("main.toml"), place.path().join("runs"));
    let before = victims.looks()?;
    let target = target.display().to_string();
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").arg("run").arg(&scenario);
    command.args(["--seed", "1", "--json", "--target", &target]);
    let said = command.arg("--runs").arg(&runs).output()?;
    let report = reports::run::json::from_json(&String::from_utf8_lossy(&said.stdout))
        .map_err(|_| String::from_utf8_lossy(&said.stderr).into_owned())?;
    // What the attack could do is said first: it names the hole.
    all_failed(&runs)?;
    let after = victims.looks()?;
    if before != after {
        return Err(format!("changed:\n{}\nis now:\n{}", before.join("\n"), after.join("\n")).into());
    }
    victims.alive()?;
    left_nowhere(&victim)?;
    if report.verdict == Verdict::Valid { Ok(()) } else { Err(format!("{report:?}").into()) }
}

/// Every role attacked, and nothing succeeded.
fn all_failed(runs: &Path) -> TestResult {
    let run = fs::read_dir(runs)?.next().ok_or("there is no run")??.path();
    let mut said = Vec::new();
    for role in ROLES {
        let work = if role.ends_with("main") { run.join("target") } else { run.join("target/with/other") };
        let succeeded = fs::read_to_string(work.join(format!("succeeded-{role}")))
            .map_err(|error| format!("{role} did not attack: {error}"))?;
        said.extend(succeeded.lines().map(|line| format!("{role}: {line}")));
    }
    if said.is_empty() { Ok(()) } else { Err(said.join("\n").into()) }
}

/// What it made in directories for everybody was its own.
fn left_nowhere(victim: &Path) -> TestResult {
    let name = attack::mark(victim);
    let places = attack::FOR_EVERYBODY.map(|place| Path::new(place).join(&name));
    match places.iter().find(|path| path.exists()) {
        Some(path) => Err(format!("{} was made on the machine", path.display()).into()),
        None => Ok(()),
    }
}
