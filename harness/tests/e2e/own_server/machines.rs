//! Two machines: network namespaces that a cable joins, and that are gone when the processes that hold them are.

use crate::clean_up::wait_until;
use crate::group::TestResult;
use libtest_mimic::Failed;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(super) const SERVER: &str = "10.213.7.2";
const CLIENT: &str = "10.213.7.1";
/// Between two looks at the processes.
const PACE: Duration = Duration::from_millis(20);

pub(super) struct Machines {
    client: Holder,
    server: Holder,
}

/// A process that does nothing but hold its network.
struct Holder(Child);

impl Holder {
    fn new() -> Result<Holder, Failed> {
        // It ends with its input, so also when this process is killed.
        let child = Command::new("unshare")
            .args(["-n", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let holder = Holder(child);
        let own = fs::read_link("/proc/self/ns/net")?;
        wait_until("a network of its own", || fs::read_link(holder.net()).is_ok_and(|net| net != own))?;
        Ok(holder)
    }

    fn net(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.net())).arg(program).stdin(Stdio::null());
        command
    }

    fn ip(&self, words: &str) -> TestResult {
        let done = self.command("ip").args(words.split(' ')).output()?;
        let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
        if done.status.success() { Ok(()) } else { Err(format!("ip {words}: {complaint}").into()) }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The command line of a process that holds one of the secrets, if there is one before it is over.
fn listed(secrets: &[&str], over: &AtomicBool) -> Option<String> {
    while !over.load(Ordering::Relaxed) {
        let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
        let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        let found = lines.into_iter().find(|line| secrets.iter().any(|secret| line.contains(secret)));
        if found.is_some() {
            return found;
        }
        std::thread::park_timeout(PACE);
    }
    None
}

/// Why there cannot be two machines here.
pub(super) fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("networks and cables are made by root".to_owned());
    }
    let there = |program: &str| {
        ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].iter().any(|place| Path::new(place).join(program).exists())
    };
    if let Some(absent) = ["ip", "nsenter", "unshare"].iter().find(|program| !there(program)) {
        return Some(format!("there is no `{absent}`: `apt-get install iproute2 util-linux`"));
    }
    Machines::new().err().map(|_| "this machine makes no networks or no cables between them".to_owned())
}

impl Machines {
    pub(super) fn new() -> Result<Machines, Failed> {
        let (client, server) = (Holder::new()?, Holder::new()?);
        client.ip(&format!("link add c0 type veth peer name s0 netns {}", server.0.id()))?;
        for (machine, cable, address) in [(&client, "c0", CLIENT), (&server, "s0", SERVER)] {
            machine.ip("link set lo up")?;
            machine.ip(&format!("addr add {address}/24 dev {cable}"))?;
            machine.ip(&format!("link set {cable} up"))?;
        }
        Ok(Machines { client, server })
    }

    /// As its user starts it on the one machine, watched by somebody who may list processes.
    pub(super) fn fermoposta(
        &self,
        place: &Path,
        arguments: &[&str],
        secrets: &[&str],
    ) -> Result<Output, Failed> {
        let program = std::env::current_exe()?;
        let mut command = self.client.command(&program.display().to_string());
        command.env("FERMOPOSTA_SELF", "1").args(arguments).current_dir(place);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| listed(secrets, &over));
            let output = command.output();
            over.store(true, Ordering::Relaxed);
            match watcher.join().expect("it watches") {
                Some(line) => Err(format!("a secret is an argument of a process: {line}").into()),
                None => Ok(output?),
            }
        })
    }

    /// What runs a command on the other machine, for a script.
    pub(super) fn on_the_server(&self) -> String {
        format!("nsenter --net={}", self.server.net())
    }
}
