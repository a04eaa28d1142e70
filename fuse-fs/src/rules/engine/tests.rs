//! The engine as the file system sees it: triggers, composition, arming, and a naive model beside it.

use super::*;
use crate::call::{FileKind, Subject};
use crate::mount::control::Command;
use crate::rules::compiled::Interval;
use crate::rules::decision::Action;
use crate::rules::rule::Trigger;
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// A regular file at a path.
struct At(&'static str);

impl Subject for At {
    fn path(&self) -> Cow<'_, Path> {
        Cow::Borrowed(Path::new(self.0))
    }
    fn new_path(&self) -> Option<Cow<'_, Path>> {
        None
    }
    fn kind(&self) -> Option<FileKind> {
        Some(FileKind::File)
    }
    fn size(&self) -> Option<u64> {
        Some(1000)
    }
    fn command(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("imap"))
    }
    fn ino(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }
}

fn call(op: Op, subject: &At) -> Call<'_> {
    Call { op, offset: 0, len: 100, pid: 7, uid: 1000, open_flags: 0, subject }
}

fn rules(text: &str) -> Vec<Rule> {
    #[derive(serde::Deserialize)]
    struct File {
        fault: Vec<Rule>,
    }
    toml::from_str::<File>(text).expect(text).fault
}

fn engine(text: &str) -> Engine {
    match Engine::new(rules(text), 1, Some(Nanos(0))) {
        Ok(engine) => engine,
        Err(problems) => panic!("{problems:?}"),
    }
}

/// One call at a path after so many seconds, completed if it was not failed; the name of each rule that struck.
fn after(engine: &Engine, op: Op, path: &'static str, seconds: u64) -> Vec<String> {
    let decision = engine.decide(&call(op, &At(path)), Nanos(seconds * 1_000_000_000));
    if decision.action == Action::Proceed && decision.freeze.is_none() {
        engine.completed(op, 100);
    }
    decision.firings.iter().map(|f| engine.rule_name(f.rule)).collect()
}

/// Which of `n` calls are struck, as letters.
fn pattern(engine: &Engine, op: Op, n: usize) -> String {
    (0..n).map(|_| if after(engine, op, "f", 0).is_empty() { 'w' } else { 'x' }).collect()
}

fn with_trigger(when: &str) -> String {
    format!(
        "[[fault]]\nname = \"r\"\nwhere.op = \"write\"\nwhen = {{ {when} }}\neffect.errno = {{ code = \"EIO\" }}"
    )
}

#[test]
fn triggers_strike_the_calls_they_name() {
    for (when, expected) in [
        ("", "xxxxxxxx"),
        ("nth = 3", "wwxwwwww"),
        ("every = 3", "wwxwwxww"),
        ("sequence = \"wxxW\"", "wxxwwwww"),
        ("sequence = \"wxwX\"", "wxwxxxxx"),
        ("limit = 2", "xxwwwwww"),
        ("every = 2, limit = 2", "wxwxwwww"),
        ("probability = 0.0", "wwwwwwww"),
        ("probability = 1.0", "xxxxxxxx"),
        ("counter = \"calls\", at = 4", "wwwxxxxx"),
        ("counter = \"bytes-written\", at = \"250 B\"", "wwxxxxxx"),
        ("counter = \"calls\", at = 3, every = 2", "wwwxwxwx"),
        ("disarmed = true", "wwwwwwww"),
    ] {
        assert_eq!(pattern(&engine(&with_trigger(when)), Op::Write, 8), expected, "{when}");
    }
}

#[test]
fn a_counter_moved_by_other_calls_holds_for_every_operation() {
    let text = "[[fault]]\nname = \"r\"\nwhen = { counter = \"files-created\", at = 2 }\neffect.freeze = {}";
    let engine = engine(text);
    assert_eq!(pattern(&engine, Op::Getattr, 3), "www");
    assert_eq!(pattern(&engine, Op::Create, 2), "wx");
    assert_eq!(pattern(&engine, Op::Getattr, 2), "xx", "the frozen create reached the threshold for all");
}

