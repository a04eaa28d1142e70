//! Faults that could never strike, and repairs of what is for good.

use super::*;

fn fault(rest: &str) -> String {
    let head = "name = \"t\"\nwhy = \"test\"\n[workload]\nduration = \"10s\"\n[[fault]]\nname = \"eio\"";
    format!("{head}\neffect.errno = {{ code = \"EIO\" }}\n{rest}")
}

fn planned(text: &str) -> Plan {
    plan(Path::new("t.toml"), text, &Overrides::default()).expect("it can be planned")
}

#[test]
fn a_window_that_opens_when_the_traffic_is_over_is_refused() {
    insta::assert_snapshot!(shown(&fault("when = { after = \"40s\", for = \"5s\" }")), @r#"
      × t.toml has a problem

    Error:
      × `eio` can strike from 40s on, when the traffic is over: it lasts 10s
       ╭─[t.toml:8:18]
     7 │ effect.errno = { code = "EIO" }
     8 │ when = { after = "40s", for = "5s" }
       ·                  ──┬──
       ·                    ╰── here
       ╰────
      help: make the traffic longer, or let the fault strike earlier
    "#);
    let uptime = messages(&fault("when = { counter = \"uptime\", at = \"10s\" }"));
    assert_eq!(uptime, ["`eio` can strike from 10s on, when the traffic is over: it lasts 10s"]);
    planned(&fault("when.after = \"9s\""));
}

#[test]
fn times_of_a_story_are_told_as_they_were_written() {
    let text = fault("when.after = \"2h\"\n[time]\nscale = 3600").replace("\"10s\"", "\"1h\"");
    assert_eq!(messages(&text), ["`eio` can strike from 2h on, when the traffic is over: it lasts 1h"]);
}

#[test]
fn a_fault_that_is_armed_when_its_window_is_over_is_refused() {
    let armed = |at: &str| {
        let step = format!("[[step]]\nat = \"{at}\"\ndo.arm = {{ fault = \"eio\" }}\n");
        fault(&("when = { disarmed = true, for = \"3s\" }\n".to_owned() + &step))
    };
    assert_eq!(messages(&armed("5s")), ["`eio` is armed when its window is over, at 3s"]);
    planned(&armed("2s"));
}

#[test]
fn what_is_for_good_is_repaired_by_no_step() {
    let with = |step: &str| fault(&format!("for-good = true\n[[step]]\nat = \"5s\"\ndo.{step}\n"));
    for step in ["heal = { fault = \"eio\" }", "disarm = { fault = \"eio\" }"] {
        assert_eq!(messages(&with(step)), ["`eio` is for good: nobody repairs it"]);
    }
    assert!(planned(&with("heal = {}")).storages["mail"].rules[0].for_good);
    assert!(!planned(&fault("")).storages["mail"].rules[0].for_good);
}
