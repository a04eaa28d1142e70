//! A server that keeps its promises is never blamed, whatever it is asked and whatever goes unanswered; one
//! single wrong at the end of such a run is always blamed, on the right property.

use record::synthetic;

use reports::kit::verdict::Verdict;
use reports::run::Report;

use crate::testing::run_dir::judge_text;
use proptest::prelude::*;
use record::history::digest::Digest;
use record::history::{Action, Copy, MessageId, Uid};
use record::synthetic::{How, OK, REFUSED, UNANSWERED, VANISHED, World};

type Mail = World<Vec<u8>>;

const USERS: u32 = 3;
/// Written once, never touched by the random part, spoiled by the second test: user, message.
const PILLAR: (u32, u64) = (0, 500);

#[derive(Clone, Debug)]
enum Step {
    Deliver(How),
    Retry(usize, How),
    Append(bool, How),
    Fetch(usize, bool),
    Flag(usize, bool, bool, bool, How),
    Move(usize, bool, How),
    Copy(usize, bool, How),
    Expunge(usize, bool, How),
    /// The n-th removal's UID again: copy, move or expunge of what is gone.
    TooLate(usize, u8),
}

/// A UID that was removed: user, mailbox, message, UID.
type Gone = (u32, &'static str, u64, Uid);

fn how() -> impl Strategy<Value = How> {
    prop_oneof![4 => Just(OK), 1 => Just(REFUSED), 1 => Just(UNANSWERED), 1 => Just(VANISHED)]
}

fn step() -> impl Strategy<Value = Step> {
    let (which, b) = (0usize..1000, any::<bool>);
    prop_oneof![
        4 => how().prop_map(Step::Deliver),
        2 => (which.clone(), how()).prop_map(|(i, h)| Step::Retry(i, h)),
        2 => (b(), how()).prop_map(|(s, h)| Step::Append(s, h)),
        3 => (which.clone(), b()).prop_map(|(i, a)| Step::Fetch(i, a)),
        3 => (which.clone(), b(), b(), b(), how()).prop_map(|(i, a, f, on, h)| Step::Flag(i, a, f, on, h)),
        2 => (which.clone(), b(), how()).prop_map(|(i, a, h)| Step::Move(i, a, h)),
        1 => (which.clone(), b(), how()).prop_map(|(i, a, h)| Step::Copy(i, a, h)),
        2 => (which.clone(), b(), how()).prop_map(|(i, a, h)| Step::Expunge(i, a, h)),
        2 => (which, 0u8..3).prop_map(|(i, k)| Step::TooLate(i, k)),
    ]
}

fn mailbox(archive: bool) -> &'static str {
    if archive { "Archive" } else { "INBOX" }
}

/// Plays the steps. Message m belongs to user m mod USERS; attempts are counted per message.
fn play(world: &mut Mail, steps: &[Step]) {
    let mut attempts: Vec<u32> = Vec::new();
    let mut gone: Vec<Gone> = Vec::new();
    for step in steps {
        let message = |i: &usize| (*i % attempts.len().max(1)) as u64;
        let user = |m: u64| (m % u64::from(USERS)) as u32;
        let new = attempts.len() as u64;
        match step {
            Step::Deliver(how) => {
                world.deliver(user(new), new, 1, *how);
                attempts.push(1);
            }
            Step::Append(seen, how) => {
                let flags: &[&str] = if *seen { &["\\Seen"] } else { &[] };
                world.append(user(new), "INBOX", new, flags, *how);
                attempts.push(1);
            }
            Step::Retry(i, how) if !attempts.is_empty() => {
                let m = message(i);
                attempts[m as usize] += 1;
                world.deliver(user(m), m, attempts[m as usize], *how);
            }
            Step::Retry(..) => {}
            Step::Fetch(i, archive) => world.fetch(user(message(i)), mailbox(*archive), message(i)),
            Step::Flag(i, archive, seen, on, how) => {
                let flag = if *seen { "\\Seen" } else { "\\Flagged" };
                world.flag(user(message(i)), mailbox(*archive), message(i), flag, *on, *how);
            }
            Step::Move(i, back, how) => {
                let (from, to) = (mailbox(*back), mailbox(!*back));
                note(world, &mut gone, (user(message(i)), from, message(i)), *how);
                world.relocate(user(message(i)), from, to, message(i), *how);
            }
            Step::Copy(i, back, how) => {
                world.copy(user(message(i)), mailbox(*back), mailbox(!*back), message(i), *how);
            }
            Step::TooLate(i, kind) => too_late(world, &gone, *i, *kind),
            Step::Expunge(i, archive, how) => {
                note(world, &mut gone, (user(message(i)), mailbox(*archive), message(i)), *how);
                world.expunge(user(message(i)), mailbox(*archive), message(i), *how);
            }
        }
    }
}

