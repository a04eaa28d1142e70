use crate::mail::workload::touch;

use super::*;
use crate::mail::readback::one::whole;
use crate::mail::readback::{ReadSummary, Reader, read_all};
use crate::mail::workload::fake::{Answer, Fake};
use crate::mail::workload::health::{deliver_one, health_check, probe};
use crate::mail::workload::known::Known;
use crate::mail::workload::traffic::{TrafficSummary, traffic};
use crate::mail::workload::trial;
use crate::mail::workload::warm_up::warm_up;
use fuse_fs::clock::Nanos;
use fuse_fs::units::{Bytes, Span};
use record::history::event::Event;
use record::history::extension::Extension;
use record::history::trial::Trial;
use record::history::{Action, OpId, Outcome, Trouble};
use record::plan::workload::{Mix, Sizes, Stage, WorkloadPlan};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;

pub(crate) fn plan() -> WorkloadPlan {
    let span = |ms| Span(Duration::from_millis(ms));
    WorkloadPlan {
        stages: vec![Stage { rate: 100.0, duration: span(2000) }],
        users: 3,
        skew: 1.0,
        mix: Mix {
            deliver: 5.0,
            append: 1.0,
            fetch: 1.0,
            flag: 1.0,
            mv: 0.5,
            copy: 0.5,
            expunge: 0.5,
            search: 0.5,
        },
        deliver_by: Ingress::Lmtp,
        sizes: Sizes::Fixed { size: Bytes(2000) },
        corpus: None,
        in_flight: 50,
        timeout: span(500),
        warm_up: 1,
        retries: 2,
        retry_after: span(50),
        recipients: Vec::new(),
        lists: 0.0,
        senders: Vec::new(),
        names: Vec::new(),
        sender: None,
        beside_mail: false,
        until_steps_done: false,
        single: None,
        clients: None,
    }
}

/// A context, and the server that it talks to.
pub(crate) struct Bench {
    pub(crate) ctx: Arc<Context>,
    fake: Fake,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new(plan: WorkloadPlan, answer: fn(u64) -> Answer) -> Bench {
        let fake = Fake::start(answer).await;
        let folder = tempfile::tempdir().expect("temp dir");
        let history = Recorder::create(&folder.path().join("history")).expect("created");
        let token = RunToken(0xabcd_0123);
        let setup = Setup {
            users: (1..=plan.users).map(|n| format!("user{n}")).collect(),
            plan: Arc::new(plan),
            seed: 4,
            run: token,
            endpoints: Endpoints {
                lmtp: Some(fake.lmtp.clone().into()),
                smtp: None,
                imap: Some(fake.imap.clone().into()),
            },
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
        Bench { ctx: Arc::new(Context::new(setup).expect("complete")), fake, folder }
    }

    async fn run(&self) -> TrafficSummary {
        let (_stop, stop_seen) = watch::channel(false);
        traffic(&self.ctx, Nanos::now(), stop_seen).await
    }

    fn reader(&self) -> Reader {
        Reader::new(self.ctx.clone(), self.fake.imap.clone().into())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.ctx.setup().history.finish().expect("written");
        let text = std::fs::read_to_string(self.folder.path().join("history")).expect("readable");
        record::synthetic::events(&text)
    }
}

/// Each operation with its end.
fn operations(events: &[Event]) -> Vec<(Action, Outcome, Option<Trouble>, Vec<record::history::Copy>)> {
    let mut begun: BTreeMap<OpId, Action> = BTreeMap::new();
    let mut all = Vec::new();
    for event in events {
        match event {
            Event::Invoke { op, action, .. } => assert!(begun.insert(*op, action.clone()).is_none()),
            Event::Complete { op, outcome, trouble, seen, .. } => {
                let action = begun.remove(op).expect("begun once and ended once");
                all.push((action, *outcome, *trouble, seen.clone()));
            }
            _ => {}
        }
    }
    assert_eq!(begun.len(), 0);
    all
}

/// A store behind somebody else's MX.
#[tokio::test]
async fn a_server_with_imap_alone_gets_its_deliveries_by_append() {
    let mut bench = Bench::new(plan(), |_| Answer::Ok).await;
    let setup = &mut Arc::get_mut(&mut bench.ctx).expect("nobody else has it").setup;
    (setup.endpoints.lmtp, Arc::get_mut(&mut setup.plan).expect("nobody else has it").deliver_by) =
        (None, Ingress::Append);
    warm_up(&bench.ctx).await.expect("it is let in");
    health_check(&bench.ctx, UserId(0), Duration::ZERO).await.expect("it is stored and read");
    bench.run().await;
    let stored = operations(&bench.events()).into_iter().filter_map(|(action, outcome, ..)| match action {
        Action::Store { entry, mailbox, .. } => Some((entry, mailbox, outcome)),
        _ => None,
    });
    let stored: Vec<_> = stored.collect();
    assert!(
        stored.iter().all(|(entry, _, outcome)| (*entry, *outcome) == (Ingress::Append, Outcome::Ok)),
        "{stored:?}"
    );
    assert!(stored.iter().filter(|(_, mailbox, _)| mailbox == "INBOX").count() > 100);
}

#[tokio::test]
async fn against_a_good_server_everything_is_ok_and_read_back() {
    let bench = Bench::new(plan(), |_| Answer::Ok).await;
    warm_up(&bench.ctx).await.expect("warm");
    let summary = bench.run().await;
    assert!((130..270).contains(&summary.scheduled), "{summary:?}");
    let read = read_all(&bench.reader(), "final", Duration::from_secs(5)).await;
    assert_eq!((read.mailboxes, read.incomplete), (6, 0));
    let events = bench.events();
    let mut kinds = BTreeMap::new();
    for (action, outcome, _, seen) in operations(&events) {
        assert_eq!(outcome, Outcome::Ok, "{action:?}");
        let kind = serde_json::to_value(&action).expect("json")["do"].to_string();
        *kinds.entry(kind).or_insert(0) += 1;
        if let Action::Fetch { message, .. } | Action::Search { message, .. } = action {
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].attempt.map(|a| a.message), Some(message));
        }
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    assert_eq!(digests_read(&events), expected(&events));
    let counts = bench.ctx.setup().progress.counts();
    assert_eq!((counts.submitted, counts.in_flight), (counts.acknowledged, 0));
}

