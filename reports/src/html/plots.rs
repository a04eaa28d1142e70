//! The pictures of a run over time.

use super::availability;
use super::frame::{Field, LEFT, Scene, TOP, Time, armed, axis, escaped, level, marks, picture};
use crate::figures::{count, latency};
use crate::model::ClientClass;
use crate::series::{Series, Track};
use std::fmt::Write as _;

/// A picture, and what its colours mean: (class, words).
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) about: String,
    pub(super) legend: Vec<(&'static str, String)>,
    pub(super) svg: String,
}

pub(super) const HEIGHT: f64 = 190.0;

/// All pictures of a run; those that would show nothing are left out.
pub(super) fn all(scene: Scene<'_>, clients: &[ClientClass]) -> Vec<Plot> {
    let plots = [
        storing(scene),
        availability::of(scene, clients),
        latencies(scene),
        under_way(scene),
        struck(scene),
        states(scene),
    ];
    plots.into_iter().flatten().collect()
}

/// The length of a bin.
fn each(scene: Scene<'_>) -> String {
    scene.clock.length(scene.series.step_s).to_string()
}

/// Bars one upon the other.
fn bars(scene: Scene<'_>, layers: &[(&str, &[u64])]) -> (String, u64) {
    let (series, time) = (scene.series, Time::of(scene));
    let sum =
        |bin: usize| layers.iter().map(|(_, values)| values.get(bin).copied().unwrap_or(0)).sum::<u64>();
    let most = (0..series.bins).map(sum).max().unwrap_or(0);
    let field = Field::up_to(most, HEIGHT);
    let mut out = armed(series, time, field.foot()) + &field.grid();
    for bin in 0..series.bins {
        let (left, width) = time.bin(series, bin);
        let mut below = 0;
        for (class, values) in layers {
            let value = values.get(bin).copied().unwrap_or(0);
            if value > 0 {
                let (foot, head) = (field.y(below as f64), field.y((below + value) as f64));
                let _ = write!(
                    out,
                    "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{head:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                    foot - head
                );
            }
            below += value;
        }
    }
    out += &axis(time, field.foot());
    out += &marks(scene.marks, time, field.foot());
    (out, most)
}

fn storing(scene: Scene<'_>) -> Option<Plot> {
    let series = scene.series;
    let storing = &series.storing;
    let sum = |values: &[u64]| values.iter().sum::<u64>();
    let [good, refused, open] = [&storing.acknowledged, &storing.refused, &storing.uncertain];
    let (body, most) = bars(scene, &[("good", good), ("refused", refused), ("open", open)]);
    let about = format!("At most {} attempts in {}.", count(most), each(scene));
    (most > 0).then(|| Plot {
        title: "Attempts to store a message",
        svg: picture(
            "Attempts to store a message over time",
            &about,
            HEIGHT + Time::of(scene).story_line(),
            &body,
        ),
        about,
        legend: vec![
            ("good", format!("acknowledged: {}", count(sum(good)))),
            ("refused", format!("refused: {}", count(sum(refused)))),
            ("open", format!("no clear answer: {}", count(sum(open)))),
        ],
    })
}

/// Kinds of operations whose latency is drawn, with their colours.
const DRAWN: [(&str, &str); 3] = [("deliver", "one"), ("append", "two"), ("fetch", "three")];

fn latencies(scene: Scene<'_>) -> Option<Plot> {
    let series = scene.series;
    let drawn: Vec<(&Track, &'static str)> = DRAWN
        .iter()
        .filter_map(|(name, class)| Some((series.kinds.iter().find(|track| track.name == *name)?, *class)))
        .filter(|(track, _)| track.ok.iter().any(|n| *n > 0))
        .collect();
    let values =
        || drawn.iter().flat_map(|(track, _)| track.p50_s.iter().chain(&track.p99_s)).flatten().copied();
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    if drawn.is_empty() {
        return None;
    }
    let scale = Decades::around(least, most);
    let time = Time::of(scene);
    let mut body = armed(series, time, scale.foot()) + &scale.grid();
    for (track, class) in &drawn {
        body += &line(series, time, &track.p50_s, scale, class);
        body += &line(series, time, &track.p99_s, scale, &format!("{class} high"));
    }
    body += &axis(time, scale.foot());
    body += &marks(scene.marks, time, scale.foot());
    let about = format!(
        "From when each operation was due to its good end, logarithmic; median solid, 99th percentile dotted, over {} each. At most {}.",
        each(scene),
        latency(most)
    );
    Some(Plot {
        title: "Latency",
        svg: picture(
            "Latency over time, on a logarithmic scale",
            &about,
            HEIGHT + Time::of(scene).story_line(),
            &body,
        ),
        about,
        legend: drawn.iter().map(|(track, class)| (*class, track.name.clone())).collect(),
    })
}

/// A logarithmic axis over whole decades.
#[derive(Clone, Copy)]
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    fn around(least: f64, most: f64) -> Decades {
        let low = least.max(1e-6).log10().floor() as i32;
        Decades { low, high: (most.max(1e-6).log10().ceil() as i32).max(low + 1) }
    }

    fn foot(self) -> f64 {
        Field { height: HEIGHT, top: 1.0 }.foot()
    }

    fn y(self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.foot() - part * (self.foot() - TOP)
    }

    fn grid(self) -> String {
        let decades = (self.low..=self.high).map(|power| 10_f64.powi(power));
        decades.map(|value| level(self.y(value), &latency(value))).collect()
    }
}