/// Remembers the UID that is about to be removed.
fn note(world: &Mail, gone: &mut Vec<Gone>, (user, mailbox, message): (u32, &'static str, u64), how: How) {
    let uid = world.find(user, mailbox, message).filter(|_| how.applied);
    gone.extend(uid.map(|uid| (user, mailbox, message, uid)));
}

fn too_late(world: &mut Mail, gone: &[Gone], which: usize, kind: u8) {
    let Some(&(user, from, message, uid)) = gone.get(which % gone.len().max(1)) else { return };
    let (message, mailbox) = (MessageId(message), from.to_owned());
    let to = if from == "INBOX" { "Archive" } else { "INBOX" }.to_owned();
    let action = match kind {
        0 => Action::Move { message, mailbox, uid, to },
        1 => Action::Copy { message, mailbox, uid, to },
        _ => Action::Expunge { message, mailbox, uid },
    };
    world.too_late(user, action);
}

fn world(steps: &[Step], lag: usize) -> Mail {
    let mut world = World::new(Vec::new(), USERS);
    world.lag = lag;
    world.append(PILLAR.0, "INBOX", PILLAR.1, &["\\Answered"], OK);
    world.fetch(PILLAR.0, "INBOX", PILLAR.1);
    world.append(PILLAR.0, "INBOX", PILLAR.1 + 1, &[], OK);
    world.expunge(PILLAR.0, "INBOX", PILLAR.1 + 1, OK);
    play(&mut world, steps);
    world.recover(900);
    world
}

fn pillar(world: &mut Mail) -> &mut Copy {
    let uid = world.find(PILLAR.0, "INBOX", PILLAR.1).expect("nothing touches it");
    let copies = &mut world.at(PILLAR.0, "INBOX").copies;
    copies.iter_mut().find(|c| c.uid == uid).expect("it was found")
}

/// Properties, and a wrong that violates them.
type Wrong = (&'static [&'static str], fn(&mut Mail));

/// Wrongs, and what each violates.
const WRONGS: &[Wrong] = &[
    (&["acknowledged-durable"], |w| {
        let uid = pillar(w).uid;
        w.at(PILLAR.0, "INBOX").copies.retain(|c| c.uid != uid);
    }),
    (&["content-intact"], |w| pillar(w).digest = Some(Digest([7; 16]))),
    (&["no-duplicate"], |w| {
        let copy = pillar(w).clone();
        w.at(PILLAR.0, "INBOX").add(&copy);
    }),
    (&["right-mailbox"], |w| {
        let copy = pillar(w).clone();
        WRONGS[0].1(w);
        w.at(PILLAR.0, "Archive").add(&copy);
    }),
    (&["right-mailbox"], |w| {
        let copy = pillar(w).clone();
        w.at(PILLAR.0 + 1, "INBOX").add(&copy);
    }),
    (&["acknowledged-durable", "right-mailbox"], |w| {
        let copy = pillar(w).clone();
        WRONGS[0].1(w);
        w.at(PILLAR.0 + 1, "INBOX").add(&copy);
    }),
    (&["uid-rules"], |w| pillar(w).internal_date = Some("changed".to_owned())),
    (&["uid-rules"], |w| {
        let uid = pillar(w).uid;
        let other = w.at(PILLAR.0, "INBOX").copies.iter_mut().find(|c| c.uid != uid);
        other.expect("the recovery's message is there").uid = uid;
    }),
    (&["flags-durable"], |w| pillar(w).flags.clear()),
    (&["no-resurrection"], |w| {
        let mut copy = pillar(w).clone();
        let id = copy.attempt.as_mut().expect("it has one");
        id.message.0 += 1;
        copy.digest = Some(synthetic::digest(*id));
        w.at(PILLAR.0, "INBOX").add(&copy);
    }),
];

fn invalid(report: &Report) -> Vec<&str> {
    report.properties.iter().filter(|p| p.verdict == Verdict::Invalid).map(|p| p.name.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_server_is_never_blamed(
        steps in prop::collection::vec(step(), 0..60),
        lag in 0usize..6,
    ) {
        let report = judge_text(&synthetic::plan(), &world(&steps, lag).finish());
        prop_assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    }

    #[test]
    fn one_wrong_is_always_blamed_on_its_properties(
        steps in prop::collection::vec(step(), 0..40),
        lag in 0usize..6,
        which in 0..WRONGS.len(),
    ) {
        let (properties, wrong) = WRONGS[which];
        let mut world = world(&steps, lag);
        wrong(&mut world);
        let report = judge_text(&synthetic::plan(), &world.finish());
        prop_assert_eq!(invalid(&report), properties, "{:#?}", report.properties);
    }
}
