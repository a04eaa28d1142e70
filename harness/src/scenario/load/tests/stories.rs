//! The story's clock: which times are the story's, and how they are told.

use super::*;
use fuse_fs::rules::rule::Threshold;
use fuse_fs::units::Span;
use record::plan::claim::Claim;
use record::plan::expect::StatementPlan;
use record::plan::step::StepAction;
use std::collections::BTreeMap;

/// Every time that a scenario can name; each is said once, so that it is known by its value.
const ALL_TIMES: &str = r#"
name = "t"
why  = "test"
[time]
scale = 100
[storage.mail]
thaw-after = "101s"
loses-acknowledged = "102s"
[front-door]
lifetime = "103s"
[[cohort]]
name = "everybody"
users = 2
[workload]
stages = [{ rate = "1/s", duration = "1104s" }]
timeout = "105s"
retry-after = "106s"
clients = { held = 1, every = "107s", keep-alive = "108s", back-off = { first = "109s", most = "110s" } }
[[fault]]
name = "f"
when = { counter = "uptime", at = "111s", after = "112s", for = "113s" }
effect.latency = { fixed = "115s" }
[[step]]
at = "116s"
every = "117s"
times = 1
do.phase = { name = "p" }
[[step]]
after-fired = { fault = "f", delay = "118s" }
do.phase = { name = "q" }
[[step]]
at = "200s"
do.roll-back = { by = "119s" }
[[step]]
at = "201s"
do.migrate = { to = "mail", every = "120s" }
[[variant]]
name = "v"
why = "v"
[[variant.step]]
at = "121s"
do.phase = { name = "r" }
[[statement]]
id = "1"
says = "x"
claim.healthy-first = { fault = "f", for = "122s" }
[[statement]]
id = "2"
says = "x"
claim.backlog = { from-phase = "p", drained-within = "123s", live-p95 = "124s" }
[[statement]]
id = "3"
says = "x"
claim.story-time = { fault = "f", at-least = "125s" }
[expect]
recover-within = "126s"
healthy-for = "127s"
latency.deliver = { p99 = "128s" }
"#;

/// The times of a file, by what they are.
fn times(text: &str) -> BTreeMap<&'static str, Span> {
    let plan = plan(Path::new("t.toml"), text, &Overrides::default()).expect("a good file");
    let (storage, workload) = (&plan.storages["mail"], &plan.workload);
    let clients = workload.clients.clone().expect("there are clients");
    let trigger = &storage.rules[0].trigger;
    let uptime = match trigger.at {
        Some(Threshold::Time(at)) => at,
        Some(Threshold::Count(_)) | None => panic!("it was a time"),
    };
    let latency = serde_json::to_value(&storage.rules[0].effect).expect("plain data");
    let latency = latency["latency"]["fixed"].as_str().expect("a time").parse().expect("a span");
    let mut steps = plan.steps.iter().filter_map(|step| step.at);
    let delay = plan.steps.iter().find_map(|step| step.after_fired.as_ref()).expect("one follows a fault").1;
    let mut of_actions = plan.steps.iter().filter_map(|step| match &step.action {
        StepAction::RollBack { by, .. } => Some(*by),
        StepAction::Migrate(order) => order.every,
        _ => None,
    });
    let mut of_claims = plan.statements.iter().flat_map(times_of_claim);
    let mut step = || steps.next().expect("as many as the text has");
    let mut action = || of_actions.next().expect("two");
    let mut claim = || of_claims.next().expect("four");
    BTreeMap::from([
        ("thaw-after", storage.thaw_after),
        ("loses-acknowledged", storage.loses_acknowledged),
        ("lifetime", plan.front_door.and_then(|door| door.lifetime).expect("said")),
        ("stage", workload.stages[0].duration),
        ("timeout", workload.timeout),
        ("retry-after", workload.retry_after),
        ("clients.every", clients.every),
        ("clients.keep-alive", clients.keep_alive),
        ("clients.first", clients.back_off.first),
        ("clients.most", clients.back_off.most),
        ("uptime", uptime),
        ("after", trigger.after.expect("said")),
        ("window", trigger.window.expect("said")),
        ("latency", latency),
        ("repeated step", step()),
        ("step of roll-back", step()),
        ("step of migration", step()),
        ("step of variant", step()),
        ("delay", delay),
        ("roll-back by", action()),
        ("migrate every", action()),
        ("healthy-first", claim()),
        ("drained-within", claim()),
        ("live-p95", claim()),
        ("story-time", claim()),
        ("recover-within", plan.expect.recover_within.expect("said")),
        ("healthy-for", plan.expect.healthy_for.expect("said")),
        ("p99", plan.expect.latency["deliver"].p99.expect("said")),
    ])
}

