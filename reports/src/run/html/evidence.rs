//! The evidence of one anomaly as a picture: who did what, in order.
//!
//! Moments stand at equal distances, for what matters happens within milliseconds and is found seconds later; the time
//! between two moments is written where it is long.

use crate::kit::escape::escaped;
use crate::kit::figures::{Clock, grouped};
use crate::kit::glossary::who;
use crate::kit::picture::WIDTH;
use crate::run::model::Moment;
use std::fmt::Write as _;

/// Lanes from top to bottom, in the order in which a message passes them; others come after them.
const LANES: [&str; 7] = ["client", "target", "storage", "fault", "power cut", "nemesis", "reading"];
const LEFT: f64 = 92.0;
const RIGHT: f64 = 20.0;
const LANE: f64 = 24.0;
const HEAD: f64 = 26.0;

/// Moments one after another of which all is the same but the time.
pub(crate) struct Step<'a> {
    from_s: f64,
    to_s: f64,
    pub(crate) who: &'a str,
    pub(crate) what: &'a str,
    times: u64,
    clock: Clock,
}

impl Step<'_> {
    pub(crate) fn when(&self) -> String {
        match self.times {
            1 => self.clock.moment(self.from_s).to_string(),
            _ => self.clock.stretch(self.from_s, self.to_s).to_string(),
        }
    }

    /// How often, where it is more than once.
    pub(crate) fn often(&self) -> Option<String> {
        (self.times > 1).then(|| format!("{} times", grouped(self.times)))
    }
}

/// The evidence, in order.
pub(crate) fn steps(evidence: &[Moment], clock: Clock) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for Moment { at_s, who, what } in evidence {
        match steps.last_mut().filter(|last| last.who == who && last.what == what) {
            Some(last) => (last.to_s, last.times) = (*at_s, last.times + 1),
            None => steps.push(Step { from_s: *at_s, to_s: *at_s, who, what, times: 1, clock }),
        }
    }
    steps
}

/// The picture; `None` if there is nothing to order.
pub(crate) fn lanes(steps: &[Step<'_>]) -> Option<String> {
    if steps.len() < 2 {
        return None;
    }
    let used = lanes_of(steps);
    let height = HEAD + LANE * used.len() as f64 + 10.0;
    let mut body: String = used.iter().enumerate().map(|(n, lane)| lane_line(middle(n), who(lane))).collect();
    let x = |n: usize| LEFT + (n as f64 + 0.5) * (WIDTH - LEFT - RIGHT) / steps.len() as f64;
    body += &gaps(steps, x, height);
    for (n, step) in steps.iter().enumerate() {
        let lane = used.iter().position(|lane| step.who == *lane).unwrap_or_default();
        body += &dot(x(n), middle(lane), n + 1, step);
    }
    let span = steps.last()?.to_s - steps.first()?.from_s;
    Some(format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{} steps in {}, in order; the table below \
         has them in words\">{body}</svg>",
        steps.len(),
        steps.last()?.clock.delay(span.max(0.0))
    ))
}

fn lanes_of<'a>(steps: &[Step<'a>]) -> Vec<&'a str> {
    let mut lanes: Vec<&str> = Vec::new();
    steps.iter().for_each(|step| _ = (!lanes.contains(&step.who)).then(|| lanes.push(step.who)));
    lanes.sort_by_key(|who| LANES.iter().position(|lane| lane == who).unwrap_or(LANES.len()));
    lanes
}

fn dot(x: f64, y: f64, number: usize, step: &Step<'_>) -> String {
    format!(
        "<circle class=\"{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"><title>{}, {}: {}</title></circle>\
         <text class=\"number\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{number}</text>",
        colour(step.who),
        step.when(),
        escaped(who(step.who)),
        escaped(step.what),
        y - 8.0
    )
}

fn middle(lane: usize) -> f64 {
    HEAD + LANE * lane as f64 + 8.0
}

fn lane_line(y: f64, name: &str) -> String {
    format!(
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        WIDTH - RIGHT,
        LEFT - 8.0,
        y + 4.0,
        escaped(name)
    )
}

/// The longest waits, as many as have room.
fn gaps(steps: &[Step<'_>], x: impl Fn(usize) -> f64, height: f64) -> String {
    const MOST: usize = 6;
    let clock = steps.first().map(|step| step.clock).unwrap_or_default();
    let room = if clock.tells_story() { 128.0 } else { 56.0 };
    let mut waits: Vec<(f64, f64)> = steps
        .windows(2)
        .enumerate()
        .map(|(n, pair)| (f64::midpoint(x(n), x(n + 1)), pair[1].from_s - pair[0].to_s))
        .filter(|(_, wait)| *wait > 0.0)
        .collect();
    waits.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut placed: Vec<f64> = Vec::new();
    let mut out = String::new();
    for (middle, wait) in waits {
        if placed.len() < MOST && placed.iter().all(|other| (other - middle).abs() >= room) {
            placed.push(middle);
            let _ = write!(
                out,
                "<line class=\"gap\" x1=\"{middle:.1}\" x2=\"{middle:.1}\" y1=\"16\" y2=\"{:.1}\"/>\
                 <text class=\"tick\" text-anchor=\"middle\" x=\"{middle:.1}\" y=\"11\">{}</text>",
                height - 6.0,
                clock.delay(wait)
            );
        }
    }
    out
}

fn colour(who: &str) -> &'static str {
    match who {
        "client" => "one",
        "storage" => "three",
        "fault" | "power cut" | "nemesis" => "bad",
        "reading" => "good",
        _ => "two",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_s: f64, who: &str) -> Moment {
        Moment { at_s, who: who.into(), what: "<script>".into() }
    }

    #[test]
    fn steps_stand_in_their_lanes_and_waits_are_written() {
        let evidence = [at(1.0, "client"), at(1.002, "fault"), at(31.0, "reading"), at(31.1, "<b>")];
        let svg = lanes(&steps(&evidence, Clock::default())).expect("a picture");
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(svg.contains(">2.00 ms<") && svg.contains(">30.0 s<"), "{svg}");
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
    }

    #[test]
    fn what_repeats_is_one_step() {
        let evidence = [at(1.0, "client"), at(1.5, "storage"), at(1.6, "storage"), at(1.7, "storage")];
        let steps = steps(&evidence, Clock::default());
        let shown: Vec<_> = steps.iter().map(|step| (step.when(), step.often())).collect();
        let times = Some("3 times".to_owned());
        assert_eq!(shown, [("1.000 s".to_owned(), None), ("1.500 to 1.700 s".to_owned(), times)]);
    }

    #[test]
    fn one_step_needs_no_picture() {
        assert_eq!(lanes(&steps(&[at(1.0, "client"), at(2.0, "client")], Clock::default())), None);
    }
}