/// A line through the bins that have a value, broken where one has none.
fn line(series: &Series, time: Time, values: &[Option<f64>], scale: Decades, class: &str) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    for (bin, value) in values.iter().enumerate() {
        let (left, width) = time.bin(series, bin);
        match value {
            Some(value) => {
                // Also visible alone: a stroke as long as its bin.
                let y = scale.y(*value);
                let _ = write!(path, "{pen}{left:.1} {y:.1}L{:.1} {y:.1}", left + width);
                pen = 'L';
            }
            None => pen = 'M',
        }
    }
    format!("<path class=\"line {class}\" d=\"{path}\"/>")
}

fn under_way(scene: Scene<'_>) -> Option<Plot> {
    let series = scene.series;
    let most = |values: &[u64]| values.iter().copied().max().unwrap_or(0);
    let (waiting, held) = (most(&series.waiting), most(&series.held));
    if waiting == 0 && held == 0 {
        return None;
    }
    let time = Time::of(scene);
    let field = Field::up_to(waiting.max(held), HEIGHT);
    let mut body = armed(series, time, field.foot()) + &field.grid();
    for (class, values) in [("line one", &series.waiting), ("line bad", &series.held)] {
        body += &steps(series, time, values, field, class);
    }
    body += &axis(time, field.foot());
    body += &marks(scene.marks, time, field.foot());
    let about = format!(
        "The most at once, for each {}: {} client operations without an answer yet; {} file-system calls held back by a fault.",
        each(scene),
        count(waiting),
        count(held)
    );
    Some(Plot {
        title: "Under way",
        svg: picture(
            "Operations and calls under way over time",
            &about,
            HEIGHT + Time::of(scene).story_line(),
            &body,
        ),
        about,
        legend: vec![
            ("one", "client operations".to_owned()),
            ("bad", "calls held in the file system".to_owned()),
        ],
    })
}

fn steps(series: &Series, time: Time, values: &[u64], field: Field, class: &str) -> String {
    let mut path = String::new();
    for (bin, value) in values.iter().enumerate() {
        let (left, width) = time.bin(series, bin);
        let (pen, y) = (if bin == 0 { 'M' } else { 'L' }, field.y(*value as f64));
        let _ = write!(path, "{pen}{left:.1} {y:.1}L{:.1} {y:.1}", left + width);
    }
    format!("<path class=\"{class}\" d=\"{path}\"/>")
}

fn struck(scene: Scene<'_>) -> Option<Plot> {
    let series = scene.series;
    let (body, most) = bars(scene, &[("bad", &series.struck)]);
    let all = series.struck.iter().sum();
    let about = format!(
        "{} firings at calls that were answered; at most {} in {}.",
        count(all),
        count(most),
        each(scene)
    );
    (most > 0).then(|| Plot {
        title: "Firings of faults",
        svg: picture("Firings of faults over time", &about, HEIGHT + Time::of(scene).story_line(), &body),
        about,
        legend: vec![("bad", "a fault struck a file-system call".to_owned())],
    })
}

const ROW: f64 = 22.0;
/// More faults than these are in the table of faults only.
const MOST_FAULTS: usize = 8;

/// A row for each service and each fault.
fn states(scene: Scene<'_>) -> Option<Plot> {
    let series = scene.series;
    let mut names: Vec<&str> = Vec::new();
    series.armed.iter().for_each(|s| _ = (!names.contains(&s.name.as_str())).then(|| names.push(&s.name)));
    let more = names.len().saturating_sub(MOST_FAULTS);
    names.truncate(MOST_FAULTS);
    let rows = series.services.len() + names.len();
    if rows == 0 {
        return None;
    }
    let (time, foot) = (Time::of(scene), TOP + ROW * rows as f64);
    let mut body = String::new();
    for (row, service) in series.services.iter().enumerate() {
        body += &label(row, &service.name);
        let found = service.found.iter().map(|found| {
            let (class, words) = if found.up { ("good", "greets") } else { ("bad", "does not greet") };
            stretch(row, time, (found.from_s, found.to_s), class, words)
        });
        body.extend(found);
    }
    for (row, name) in names.iter().enumerate().map(|(n, name)| (n + series.services.len(), *name)) {
        body += &label(row, name);
        let own = series.armed.iter().filter(|s| s.name == name);
        body.extend(own.map(|s| stretch(row, time, (s.from_s, s.to_s), "refused", "armed")));
    }
    body += &axis(time, foot);
    body += &marks(scene.marks, time, foot);
    let about = match more {
        0 => "Whether each service greeted when it was asked, and when each fault was armed.".to_owned(),
        n => format!(
            "Whether each service greeted when it was asked, and when the first faults were armed; {n} more are in the table."
        ),
    };
    Some(Plot {
        title: "Services and faults",
        svg: picture("Services and faults over time", &about, foot + ROW + 2.0 + time.story_line(), &body),
        about,
        legend: vec![
            ("good", "the service greets".to_owned()),
            ("bad", "it does not".to_owned()),
            ("refused", "the fault is armed".to_owned()),
        ],
    })
}

/// Names that would not fit beside the row are cut; the table of faults has them whole.
const LABEL: usize = 14;

fn label(row: usize, name: &str) -> String {
    let short: String = match name.chars().count() {
        ..=LABEL => name.to_owned(),
        _ => name.chars().take(LABEL - 1).chain(['\u{2026}']).collect(),
    };
    format!(
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}<title>{}</title></text>",
        LEFT - 6.0,
        TOP + ROW * row as f64 + 14.0,
        escaped(&short),
        escaped(name)
    )
}

fn stretch(row: usize, time: Time, (from_s, to_s): (f64, f64), class: &str, words: &str) -> String {
    let (left, right) = (time.x(from_s), time.x(to_s));
    format!(
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
        TOP + ROW * row as f64 + 3.0,
        (right - left).max(1.5),
        ROW - 7.0,
        escaped(&format!("{words}, {} to {}", time.moment(from_s), time.moment(to_s)))
    )
}
