//! Which sender takes a message, and what it does with it against a server that answers as told.

use crate::scenario::sender_files;

use crate::mail::workload::traffic::traffic;

use super::*;
use crate::mail::workload::context::tests::{Bench, plan};
use crate::mail::workload::fake::Answer;
use record::history::{Action, UserId};
use record::plan::workload::Mix;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// Longer than any of these takes.
const LIMIT: Duration = Duration::from_secs(60);

fn plans() -> Vec<SenderPlan> {
    let plan = |(name, share)| SenderPlan {
        definition: sender_files::find(name, std::path::Path::new("/nowhere")).expect("built in"),
        share,
    };
    [("postfix", 3.0), ("exim", 1.0)].map(plan).to_vec()
}

#[test]
fn shares_are_kept_and_every_draw_finds_a_sender() {
    let plans = plans();
    let of = |draw| chosen(&plans, draw).map(|sender| sender.definition.name.as_str());
    assert_eq!(of(0), Some("postfix"));
    assert_eq!(of(u64::MAX / 4 * 3 - 4096), Some("postfix"));
    assert_eq!(of(u64::MAX / 4 * 3 + 4096), Some("exim"));
    assert_eq!(of(u64::MAX), Some("exim"));
    assert!(chosen(&[], 7).is_none());
}

fn partner(times: &str) -> SenderPlan {
    let text = format!("name = 'partner'\nabout = 'x'\nsource = 'x'\nevidence = 'from-memory'\n{times}");
    SenderPlan { definition: toml::from_str(&text).expect("a sender"), share: 1.0 }
}

/// A story of a hundred seconds a second.
async fn bench(answer: fn(u64) -> Answer) -> Bench {
    let mut bench = Bench::new(plan(), answer).await;
    Arc::get_mut(&mut bench.ctx).expect("nobody else has it yet").setup.story_scale = 100.0;
    bench
}

/// What the history tells of one message: the sender's events, and when each attempt was due and begun, counted from its
/// birth.
#[derive(Debug, Default)]
struct Told {
    events: Vec<(Duration, SenderEvent)>,
    attempts: Vec<(Duration, Duration)>,
}

impl Told {
    fn of(bench: &Bench, born: Nanos) -> Told {
        let mut told = Told::default();
        for event in bench.events() {
            match event {
                Event::Sender { at, message, user, sender, what } => {
                    assert_eq!((message.0, user, sender.as_str()), (0, UserId(0), "partner"));
                    told.events.push((at.since(born), what));
                }
                Event::Invoke { at, intended, action: Action::Store { attempt, .. }, .. } => {
                    assert_eq!((attempt.message.0, attempt.n as usize), (0, told.attempts.len() + 1));
                    told.attempts.push((intended.since(born), at.since(born)));
                }
                _ => {}
            }
        }
        told
    }

    fn words(&self) -> Vec<SenderEvent> {
        self.events.iter().map(|(_, what)| *what).collect()
    }
}

/// One message from its birth to its end.
async fn sent(times: &str, answer: fn(u64) -> Answer) -> (Bench, Told) {
    let bench = bench(answer).await;
    let (_over, over) = watch::channel(false);
    let room = Room { semaphore: Arc::new(Semaphore::new(1)), over };
    let (job, born) = (Job::delivery(&bench.ctx, UserId(0)), Nanos::now());
    timeout(LIMIT, send(&bench.ctx, &job, &partner(times), born, None, room))
        .await
        .expect("it comes to an end");
    let told = Told::of(&bench, born);
    (bench, told)
}

fn knows_where_it_is(bench: &Bench) -> bool {
    bench.ctx.known.take(UserId(0), 0).is_some()
}

#[tokio::test]
async fn the_third_try_is_made_by_the_schedule_and_delivers() {
    let times = "give-up = '10h'\nretry.intervals = ['10s', '20s']";
    let (bench, told) =
        sent(times, |n| if n < 2 { Answer::Refuse("451 later\r\n") } else { Answer::Ok }).await;
    assert_eq!(told.words(), [SenderEvent::Submitted, SenderEvent::Delivered]);
    let ms = Duration::from_millis;
    let [first, second, third] = <[_; 3]>::try_from(told.attempts).expect("three attempts");
    assert_eq!(first.0, Duration::ZERO);
    assert!(second.0 >= first.1 + ms(100) && third.0 >= second.1 + ms(200), "{second:?} {third:?}");
    for (due, begun) in [first, second, third] {
        assert!(begun >= due, "begun at {begun:?}, due at {due:?}");
    }
    assert!(told.events[1].0 >= third.1);
    assert!(knows_where_it_is(&bench));
}