/// What each mailbox must hold, by a model of its own.
fn expected(events: &[Event]) -> BTreeMap<(u64, String), u32> {
    let mut model = BTreeMap::new();
    let mut add = |message: MessageId, mailbox: &str, n: i64| {
        *model.entry((message.0, mailbox.to_owned())).or_insert(0) += n;
    };
    for (action, ..) in operations(events) {
        match action {
            Action::Store { attempt, mailbox, .. } => add(attempt.message, &mailbox, 1),
            Action::Move { message, mailbox, to, .. } => {
                add(message, &mailbox, -1);
                add(message, &to, 1);
            }
            Action::Copy { message, to, .. } => add(message, &to, 1),
            Action::Expunge { message, mailbox, .. } => add(message, &mailbox, -1),
            Action::Fetch { .. } | Action::Search { .. } | Action::Flag { .. } => {}
        }
    }
    model
        .into_iter()
        .filter(|(_, n)| *n != 0)
        .map(|(k, n)| (k, u32::try_from(n).expect("not negative")))
        .collect()
}

/// What the final reading found, each copy with the digest of its attempt.
fn digests_read(events: &[Event]) -> BTreeMap<(u64, String), u32> {
    let sent: BTreeMap<_, _> = operations(events)
        .into_iter()
        .filter_map(|(action, ..)| match action {
            Action::Store { attempt, digest, size, .. } => {
                Some(((attempt.message.0, attempt.n), (digest, size)))
            }
            _ => None,
        })
        .collect();
    let mut found = BTreeMap::new();
    for event in events {
        let Event::Mailbox { mailbox, copies, complete: true, .. } = event else { continue };
        for copy in copies {
            let attempt = copy.attempt.expect("of this run");
            let (digest, size) = sent[&(attempt.message.0, attempt.n)];
            assert_eq!((copy.digest, copy.size), (Some(digest), size));
            *found.entry((attempt.message.0, mailbox.clone())).or_insert(0) += 1;
        }
    }
    found
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_as_new_attempts_and_never_touched() {
    let mut plan = plan();
    plan.mix = Mix { deliver: 1.0, flag: 1.0, ..Mix::default() };
    plan.stages[0] = Stage { rate: 20.0, duration: Span(Duration::from_millis(1500)) };
    plan.timeout = Span(Duration::from_millis(100));
    let bench = Bench::new(plan, |n| match n % 4 {
        0 => Answer::Refuse("451 later\r\n"),
        1 => Answer::Silence,
        2 => Answer::Refuse("550 never\r\n"),
        _ => Answer::Ok,
    })
    .await;
    bench.run().await;
    let mut attempts: BTreeMap<u64, Vec<(u32, Outcome, Option<Trouble>)>> = BTreeMap::new();
    let all = operations(&bench.events());
    for (action, outcome, trouble, _) in &all {
        if let Action::Store { attempt, .. } = action {
            attempts.entry(attempt.message.0).or_default().push((attempt.n, *outcome, *trouble));
        }
    }
    for (message, tries) in &attempts {
        assert!(
            tries.len() <= 3 && tries.iter().map(|t| t.0).eq(1..=tries.len() as u32),
            "{message}: {tries:?}"
        );
        let last = tries.len() - 1;
        assert!(tries[..last].iter().all(|t| t.1 != Outcome::Ok && t.2 != Some(Trouble::RefusedPermanent)));
    }
    assert!(attempts.values().any(|tries| tries.len() == 3));
    for (action, ..) in &all {
        if let Action::Flag { message, .. } = action {
            assert_eq!(attempts[&message.0], [(1, Outcome::Ok, None)]);
        }
    }
}

#[tokio::test]
async fn a_silent_server_saturates_the_generator_and_does_not_stop_it() {
    let mut plan = plan();
    (plan.in_flight, plan.retries) = (5, 0);
    plan.mix = Mix { deliver: 1.0, ..Mix::default() };
    plan.stages[0].duration = Span(Duration::from_millis(1000));
    plan.timeout = Span(Duration::from_millis(400));
    let bench = Bench::new(plan, |_| Answer::Silence).await;
    let summary = bench.run().await;
    assert!(summary.scheduled > 60 && summary.saturated > 30, "{summary:?}");
    let events = bench.events();
    let saturated = operations(&events).iter().filter(|o| o.2 == Some(Trouble::Saturated)).count() as u64;
    assert_eq!(saturated, summary.saturated);
    assert_eq!(bench.ctx.setup().progress.counts().saturated, saturated);
    for event in &events {
        if let Event::Invoke { at, intended, .. } = event {
            assert!(at.since(*intended) < Duration::from_millis(200));
        }
    }
}

#[tokio::test]
async fn a_stop_ends_the_traffic_and_its_retries() {
    let mut plan = plan();
    plan.stages[0].duration = Span(Duration::from_secs(3600));
    plan.retry_after = Span(Duration::from_secs(3600));
    let bench = Bench::new(plan, |_| Answer::Refuse("451 later\r\n")).await;
    let (stop, stop_seen) = watch::channel(false);
    let ctx = bench.ctx.clone();
    let running = tokio::spawn(async move { traffic(&ctx, Nanos::now(), stop_seen).await });
    let refused = async {
        while bench.ctx.setup().progress.counts().refused < 10 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refused).await.expect("ten deliveries are refused");
    stop.send_replace(true);
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await.expect("ends").expect("no panic");
    assert!(ended.scheduled >= 10);
}

#[tokio::test]
async fn a_lost_message_is_an_ok_fetch_that_sees_nothing() {
    let mut plan = plan();
    plan.users = 1;
    let bench = Bench::new(plan, |_| Answer::Ok).await;
    warm_up(&bench.ctx).await.expect("warm");
    health_check(&bench.ctx, UserId(0), Duration::ZERO).await.expect("it is stored and read");
    bench.fake.lose("abcd0123-0-1");
    let (message, mailbox) = (MessageId(0), "INBOX".to_owned());
    let known = Known { message, marked: message, user: UserId(0), mailbox };
    let ended = touch::read(&bench.ctx, &known, touch::Look::Whole, Nanos::now()).await;
    assert_eq!((ended.outcome, ended.seen.len()), (Outcome::Ok, 0));
}

/// A server that refuses one message of a corpus ended the run before it began, as if the machine were in trouble.
#[tokio::test]
async fn what_is_refused_in_the_warm_up_is_recorded_and_another_message_is_sent() {
    let bench = Bench::new(plan(), |n| match n {
        0 => Answer::Refuse("550 5.6.0 bad message\r\n"),
        1 => Answer::Refuse("451 greylisted\r\n"),
        _ => Answer::Ok,
    })
    .await;
    let warm = warm_up(&bench.ctx).await.expect("the run goes on");
    assert_eq!((warm.sent.len(), warm.turned_away, warm.came_to_nothing()), (3, 1, false));
    assert!(warm.sent.iter().any(|sent| sent.attempt.n == 2), "one was accepted when it was sent again");
    let outcomes: Vec<Outcome> = operations(&bench.events()).into_iter().map(|done| done.1).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Fail).count(), 2);
}

