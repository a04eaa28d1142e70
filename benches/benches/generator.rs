//! What a message costs the load generator: processor time of this process, which holds nothing but the generator.
//!
//! The sink that takes the mail is a process of its own, so that its time does not count. `cargo bench --bench generator`
//! sends for 10 s at 1,000 messages a second; `-- RATE SECONDS SIZE` changes that (0 as the size: the sizes of real mail).
//! Beside it, where it is installed, Postfix' `smtp-source` sends as much to the same sink, one connection a message.
//! Figures of one machine and one run are compared with each other only.

use fermoposta::testing::inside::{Context, Endpoints, Setup, traffic};
use fuse_fs::clock::Nanos;
use fuse_fs::units::{Bytes, Span};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use record::history::Ingress;
use record::history::recorder::Recorder;
use record::history::specimens::Specimens;
use record::history::token::RunToken;
use record::plan::workload::{Mix, Sizes, Stage, WorkloadPlan};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Clients that the sink serves at once.
const SINK_THREADS: usize = 32;
/// Operations under way at once.
const IN_FLIGHT: u32 = 200;
/// Of `smtp-source`: sessions at once.
const SESSIONS: &str = "20";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if arguments.first().is_some_and(|mode| mode == "--sink") {
        return sink();
    }
    let number = |n: usize, default: f64| {
        arguments.get(n).map_or(default, |text| text.parse().expect("RATE SECONDS SIZE are numbers"))
    };
    let load = Load { rate: number(0, 1_000.0), seconds: number(1, 10.0), size: number(2, 4_096.0) as u64 };
    let (mut child, address) = start_sink();
    let sent = generate(&load, &address);
    println!("fermoposta: {sent}");
    match smtp_source(&load, &address, sent.messages) {
        Ok(other) => println!(
            "smtp-source: {other}\nfermoposta costs {:.2} times as much",
            sent.each_us() / other.each_us()
        ),
        Err(error) => println!("smtp-source: {error}"),
    }
    child.kill().expect("the sink is ours");
    child.wait().expect("the sink is ours");
}

struct Load {
    rate: f64,
    seconds: f64,
    size: u64,
}

/// What sending came to.
struct Sent {
    messages: u64,
    processor: Duration,
    took: Duration,
}

impl Sent {
    fn each_us(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.messages.max(1) as f64
    }
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sent { messages, processor, took } = self;
        let (used, seconds) = (processor.as_secs_f64(), took.as_secs_f64());
        write!(
            f,
            "{:.0} us of processor time a message ({used:.2} s for {messages} in {seconds:.1} s)",
            self.each_us()
        )
    }
}

fn generate(load: &Load, address: &str) -> Sent {
    let folder = std::env::temp_dir().join(format!("fermoposta-generator-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a directory for the history");
    let setup = setup(load, address, &folder);
    let (history, progress) = (setup.history.clone(), setup.progress.clone());
    let context = Arc::new(Context::new(setup).expect("the sink has what the traffic needs"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    let (before, begun) = (used(UsageWho::RUSAGE_SELF), Instant::now());
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let summary = runtime.block_on(traffic(&context, Nanos::now(), stopped));
    history.finish().expect("the history is written");
    let (processor, took) = (used(UsageWho::RUSAGE_SELF) - before, begun.elapsed());
    std::fs::remove_dir_all(&folder).expect("the directory is ours");
    let counts = progress.counts();
    println!("{summary:?}, {counts:?}");
    Sent { messages: counts.acknowledged, processor, took }
}

fn setup(load: &Load, address: &str, folder: &Path) -> Setup {
    let history = Recorder::create(&folder.join("history.jsonl")).expect("the history is created");
    let run = RunToken(0x1a2b_3c4d);
    let plan = plan(load);
    Setup {
        users: plan.user_names().collect(),
        plan: Arc::new(plan),
        seed: 1,
        run,
        endpoints: Endpoints { lmtp: None, smtp: Some(address.to_owned().into()), imap: None },
        apart: None,
        is_relayed: false,
        password: String::new(),
        accounts: Default::default(),
        logins: Default::default(),
        domain: "example.test".to_owned(),
        archive: "Archive".to_owned(),
        specimens: Specimens::new(run, folder.to_owned(), history.clone()),
        history,
        story_scale: 1.0,
        progress: Arc::default(),
        corpus: None,
    }
}

fn plan(load: &Load) -> WorkloadPlan {
    let span = |seconds| Span(Duration::from_secs_f64(seconds));
    WorkloadPlan {
        stages: vec![Stage { rate: load.rate, duration: span(load.seconds) }],
        names: Vec::new(),
        sender: None,
        beside_mail: false,
        until_steps_done: false,
        users: 100,
        skew: 1.0,
        mix: Mix { deliver: 1.0, ..Mix::default() },
        deliver_by: Ingress::Smtp,
        sizes: match load.size {
            0 => Sizes::Freebsd2002 { max: None },
            size => Sizes::Fixed { size: Bytes(size) },
        },
        corpus: None,
        in_flight: IN_FLIGHT,
        timeout: span(10.0),
        warm_up: 0,
        retries: 0,
        retry_after: span(1.0),
        recipients: Vec::new(),
        lists: 0.0,
        senders: Vec::new(),
        single: None,
        clients: None,
    }
}

fn smtp_source(load: &Load, address: &str, messages: u64) -> io::Result<Sent> {
    let (before, begun) = (used(UsageWho::RUSAGE_CHILDREN), Instant::now());
    let [count, size] = [messages.to_string(), load.size.max(1).to_string()];
    let options = ["-s", SESSIONS, "-m", &count, "-l", &size, "-f", "a@example.test", "-t", "b@example.test"];
    let status = Command::new("smtp-source").args(options).arg(format!("inet:{address}")).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("it failed: {status}")));
    }
    Ok(Sent { messages, processor: used(UsageWho::RUSAGE_CHILDREN) - before, took: begun.elapsed() })
}

fn used(who: UsageWho) -> Duration {
    let usage: Usage = getrusage(who).expect("the kernel tells what was used");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros.unsigned_abs())
}

/// The sink in a process of its own, and where it listens.
fn start_sink() -> (Child, String) {
    let program = std::env::current_exe().expect("this program's path");
    let mut child = Command::new(program)
        .arg("--sink")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the sink starts");
    let mut address = String::new();
    let output = child.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut address).expect("the sink says where it listens");
    (child, address.trim().to_owned())
}

/// Takes all mail and keeps none, until nobody holds its standard input any more.
fn sink() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("it is bound"));
    for _ in 0..SINK_THREADS {
        let listener = listener.try_clone().expect("a handle");
        std::thread::spawn(move || {
            loop {
                // A client that leaves in between is no matter of the sink's.
                let _ = listener.accept().and_then(|(stream, _)| session(stream));
            }
        });
    }
    let _ = io::stdin().lock().lines().count();
}

fn session(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut output = stream.try_clone()?;
    let mut input = BufReader::with_capacity(1 << 16, stream);
    output.write_all(b"220 sink\r\n")?;
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        match line.get(..4) {
            Some(b"EHLO" | b"LHLO") => output.write_all(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")?,
            Some(b"DATA") => {
                output.write_all(b"354 go on\r\n")?;
                while read_line(&mut input, &mut line)? && line != b".\r\n" {}
                output.write_all(b"250 2.0.0 taken\r\n")?;
            }
            Some(b"QUIT") => return output.write_all(b"221 2.0.0 bye\r\n"),
            _ => output.write_all(b"250 2.0.0 fine\r\n")?,
        }
    }
    Ok(())
}

/// False at the end.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(input.read_until(b'\n', line)? > 0)
}