#[test]
fn the_counter_at_the_first_firing_is_kept() {
    let counted = |when: &str, calls| {
        let engine = engine(&with_trigger(when));
        pattern(&engine, Op::Write, calls);
        engine.stats()[0].counted
    };
    assert_eq!(counted("counter = \"calls\", at = 4", 8), Some(4));
    assert_eq!(counted("counter = \"bytes-written\", at = \"250 B\"", 8), Some(300));
    assert_eq!(
        counted("counter = \"calls\", at = 3, every = 2", 8),
        Some(4),
        "the second call in force is the first struck"
    );
    assert_eq!(counted("counter = \"calls\", at = 9", 8), None);
    assert_eq!(counted("every = 3", 8), None);
}

#[test]
fn windows_and_uptime_count_from_the_start_of_the_traffic() {
    let strikes =
        |when: &str, seconds| !after(&engine(&with_trigger(when)), Op::Write, "f", seconds).is_empty();
    let pattern = |when| [4, 5, 14, 15].map(|s| strikes(when, s));
    assert_eq!(pattern("after = \"5s\", for = \"10s\""), [false, true, true, false]);
    assert_eq!(pattern("for = \"5s\""), [true, false, false, false]);
    assert_eq!(pattern("counter = \"uptime\", at = \"15s\""), [false, false, false, true]);
}

#[test]
fn rules_by_path_strike_where_their_globs_match_and_nowhere_else() {
    let engine = engine(
        r#"
        fault = [
            { name = "tmp", where.path = "**/tmp/**", effect.errno = { code = "EIO" } },
            { name = "one", where = { path = "user1/**", not-path = "**/cur/*" }, effect.errno = { code = "EIO" } },
        ]"#,
    );
    let struck = |path| after(&engine, Op::Write, path, 0).join(" ");
    let paths = ["user1/tmp/a", "user1/new/a", "user1/cur/a", "user2/tmp/a", "user2/new/a", ""];
    assert_eq!(paths.map(struck), ["tmp one", "one", "", "tmp", "", ""]);
}

#[test]
fn nothing_fires_before_the_start() {
    let engine = Engine::new(rules(&with_trigger("")), 1, None).expect("good rules");
    assert!(!engine.armed(Op::Write));
    assert_eq!(pattern(&engine, Op::Write, 2), "ww");
    engine.start(Nanos(0));
    assert!(engine.armed(Op::Write) && !engine.armed(Op::Read));
    assert_eq!(pattern(&engine, Op::Write, 2), "xx");
}

