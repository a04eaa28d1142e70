//! Both classes against the reference server, which is up, hangs, or is gone.

use super::*;
pub(crate) use crate::mail::client::script::{Act, serve};
use crate::mail::workload::clients::run::{run, served_since, within_grace};
use crate::mail::workload::context::tests::plan;
use crate::mail::workload::context::{Endpoints, Setup};
use fuse_fs::units::Span;
use record::history::Ingress;
use record::history::recorder::Recorder;
use record::history::specimens::Specimens;
use record::history::token::RunToken;
use record::plan::workload::BackOff;
use reference::testing::InProcess;
use std::time::Duration;
use tokio::time::{Instant, interval, timeout};

/// No condition is waited for longer.
const PATIENCE: Duration = Duration::from_secs(30);

fn span(ms: u64) -> Span {
    Span(Duration::from_millis(ms))
}

fn clients(webmail: u32, held: u32) -> ClientsPlan {
    let back_off = BackOff { first: span(20), most: span(100) };
    ClientsPlan { webmail, held, every: span(50), keep_alive: span(200), back_off }
}

/// Clients that run, and what they wrote.
pub(crate) struct Bench {
    pub(crate) ctx: Arc<Context>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn start(imap: &str, clients: ClientsPlan, limit: Span) -> Bench {
        let folder = tempfile::tempdir().expect("temp dir");
        let (mut plan, imap) = (plan(), Some(imap.to_owned().into()));
        (plan.clients, plan.timeout, plan.deliver_by) = (Some(clients), limit, Ingress::Lmtp);
        let history = Recorder::create(&folder.path().join("history")).expect("created");
        let token = RunToken(7);
        let setup = Setup {
            users: (1..=plan.users).map(|n| format!("user{n}")).collect(),
            plan: Arc::new(plan),
            seed: 4,
            run: token,
            endpoints: Endpoints { lmtp: Some(String::new().into()), smtp: None, imap },
            logins: record::plan::logins::Logins::default(),
            password: "secret".to_owned(),
            accounts: Default::default(),
            domain: "example.test".to_owned(),
            archive: "Archive".to_owned(),
            specimens: Specimens::new(token, folder.path().to_owned(), history.clone()),
            history,
            apart: None,
            is_relayed: false,
            story_scale: 1.0,
            progress: Arc::default(),
            corpus: None,
        };
        let ctx = Arc::new(Context::new(setup).expect("complete"));
        let (stop, seen) = watch::channel(false);
        let task = tokio::spawn(run(ctx.clone(), Nanos::now(), seen));
        Bench { ctx, stop, task, folder }
    }

    async fn all_served_from_now(&self) {
        let since = Nanos::now();
        until("every client is served", || served_since(&self.ctx, since)).await;
    }

    async fn nobody_served(&self) {
        let plan = self.ctx.setup.plan.clients.clone().expect("there are clients");
        let down = || {
            let each = |class, count| {
                (0..count).all(|n| self.ctx.standing.last(class, n).is_some_and(|(_, up)| !up))
            };
            each(Class::Webmail, plan.webmail) && each(Class::Held, plan.held)
        };
        until("no client is served", down).await;
    }

    /// Ends the clients: what they wrote, as class, number, user, up, detail.
    async fn end(self) -> Vec<(String, u32, u32, bool, Option<String>)> {
        self.stop.send_replace(true);
        timeout(PATIENCE, self.task).await.expect("they end").expect("none panicked");
        self.ctx.setup().history.finish().expect("written");
        let text = std::fs::read_to_string(self.folder.path().join("history")).expect("readable");
        record::synthetic::events(&text)
            .into_iter()
            .map(|event| match event {
                Event::Client { class, number, user, up, detail, .. } => (class, number, user.0, up, detail),
                other => panic!("clients write nothing else: {other:?}"),
            })
            .collect()
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut tick = interval(Duration::from_millis(10));
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tick.tick().await;
    }
}

