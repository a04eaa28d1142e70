//! A mail server that runs on the machine itself, under its own commands: however a run ends, it is ended before its
//! storage goes, and no command of its own holds the run up.

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

type TestResult = Result<(), Failed>;
type Test = fn() -> TestResult;

fn main() -> ExitCode {
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return fermoposta::cli::main();
    }
    let mut arguments = Arguments::from_args();
    // Each is a mail server, and ports are chosen before they are used.
    arguments.test_threads = Some(1);
    let missing = fermoposta::testing::cannot_mount();
    let tests: [(&str, Test); 10] = [
        ("after_success", after_success),
        ("after_exit_70", after_exit_70),
        ("after_sigint", || after_signal(Signal::SIGINT)),
        ("after_sigterm", || after_signal(Signal::SIGTERM)),
        ("after_kill_9_of_the_harness", || after_signal(Signal::SIGKILL)),
        ("after_a_panic", after_a_panic),
        ("a_server_that_can_only_be_stopped_is_stopped", only_stopped),
        ("the_storage_of_a_server_that_cannot_be_ended_stays_mounted", cannot_be_ended),
        ("a_kill_that_fails_in_a_power_cut_ends_the_run", kill_fails_in_a_power_cut),
        (
            "a_start_that_waits_for_the_storage_does_not_hold_up_the_next_power_cut",
            start_waits_for_the_storage,
        ),
    ];
    let trials = tests.into_iter().map(|(name, test)| {
        let trial = Trial::test(format!("on_the_machine::{name}"), test);
        match &missing {
            Some(reason) => trial.with_ignored_flag(true).with_kind(reason.clone()),
            None => trial,
        }
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

const SCENARIO: &str = r#"
name = "on-the-machine"
why = "A run that is ended in every way there is."
[storage.mail]
[workload]
duration = "3s"
rate = "20/s"
users = 2
timeout = "2s"
mix = { deliver = 1, fetch = 1 }
[expect]
no-faults = true
"#;

/// The commands of the built-in server as an operator would have them. It is in a session of its own, as daemons are.
struct Server {
    start: String,
    stop: String,
    kill: String,
    password: &'static str,
}

impl Server {
    fn new() -> Result<Server, Failed> {
        let ports = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let [lmtp, imap] = [ports[0].local_addr()?, ports[1].local_addr()?];
        let program = std::env::current_exe()?;
        let start = format!(
            "FERMOPOSTA_SELF=1 setsid '{}' __reference-server --store \"{{store}}\" --password secret --lmtp {lmtp} \
             --imap {imap} & echo $! > \"{{work}}/pid\"",
            program.display()
        );
        let ended = |signal: &str| format!("pid=$(cat \"{{work}}/pid\") && kill {signal} $pid");
        Ok(Server { start, stop: ended(""), kill: ended("-9"), password: "secret" })
    }

    fn definition(&self) -> String {
        let listen = |service: &str| {
            let address =
                self.start.split(&format!("--{service} ")).nth(1).and_then(|rest| rest.split(' ').next());
            format!("{service} = \"{}\"", address.unwrap_or_default())
        };
        let Server { start, stop, kill, password } = self;
        format!(
            "name = 'own'\nabout = 'A server on the machine'\nkind = 'command'\npassword = '{password}'\n\
             start = ['/bin/sh', '-c', '''{start}''']\nstop = ['/bin/sh', '-c', '''{stop}''']\n\
             kill = ['/bin/sh', '-c', '''{kill}''']\nlisten = {{ {}, {} }}\nlayout.maildir = {{ path = '{{user}}/Maildir' }}\n",
            listen("lmtp"),
            listen("imap")
        )
    }
}

/// What a run says on standard output and standard error.
const SAID: &str = "said.txt";

struct Run {
    place: tempfile::TempDir,
    child: Child,
}

impl Run {
    fn start(server: &Server, scenario: &str, extra: &[(&str, &str)]) -> Result<Run, Failed> {
        let place = tempfile::tempdir()?;
        let (file, target) = (place.path().join("scenario.toml"), place.path().join("own.toml"));
        fs::write(&file, scenario)?;
        fs::write(&target, server.definition())?;
        let mut command = Command::new(std::env::current_exe()?);
        command.env("FERMOPOSTA_SELF", "1").arg("run").arg(&file).arg("--target").arg(&target);
        command.args(["--seed", "1", "--runs"]).arg(place.path().join("runs")).envs(extra.iter().copied());
        let said = File::create(place.path().join(SAID))?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        Ok(Run { child: command.spawn()?, place })
    }

    fn said(&self) -> String {
        fs::read_to_string(self.place.path().join(SAID)).unwrap_or_default()
    }

    fn file(&self, name: &str) -> PathBuf {
        let run = fs::read_dir(self.place.path().join("runs")).ok().and_then(|mut runs| runs.next()?.ok());
        run.map(|run| run.path().join(name)).unwrap_or_default()
    }

    fn history(&self) -> String {
        fs::read_to_string(self.file("history.jsonl")).unwrap_or_default()
    }

    fn wait_for(&self, text: &str) -> TestResult {
        let waited = wait_until(text, || self.history().contains(text));
        waited.map_err(|_| format!("nothing says {text}:\n{}\n{}", self.said(), self.history()).into())
    }

    /// Waits for its end, which is not far.
    fn end(&mut self) -> Result<Option<i32>, Failed> {
        let mut status = None;
        wait_until("the end of the run", || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })
        .map_err(|_| Failed::from(format!("the run does not end:\n{}\n{}", self.said(), self.history())))?;
        Ok(status.and_then(|status| status.code()))
    }

    fn ends_with(&mut self, code: i32) -> TestResult {
        let ended = self.end()?;
        if ended == Some(code) {
            Ok(())
        } else {
            Err(format!("exit {ended:?}, not {code}:\n{}", self.said()).into())
        }
    }

    fn mountpoint(&self) -> PathBuf {
        self.file("mnt/mail")
    }

    fn is_mounted(&self) -> bool {
        let place = self.place.path().display().to_string();
        fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| mounts.contains(&place))
    }

    /// The server does not run.
    fn ended(&self) -> bool {
        let pid = fs::read_to_string(self.file("target/pid")).unwrap_or_default();
        let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
        !pid.is_empty() && stat.map_or(true, |stat| stat.contains(") Z "))
    }

    /// At the end of the run the server is gone, and then the mount; nothing was written beneath it.
    fn is_clean(&self) -> TestResult {
        if !self.ended() {
            return Err(format!("the server runs on:\n{}", self.said()).into());
        }
        if self.is_mounted() {
            return Err(format!("the storage is still mounted:\n{}", self.said()).into());
        }
        match fs::read_dir(self.mountpoint())?.next() {
            Some(entry) => Err(format!("{:?} was written beneath the mount", entry?.path()).into()),
            None => Ok(()),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Ok(pid) = fs::read_to_string(self.file("target/pid")).unwrap_or_default().trim().parse()
            && !self.ended()
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        if self.is_mounted() {
            let _ = fuse_fs::mount::detach(&self.mountpoint());
        }
    }
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) -> TestResult {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        if condition() {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Err(format!("waited two minutes for {what}").into())
}

fn after_success() -> TestResult {
    let mut run = Run::start(&Server::new()?, SCENARIO, &[])?;
    run.ends_with(0)?;
    run.is_clean()
}

/// The warm-up cannot log in.
fn after_exit_70() -> TestResult {
    let mut run = Run::start(&Server { password: "wrong", ..Server::new()? }, SCENARIO, &[])?;
    run.ends_with(70)?;
    run.is_clean()
}

fn after_signal(signal: Signal) -> TestResult {
    // Traffic that lasts until it is ended, however late this machine looks.
    let endless = SCENARIO.replace("\"3s\"", "\"600s\"");
    let mut run = Run::start(&Server::new()?, &endless, &[])?;
    run.wait_for("\"traffic\"")?;
    kill(Pid::from_raw(i32::try_from(run.child.id())?), signal)?;
    if signal == Signal::SIGKILL {
        run.end()?;
        wait_until("the cleaning after a kill", || run.ended() && !run.is_mounted())?;
    } else {
        run.ends_with(130)?;
    }
    run.is_clean()
}

fn after_a_panic() -> TestResult {
    let mut run = Run::start(&Server::new()?, SCENARIO, &[("FERMOPOSTA_PANIC_IN", "traffic")])?;
    run.ends_with(70)?;
    run.is_clean()
}

fn only_stopped() -> TestResult {
    let server = Server { kill: "exit 3".to_owned(), ..Server::new()? };
    let mut run = Run::start(&server, SCENARIO, &[("FERMOPOSTA_PANIC_IN", "traffic")])?;
    run.ends_with(70)?;
    run.is_clean()
}

fn cannot_be_ended() -> TestResult {
    let server = Server { kill: "exit 3".to_owned(), stop: "exit 4".to_owned(), ..Server::new()? };
    let mut run = Run::start(&server, SCENARIO, &[])?;
    run.ends_with(70)?;
    let said = run.said();
    for wanted in ["ended with exit status: 3", "ended with exit status: 4", "stays mounted, dead", "umount "]
    {
        if !said.contains(wanted) {
            return Err(format!("nothing says {wanted:?}:\n{said}").into());
        }
    }
    nothing_can_be_written(&run)?;
    if run.ended() { Err("the server was killed although its commands failed".into()) } else { Ok(()) }
}

/// Whatever is written at the mount point reaches nothing.
fn nothing_can_be_written(run: &Run) -> TestResult {
    let written = fs::write(run.mountpoint().join("new"), "");
    match written.map_err(|error| error.raw_os_error()) {
        Err(Some(libc::ENOTCONN)) => Ok(()),
        other => Err(format!("writing at the mount point: {other:?}\n{}", run.said()).into()),
    }
}

fn kill_fails_in_a_power_cut() -> TestResult {
    let server = Server { kill: "exit 3".to_owned(), ..Server::new()? };
    let cut = "[[step]]\nat = \"1s\"\ndo.power-cut = {}\n[expect]\nrecover-within = \"10s\"";
    let mut run = Run::start(&server, &SCENARIO.replace("[expect]\nno-faults = true", cut), &[])?;
    run.ends_with(70)?;
    let said = run.said();
    let wanted = "the mail server could not be killed when the power went: own: `/bin/sh -c exit 3` ended with exit status: 3";
    if !said.contains(wanted) || said.contains("stays mounted") {
        return Err(format!("not as {wanted:?}:\n{said}").into());
    }
    // `stop` ended it, before the storage was unmounted.
    run.is_clean()
}

/// The second power cut finds the mail server being started: its start command is about to use a storage that answers
/// nobody any more.
fn start_waits_for_the_storage() -> TestResult {
    let server = Server::new()?;
    let server = Server { start: format!("sleep 2; mkdir -p \"{{store}}/new\"; {}", server.start), ..server };
    let cuts = "[[step]]\nat = \"500ms\"\nevery = \"1s\"\ntimes = 2\ndo.power-cut = {}\n[expect]\nrecover-within = \"30s\"";
    let mut run = Run::start(&server, &SCENARIO.replace("[expect]\nno-faults = true", cuts), &[])?;
    let code = run.end()?;
    let cuts = run.history().matches("\"event\":\"cut\"").count();
    if cuts != 2 || !matches!(code, Some(0 | 2)) {
        return Err(format!("{cuts} power cuts, exit {code:?}:\n{}", run.said()).into());
    }
    run.is_clean()
}