#[tokio::test]
async fn a_permanent_refusal_comes_back_to_the_author_at_once() {
    let (bench, told) =
        sent("give-up = '10h'\nretry.every = '1h'", |_| Answer::Refuse("550 never\r\n")).await;
    assert_eq!(told.words(), [SenderEvent::Submitted, SenderEvent::Bounced]);
    assert_eq!(told.attempts.len(), 1);
    assert!(!knows_where_it_is(&bench));
}

#[tokio::test]
async fn what_is_refused_for_now_is_given_up_when_its_time_is_over() {
    let refuse = |_| Answer::Refuse("451 later\r\n");
    let (bench, told) = sent("give-up = '50s'\nretry.every = '20s'", refuse).await;
    assert_eq!(told.words(), [SenderEvent::Submitted, SenderEvent::GaveUp]);
    assert!((1..=3).contains(&told.attempts.len()), "{told:?}");
    assert!(told.events[1].0 >= Duration::from_millis(500), "{told:?}");
    assert!(!knows_where_it_is(&bench));
    let (_, told) = sent("give-up = '50s'\nlast-try = true\nretry.every = '40s'", refuse).await;
    assert_eq!(told.words(), [SenderEvent::Submitted, SenderEvent::GaveUp]);
    let last = told.attempts.last().expect("one at least");
    assert!(last.0 >= Duration::from_millis(400), "the last try is made late: {told:?}");
}

#[tokio::test]
async fn after_an_attempt_without_an_answer_nobody_knows_how_many_there_are() {
    let mut bench = bench(|n| if n == 0 { Answer::Silence } else { Answer::Ok }).await;
    let context = Arc::get_mut(&mut bench.ctx).expect("nobody else has it yet");
    Arc::make_mut(&mut context.setup.plan).timeout.0 = Duration::from_millis(100);
    let (_over, over) = watch::channel(false);
    let room = Room { semaphore: Arc::new(Semaphore::new(1)), over };
    let (job, born) = (Job::delivery(&bench.ctx, UserId(0)), Nanos::now());
    let sender = partner("give-up = '10h'\nretry.every = '1s'");
    timeout(LIMIT, send(&bench.ctx, &job, &sender, born, None, room)).await.expect("it comes to an end");
    let told = Told::of(&bench, born);
    assert_eq!(told.words(), [SenderEvent::Submitted, SenderEvent::Delivered]);
    assert!(!knows_where_it_is(&bench), "it may be there twice, so no operation may touch it");
}

#[tokio::test]
async fn a_message_waits_for_room_in_its_queue() {
    let bench = bench(|_| Answer::Ok).await;
    let (_over, over) = watch::channel(false);
    let semaphore = Arc::new(Semaphore::new(0));
    let room = Room { semaphore: semaphore.clone(), over };
    let (job, born) = (Job::delivery(&bench.ctx, UserId(0)), Nanos::now());
    let sender = partner("give-up = '10h'\nretry.every = '1h'");
    let sending = send(&bench.ctx, &job, &sender, born, None, room);
    tokio::pin!(sending);
    assert!(timeout(Duration::from_millis(50), &mut sending).await.is_err(), "there is no room");
    semaphore.add_permits(1);
    timeout(LIMIT, sending).await.expect("there is room");
    let told = Told::of(&bench, born);
    assert_eq!(told.words(), [SenderEvent::Submitted, SenderEvent::Delivered]);
    assert_eq!(told.attempts.len(), 1);
}

#[tokio::test]
async fn what_waits_when_the_traffic_ends_stays_in_the_queue() {
    let mut plan = plan();
    plan.stages[0].duration = fuse_fs::units::Span(Duration::from_secs(3600));
    plan.mix = Mix { deliver: 1.0, ..Mix::default() };
    plan.senders = vec![partner("give-up = '5000h'\nretry.every = '1000h'")];
    let bench = Bench::new(plan, |_| Answer::Refuse("451 later\r\n")).await;
    let (stop, stop_seen) = watch::channel(false);
    let ctx = bench.ctx.clone();
    let running = tokio::spawn(async move { traffic(&ctx, Nanos::now(), stop_seen).await });
    let refused = async {
        while bench.ctx.setup().progress.counts().refused < 3 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, refused).await.expect("three deliveries are refused");
    stop.send_replace(true);
    let ended = timeout(LIMIT, running).await.expect("it ends").expect("no panic");
    let events = bench.events();
    let mut submitted = 0;
    for event in &events {
        match event {
            Event::Sender { what: SenderEvent::Submitted, .. } => submitted += 1,
            Event::Sender { what, .. } => panic!("nothing leaves the queue, and one was {what:?}"),
            _ => {}
        }
    }
    assert!(submitted >= 3 && submitted == ended.scheduled, "{submitted} of {}", ended.scheduled);
}