/// Webmail and held words in the order in which each client said them.
fn of(said: &[(String, u32, u32, bool, Option<String>)], class: &str, number: u32) -> Vec<bool> {
    said.iter().filter(|s| s.0 == class && s.1 == number).map(|s| s.3).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn against_a_good_server_both_classes_are_served_and_change_nothing() {
    let server = InProcess::start();
    for n in 0..12 {
        server.deliver("user1", format!("Subject: {n}\r\n\r\nbody\r\n").as_bytes());
    }
    let bench = Bench::start(&server.imap, clients(2, 4), Span(PATIENCE));
    for n in 0..3 {
        bench.all_served_from_now().await;
        server.deliver("user2", format!("Subject: late {n}\r\n\r\nbody\r\n").as_bytes());
    }
    let said = bench.end().await;
    assert!(said.iter().all(|(.., up, detail)| *up && detail.is_none()), "{said:?}");
    for (class, number, user) in [("webmail", 0, 0), ("webmail", 1, 1), ("held", 0, 0), ("held", 3, 0)] {
        assert!(of(&said, class, number).len() >= 3, "{class} {number}: {said:?}");
        assert!(said.iter().all(|s| s.0 != class || s.1 != number || s.2 == user), "users take turns");
    }
    assert_eq!(server.flags("user1").len(), 12);
    assert!(server.flags("user1").iter().chain(&server.flags("user2")).all(|(_, flags)| flags.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_classes_hold_on_across_an_outage() {
    let server = InProcess::start();
    let bench = Bench::start(&server.imap, clients(3, 3), span(1000));
    bench.all_served_from_now().await;
    let hang = server.hang(["user1", "user2", "user3"]);
    bench.nobody_served().await;
    drop(hang);
    bench.all_served_from_now().await;
    let said = bench.end().await;
    for class in ["webmail", "held"] {
        for number in 0..3 {
            // Served, not served, served again; a slow machine may have more of it.
            let mut words = of(&said, class, number).into_iter();
            let turns = [true, false, true].map(|wanted| words.any(|up| up == wanted));
            assert_eq!(turns, [true; 3], "{class} {number}: {said:?}");
        }
    }
    let why = said.iter().find(|s| !s.3).and_then(|s| s.4.clone());
    assert_eq!(why.as_deref(), Some("no answer in time"));
}

#[tokio::test]
async fn without_a_server_each_try_is_a_word() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let bench = Bench::start(&gone.to_string(), clients(1, 1), Span(PATIENCE));
    bench.nobody_served().await;
    let said = bench.end().await;
    assert!(said.iter().all(|s| s.4.as_deref() == Some("no connection, or it was closed")), "{said:?}");
}

const LOGIN: [Act; 3] =
    [Act::Say("* OK hi\r\n"), Act::Command("LOGIN \"user1\" \"secret\""), Act::Tagged("OK in\r\n")];

#[tokio::test]
async fn a_server_without_idle_is_polled_and_its_bye_is_a_loss() {
    let mut acts = LOGIN.to_vec();
    acts.extend([
        Act::Command("CAPABILITY"),
        Act::Say("* CAPABILITY IMAP4rev1\r\n"),
        Act::Tagged("OK x\r\n"),
        Act::Command("EXAMINE \"INBOX\""),
        Act::Say("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n"),
        Act::Tagged("OK x\r\n"),
        Act::Command("NOOP"),
        Act::Tagged("OK x\r\n"),
        Act::Say("* 1 EXISTS\r\n"),
        Act::Command("NOOP"),
        Act::Tagged("OK x\r\n"),
        Act::Say("* BYE going down\x07\r\n"),
    ]);
    let server = serve(acts).await;
    let bench = Bench::start(&server.address, clients(0, 1), Span(PATIENCE));
    server.finished().await;
    bench.nobody_served().await;
    let said = bench.end().await;
    assert_eq!(of(&said, "held", 0)[..3], [true, true, false]);
    assert_eq!(said[2].4.as_deref(), Some("the server said: going down\\u{7}"));
}

#[tokio::test]
async fn messages_that_others_expunge_are_no_outage() {
    let mut acts = LOGIN.to_vec();
    acts.extend([
        Act::Command("EXAMINE \"INBOX\""),
        Act::Say("* 12 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n"),
        Act::Tagged("OK x\r\n"),
        Act::Command("UID SEARCH 3:12"),
        Act::Say("* SEARCH 31 32\r\n"),
        Act::Tagged("OK x\r\n"),
        Act::Command("UID FETCH 31,32 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])"),
        Act::Tagged("NO [EXPUNGEISSUED] gone\r\n"),
    ]);
    let server = serve(acts).await;
    let bench = Bench::start(&server.address, clients(1, 0), Span(PATIENCE));
    server.finished().await;
    // Later visits find no server; one of them may even end before the first.
    assert!(of(&bench.end().await, "webmail", 0).contains(&true));
}

#[tokio::test]
async fn a_client_that_does_not_end_is_dropped_after_the_stop() {
    let (stop, seen) = watch::channel(false);
    let grace = Duration::from_millis(10);
    let client = tokio::spawn(within_grace(grace, seen, std::future::pending()));
    stop.send_replace(true);
    timeout(PATIENCE, client).await.expect("it is dropped").expect("no panic");
}