#[test]
fn delays_add_and_the_first_freeze_and_action_win() {
    let engine = engine(
        r#"
        fault = [
            { name = "a", effect.latency = { fixed = "10ms" } },
            { name = "b", effect.errno = { code = "EIO" } },
            { name = "c", effect.freeze = { thaw-after = "3s" } },
            { name = "d", effect.latency = { fixed = "5ms" } },
            { name = "e", effect.errno = { code = "EROFS" } },
            { name = "f", effect.freeze = { on-thaw = { fail = "ESTALE" } } },
        ]"#,
    );
    let decision = engine.decide(&call(Op::Fsync, &At("f")), Nanos(1));
    assert_eq!(decision.delay, Duration::from_millis(15));
    assert_eq!((decision.freeze, decision.action), (Some(RuleId(2)), Action::Fail(libc::EIO)));
    assert_eq!(decision.firings.iter().map(|f| f.rule.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(engine.thaw_after(RuleId(2)), Some(Duration::from_secs(3)));
    assert_eq!(engine.thaw_after(RuleId(5)), None);
}

#[test]
fn arming_healing_and_adding_take_effect_at_once_and_are_noted() {
    let engine = engine(&with_trigger("disarmed = true"));
    engine.arm("r", Nanos(5)).expect("known");
    assert_eq!(pattern(&engine, Op::Write, 1), "x");
    assert_eq!(engine.heal(None, Nanos(9)), Ok(vec![RuleId(0)]));
    assert!(!engine.is_armed(RuleId(0)) && !engine.armed(Op::Write));
    let added =
        engine.add_rule(rules("fault = [{ name = \"late\", effect.freeze = {} }]").remove(0), Nanos(10));
    assert_eq!(added, Ok(RuleId(1)));
    assert_eq!(after(&engine, Op::Write, "f", 1), ["late"]);
    let stats = engine.stats();
    assert_eq!((stats[0].matched, stats[0].fired, stats[0].armed), (1, 1, false));
    assert_eq!(stats[0].intervals, [Interval { from: Nanos(5), to: Some(Nanos(9)) }]);
    assert_eq!(stats[1].intervals, [Interval { from: Nanos(10), to: None }]);
    let error = engine.arm("lat", Nanos(11)).expect_err("unknown");
    insta::assert_snapshot!(error, @"no fault is called `lat` (did you mean `late`?)");
}

#[test]
fn a_status_travels_as_json() {
    let stats = engine(&with_trigger("")).stats();
    let text = serde_json::to_string(&stats).expect("plain data");
    assert_eq!(serde_json::from_str::<Vec<RuleStats>>(&text).expect("its own"), stats);
    assert_eq!(serde_json::to_string(&Command::Status).expect("plain data"), "\"status\"");
}

fn decided(engine: &Engine, name: &str, calls: u64) -> BTreeSet<u64> {
    (0..calls)
        .flat_map(|_| engine.decide(&call(Op::Write, &At("user1/x")), Nanos(1)).firings)
        .filter(|f| engine.rule_name(f.rule) == name)
        .map(|f| f.matched)
        .collect()
}

#[test]
fn what_is_for_good_is_healed_by_its_name_only() {
    let rules = rules(
        "fault = [
            { name = \"dead\", for-good = true, effect.errno = { code = \"EIO\" } },
            { name = \"slow\", effect.errno = { code = \"EIO\" } },
        ]",
    );
    let engine = Engine::new(rules, 1, Some(Nanos(0))).unwrap_or_else(|problems| panic!("{problems:?}"));
    let healed = engine.heal(None, Nanos(1)).expect("without a name");
    assert_eq!(healed.iter().map(|rule| engine.rule_name(*rule)).collect::<Vec<_>>(), ["slow"]);
    assert!(engine.stats()[0].armed && !engine.stats()[1].armed);
    engine.heal(Some("dead"), Nanos(2)).expect("it is there");
    assert!(!engine.stats()[0].armed);
}

fn named(name: &str, probability: f64, limit: Option<u64>) -> Rule {
    let mut rule =
        rules("fault = [{ name = \"\", where.op = \"write\", effect.errno = { code = \"EIO\" } }]").remove(0);
    rule.name = name.to_owned();
    rule.trigger = Trigger { probability: Some(probability), limit, ..Trigger::default() };
    rule
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Other rules, their number, and the place of a rule among them change nothing for it.
    #[test]
    fn a_rule_decides_the_same_beside_any_others(
        seed: u64, p in 0.0f64..1.0, others in prop::collection::vec(0.0f64..1.0, 0..6), place in 0usize..7,
    ) {
        let alone = Engine::new(vec![named("it", p, None)], seed, Some(Nanos(0))).expect("good");
        let mut many: Vec<_> = others.iter().enumerate().map(|(i, p)| named(&format!("r{i}"), *p, None)).collect();
        many.insert(place.min(many.len()), named("it", p, None));
        let many = Engine::new(many, seed, Some(Nanos(0))).expect("good");
        prop_assert_eq!(decided(&alone, "it", 200), decided(&many, "it", 200));
    }

    /// However calls are spread over threads, the same ordinals are struck.
    #[test]
    fn threads_change_nothing(seed: u64, p in 0.0f64..1.0, every in 1u64..9, limit in 1u64..40) {
        let mut counted = named("every", 0.5, Some(limit));
        counted.trigger = Trigger { every: Some(every), limit: Some(limit), ..Trigger::default() };
        let build = || Engine::new(vec![named("p", p, None), counted.clone()], seed, Some(Nanos(0))).expect("good");
        let (one, four) = (build(), build());
        let all = |engine: &Engine, calls: u64| -> BTreeSet<(u32, u64)> {
            (0..calls)
                .flat_map(|_| engine.decide(&call(Op::Write, &At("f")), Nanos(1)).firings)
                .map(|f| (f.rule.0, f.matched))
                .collect()
        };
        let threaded: BTreeSet<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| all(&four, 50))).collect();
            threads.into_iter().flat_map(|t| t.join().expect("no panic")).collect()
        });
        prop_assert_eq!(all(&one, 200), threaded);
    }
}