#[tokio::test]
async fn a_server_that_takes_no_warm_up_mail_is_not_asked_for_ever() {
    let mut plan = plan();
    (plan.users, plan.warm_up) = (40, 5);
    let bench = Bench::new(plan, |_| Answer::Refuse("452 full\r\n")).await;
    let warm = warm_up(&bench.ctx).await.expect("that is an answer");
    assert!(warm.came_to_nothing());
    let asked = operations(&bench.events()).len();
    assert!((8..16).contains(&asked), "{asked}");
}

/// On a busy machine the warm-up ran into the time limit of the traffic, and the run ended before it began.
#[tokio::test]
async fn a_slow_server_has_time_in_the_warm_up_and_not_afterwards() {
    let bench = Bench::new(plan(), |_| Answer::Late).await;
    assert_eq!(warm_up(&bench.ctx).await.expect("all accepted").sent.len(), 3);
    let late = deliver_one(&bench.ctx, UserId(0)).await.expect_err("beyond the time limit");
    assert_eq!(late.to_string(), "delivery to user1: no answer in time");
}

#[tokio::test]
async fn a_reading_of_a_dead_server_is_not_complete() {
    let bench = Bench::new(plan(), |_| Answer::Ok).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let read =
        read_all(&Reader::new(bench.ctx.clone(), gone.to_string().into()), "final", Duration::from_secs(5))
            .await;
    assert_eq!(read, ReadSummary { mailboxes: 6, incomplete: 6, copies: 0 });
    assert!(
        bench.events().iter().all(|e| matches!(e, Event::Mailbox { complete: false, error: Some(_), .. }))
    );
}