fn times_of_claim(statement: &StatementPlan) -> Vec<Span> {
    match statement.claim {
        Claim::HealthyFirst { span, .. } => vec![span],
        Claim::Backlog { drained_within, live_p95, .. } => vec![drained_within, live_p95],
        Claim::StoryTime { at_least, .. } => vec![at_least],
        _ => Vec::new(),
    }
}

/// `story-time` is compared with the story itself, so it is no time to divide.
const OF_THE_RUN: [&str; 13] = [
    "thaw-after",
    "loses-acknowledged",
    "timeout",
    "retry-after",
    "clients.every",
    "clients.keep-alive",
    "clients.first",
    "clients.most",
    "latency",
    "live-p95",
    "story-time",
    "recover-within",
    "p99",
];

#[test]
fn every_time_of_the_story_is_divided_and_none_of_the_run() {
    let (told, run) = (times(&ALL_TIMES.replace("scale = 100", "scale = 1")), times(ALL_TIMES));
    for (name, span) in &told {
        let divided = if OF_THE_RUN.contains(name) { span.0 } else { span.0 / 100 };
        // The instant of a repeated step is drawn, so that two divisions round.
        assert!(run[name].0.abs_diff(divided).as_nanos() < 100, "{name}: {} of {span}", run[name]);
    }
}

#[test]
fn without_a_story_every_time_is_the_runs() {
    let plain = ALL_TIMES.replace("[time]\nscale = 100\n", "");
    assert_eq!(times(&plain), times(&ALL_TIMES.replace("scale = 100", "scale = 1")));
    let plan = plan(Path::new("t.toml"), &plain, &Overrides::default()).expect("a good file");
    assert_eq!(plan.story_scale, None);
}

#[test]
fn a_scale_that_is_none_is_shown() {
    for (scale, said) in [("0", "0"), ("0.5", "0.5"), ("-1", "-1"), ("4e7", "40000000"), ("nan", "NaN")] {
        let text = GOOD.replace("[workload]", &format!("[time]\nscale = {scale}\n[workload]"));
        assert_eq!(messages(&text), [format!("a scale of {said}")]);
    }
    let text = GOOD.replace("[workload]", "[time]\nscale = 0\n[workload]");
    insta::assert_snapshot!(shown(&text), @r"
      × t.toml has a problem

    Error:
      × a scale of 0
       ╭─[t.toml:5:9]
     4 │ [time]
     5 │ scale = 0
       ·         ┬
       ·         ╰── here
     6 │ [workload]
       ╰────
      help: write the story's seconds for one second of the run, from 1 to 31,536,000; 7200 is two hours a
            second
    ");
}

#[test]
fn times_are_told_as_they_were_written() {
    let text = GOOD.replace("[workload]", "[time]\nscale = 7000\n[workload]").replace("\"5s\"", "\"100h\"")
        + r#"
[[step]]
at = "101h 30m"
do.kill-target = {}
[[step]]
at = "98h"
every = "1h"
times = 3
do.kill-target = {}
[[step]]
at = "1h"
do.roll-back = { by = "90m" }
"#;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 3 problems

    Error:
      × at 101h 30m the traffic is over: it lasts 100h
        ╭─[t.toml:14:6]
     13 │ [[step]]
     14 │ at = "101h 30m"
        ·      ─────┬────
        ·           ╰── here
     15 │ do.kill-target = {}
        ╰────
      help: make the traffic longer or the step earlier; only repair, start and inspection may come later

    Error:
      × the last repetition may come at 101h, when the traffic is over: it lasts 100h
        ╭─[t.toml:19:9]
     18 │ every = "1h"
     19 │ times = 3
        ·         ┬
        ·         ╰── here
     20 │ do.kill-target = {}
        ╰────
      help: make the traffic longer, or the repetitions fewer or closer

    Error:
      × at 1h the traffic is not yet 1h 30m old
        ╭─[t.toml:23:23]
     22 │ at = "1h"
     23 │ do.roll-back = { by = "90m" }
        ·                       ──┬──
        ·                         ╰── here
        ╰────
      help: go back by less, or make the step later
    "#);
}