/// 100,000 reads at 1e-3 are 100 faults. Where each is followed by another with probability 0.4 it is 167 together.
#[test]
fn a_rate_is_that_of_the_effect_and_its_faults_come_in_clusters() {
    let text = "[[fault]]\nname = \"r\"\nwhen.rate = \"accelerated\"\neffect.bad-sector = {}";
    let faults = |paths: [&'static str; 2]| {
        let engine = engine(text);
        for n in 0..100_000 {
            after(&engine, Op::Read, paths[n % 2], 1);
        }
        engine.stats()[0].fired
    };
    let (one_file, in_turn) = (faults(["file"; 2]), faults(["file", "another"]));
    assert!((130..210).contains(&one_file), "{one_file}");
    assert!((130..210).contains(&in_turn), "a call elsewhere in between changes nothing: {in_turn}");
    let field = engine(&text.replace("accelerated", "field"));
    assert!((0..100_000).all(|_| after(&field, Op::Read, "file", 1).is_empty()));
}

#[test]
fn versions_are_kept_only_while_a_rule_needs_them() {
    let engine = engine(&with_trigger(""));
    assert!(engine.lies().is_idle());
    let rule = "[[fault]]\nname = \"stale\"\nwhen.disarmed = true\neffect.stale-read = {}";
    engine.add_rule(rules(rule).remove(0), Nanos(0)).unwrap();
    assert!(engine.lies().keeps_versions());
}

/// Notes what the engine says at the moment when beliefs are taken back: whether it asks for names, and whether it could strike them.
struct Noting(std::sync::OnceLock<Weak<Engine>>, Mutex<Vec<(bool, bool)>>);

impl Believer for Noting {
    fn take_back(&self) {
        let engine = self.0.get().and_then(Weak::upgrade).expect("there is one");
        self.1.lock().push((engine.asks(Op::Lookup), engine.armed(Op::Lookup)));
    }
}

#[test]
fn what_is_believed_is_taken_back_before_a_rule_that_asks_for_more_is_armed_and_only_then() {
    let engine = Arc::new(engine(&with_trigger("")));
    let noting = Arc::new(Noting(std::sync::OnceLock::new(), Mutex::default()));
    noting.0.set(Arc::downgrade(&engine)).expect("once");
    let believer: Arc<dyn Believer> = noting.clone();
    engine.believed_by(Arc::downgrade(&believer));
    for name in ["first", "second"] {
        let text = format!("[[fault]]\nname = \"{name}\"\nwhere.op = [\"lookup\"]\neffect.freeze = {{}}");
        engine.add_rule(rules(&text).remove(0), Nanos(1)).unwrap();
    }
    assert_eq!(*noting.1.lock(), [(true, false)]);
    assert!(engine.armed(Op::Lookup));
}

#[test]
fn a_rule_strikes_where_it_was_told_that_its_files_lie() {
    let engine = engine(
        "[[fault]]\nname = \"r\"\nwhere = { op = \"read\", holds = \"data\" }\neffect.errno = { code = \"EIO\" }",
    );
    let struck = || !after(&engine, Op::Read, "device", 0).is_empty();
    let place = |name: &str, from: u64| engine.place(name, std::iter::once(from..from + 10).collect());
    assert!(!struck());
    place("r", 90).expect("there is one");
    assert!(struck());
    place("r", 100).expect("there is one");
    assert!(!struck(), "the last word counts");
    assert!(place("q", 0).is_err());
}