#[tokio::test]
async fn one_unreadable_message_does_not_hide_the_others() {
    let mut plan = plan();
    (plan.users, plan.warm_up) = (1, 120);
    let bench = Bench::new(plan, |_| Answer::Ok).await;
    warm_up(&bench.ctx).await.expect("warm");
    bench.fake.spoil("abcd0123-60-1");
    let read = read_all(&bench.reader(), "final", Duration::from_secs(5)).await;
    assert_eq!(read, ReadSummary { mailboxes: 2, incomplete: 1, copies: 119 });
    let errors: Vec<String> = bench
        .events()
        .into_iter()
        .filter_map(|e| if let Event::Mailbox { error, .. } = e { error } else { None })
        .collect();
    assert_eq!(errors, ["UID 61: Garbled"]);
}

#[tokio::test]
async fn damaged_messages_are_kept_by_fetches_of_the_traffic_and_by_readings() {
    let mut plan = plan();
    (plan.users, plan.warm_up) = (1, 3);
    let bench = Bench::new(plan, |_| Answer::Ok).await;
    warm_up(&bench.ctx).await.expect("warm");
    bench.fake.damage("abcd0123-1-1");
    let (message, mailbox) = (MessageId(1), "INBOX".to_owned());
    let known = Known { message, marked: message, user: UserId(0), mailbox };
    touch::read(&bench.ctx, &known, touch::Look::Whole, Nanos::now()).await;
    bench.fake.damage("abcd0123-2-1");
    read_all(&bench.reader(), "final", Duration::from_secs(5)).await;
    let specimens = bench.events().into_iter().filter_map(|event| match event {
        Event::Specimen { specimen, .. } => Some((specimen.file, specimen.place)),
        _ => None,
    });
    let kept = |message: u64, reading: &str| {
        let file = format!("damaged/abcd0123-{message}-1/1-{reading}-imap.eml");
        (file, format!("user1 INBOX, UID {}", message + 1))
    };
    assert_eq!(specimens.collect::<Vec<_>>(), [kept(1, "fetch"), kept(2, "final")]);
}

#[tokio::test]
async fn probes_tell_greeting_from_silence() {
    let bench = Bench::new(plan(), |_| Answer::Ok).await;
    let limit = Duration::from_millis(300);
    assert!(probe(&bench.ctx, "lmtp", limit).await);
    assert!(probe(&bench.ctx, "imap", limit).await);
    assert!(!probe(&bench.ctx, "smtp", limit).await);
    assert_eq!(bench.events().len(), 2);
}

#[tokio::test]
async fn the_second_mailbox_has_the_name_that_the_server_wants() {
    let mut bench = Bench::new(plan(), |_| Answer::Ok).await;
    let context = Arc::get_mut(&mut bench.ctx).expect("nobody else has it yet");
    context.setup.archive = "INBOX.Archive".to_owned();
    warm_up(&bench.ctx).await.expect("warm");
    bench.run().await;
    let there = |action: &Action| match action {
        Action::Move { to, .. } | Action::Copy { to, .. } => Some(to.clone()),
        Action::Store { mailbox, .. } => Some(mailbox.clone()),
        _ => None,
    };
    let used: BTreeSet<String> =
        operations(&bench.events()).iter().filter_map(|(action, ..)| there(action)).collect();
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["INBOX", "INBOX.Archive"]);
}

#[tokio::test]
async fn what_a_list_is_answered_is_the_answer_for_each_member_and_whoever_is_not_served_is_written_to_alone()
{
    let mut plan = plan();
    (plan.lists, plan.mix) = (1.0, Mix { deliver: 1.0, ..Mix::default() });
    let bench =
        Bench::new(plan, |n| if n % 5 == 0 { Answer::Refuse("451 later\r\n") } else { Answer::Ok }).await;
    bench.run().await;
    let events = bench.events();
    let tokens: Vec<Attempt> = events
        .iter()
        .filter_map(|event| if let Event::ToList { attempt, .. } = event { Some(*attempt) } else { None })
        .collect();
    assert!(tokens.len() > 30, "{}", tokens.len());
    let mut told: BTreeMap<Attempt, Vec<Outcome>> = BTreeMap::new();
    let (mut refused, mut alone) = (0, 0);
    for (action, outcome, ..) in operations(&events) {
        let Action::Store { attempt, carries, .. } = action else { panic!("only deliveries are made") };
        match carries {
            Some(token) => told.entry(token).or_default().push(outcome),
            None => alone += u64::from(attempt.n == 2),
        }
    }
    for token in tokens {
        let outcomes = &told[&token];
        assert!(outcomes.len() >= 2 && outcomes.iter().all(|one| *one == outcomes[0]), "{outcomes:?}");
        refused += if outcomes[0] == Outcome::Fail { outcomes.len() as u64 } else { 0 };
    }
    assert!(alone > 0 && alone <= refused, "{alone} of {refused}");
}

/// What is written down of the messages that are tried, and how many operations there were.
async fn tried(answer: fn(u64) -> Answer, spoil: fn(&Fake)) -> (Vec<(Extension, Trial)>, usize) {
    let bench = Bench::new(plan(), answer).await;
    let sent = trial::send(&bench.ctx).await;
    spoil(&bench.fake);
    for one in &sent {
        let copy = whole(&bench.reader(), one.user, one.attempt).await.expect("it is shown");
        let (copy, damaged) = copy.expect("it is there");
        trial::came_back(&bench.ctx, one, &copy, damaged.as_deref());
    }
    let events = bench.events();
    let told = |event: &Event| match event {
        Event::Trial { extension, what, .. } => Some((*extension, *what)),
        _ => None,
    };
    let followed = |extension, entry| {
        let needs = |message| bench.ctx.maker.needs(Attempt { message: MessageId(message), n: 1 }, entry);
        (10..100).any(|message| needs(message) == Some(extension))
    };
    let told: Vec<(Extension, Trial)> = events.iter().filter_map(told).collect();
    for (extension, entry) in [(Extension::Smtputf8, Ingress::Lmtp), (Extension::Binary, Ingress::Append)] {
        let last = told.iter().rev().find(|(of, _)| *of == extension).map(|(_, what)| what.is_followed());
        assert_eq!(followed(extension, entry), last == Some(true), "{extension:?}: {told:?}");
    }
    (told, operations(&events).len())
}

#[tokio::test]
async fn mail_that_needs_an_extension_is_sent_if_one_came_back_whole_and_that_one_is_no_operation() {
    use Trial::{Changed, CutShort, Refused, Sent, Whole};
    let ends = |header, body| {
        let sent = [(Extension::Smtputf8, Sent), (Extension::Binary, Sent)];
        let ended = [(Extension::Smtputf8, header), (Extension::Binary, body)];
        (BTreeSet::from_iter([sent, ended].concat()), 0)
    };
    let told = |(told, operations): (Vec<(Extension, Trial)>, usize)| (BTreeSet::from_iter(told), operations);
    assert_eq!(told(tried(|_| Answer::Ok, |_| {}).await), ends(Whole, Whole));
    assert_eq!(told(tried(|_| Answer::Ok, |fake| fake.damage("検査")).await), ends(Changed, Whole));
    assert_eq!(told(tried(|_| Answer::Refuse("550 no\r\n"), |_| {}).await), ends(Refused, Whole));
    assert_eq!(told(tried(|_| Answer::Ok, |fake| fake.damage("octet-stream")).await), ends(Whole, Changed));
    assert_eq!(told(tried(|_| Answer::Ok, |fake| fake.cut("octet-stream")).await), ends(Whole, CutShort));
}
