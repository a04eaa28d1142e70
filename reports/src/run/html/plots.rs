//! The pictures of a run over time.

use super::availability;
use super::states;

use super::frame::{Field, Scene, TOP, Time, armed, axis, level, marks};
use super::plot::{HEIGHT, Plot};
use crate::kit::figures::{grouped, latency};
use crate::kit::picture::picture;
use crate::run::model::ClientClass;
use crate::run::series::{Backlog, Series, Track};
use std::fmt::Write as _;

/// All pictures of a run; those that would show nothing are left out.
pub(super) fn all(scene: Scene<'_>, clients: &[ClientClass]) -> Vec<Plot> {
    let plots = [
        storing(scene),
        availability::cohorts(scene),
        availability::clients(scene, clients),
        throughput(scene),
        latencies(scene),
        backlog(scene),
        under_way(scene),
        struck(scene),
        states::of(scene),
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
    let about = format!("At most {} attempts in {}.", grouped(most), each(scene));
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
            ("good", format!("acknowledged: {}", grouped(sum(good)))),
            ("refused", format!("refused: {}", grouped(sum(refused)))),
            ("open", format!("no clear answer: {}", grouped(sum(open)))),
        ],
    })
}

/// Operations that ended well, by kind; the kinds without a colour of their own are one.
fn throughput(scene: Scene<'_>) -> Option<Plot> {
    let kinds = &scene.series.kinds;
    let named = |track: &&Track| DRAWN.iter().any(|(name, _)| *name == track.name);
    let mut layers: Vec<(&str, &str, Vec<u64>)> = DRAWN
        .iter()
        .filter_map(|(name, class)| {
            kinds.iter().find(|track| track.name == *name).map(|track| (name, class, track))
        })
        .map(|(name, class, track)| (*class, *name, track.ok.clone()))
        .collect();
    let rest: Vec<&Track> = kinds.iter().filter(|track| !named(track)).collect();
    let at = |bin: usize| rest.iter().filter_map(|track| track.ok.get(bin)).sum();
    layers.push(("four", "others", (0..scene.series.bins).map(at).collect()));
    layers.retain(|(_, _, values)| values.iter().any(|n| *n > 0));
    let drawn: Vec<(&str, &[u64])> =
        layers.iter().map(|(class, _, values)| (*class, values.as_slice())).collect();
    let (body, most) = bars(scene, &drawn);
    let about = format!(
        "Client operations that ended well, by the moment of their end; at most {} in {}.",
        grouped(most),
        each(scene)
    );
    let legend = layers
        .iter()
        .map(|(class, name, values)| (*class, format!("{name}: {}", grouped(values.iter().sum()))));
    (most > 0).then(|| Plot {
        title: "Operations that ended well",
        svg: picture(
            "Client operations over time, by kind",
            &about,
            HEIGHT + Time::of(scene).story_line(),
            &body,
        ),
        legend: legend.collect(),
        about,
    })
}

/// Mail that waits, a line for each place where it does.
fn backlog(scene: Scene<'_>) -> Option<Plot> {
    const STYLES: [(&str, &str); 2] = [("one", "line one"), ("two", "line two dash")];
    let series = scene.series;
    let most_of = |values: &[u64]| values.iter().copied().max().unwrap_or(0);
    let waiting: Vec<_> = series.backlogs.iter().filter(|one| most_of(&one.most) > 0).zip(STYLES).collect();
    let most = waiting.iter().map(|(one, _)| most_of(&one.most)).max()?;
    let time = Time::of(scene);
    let field = Field::up_to(most, HEIGHT);
    let mut body = armed(series, time, field.foot()) + &field.grid();
    for (one, (_, line)) in &waiting {
        body += &steps(series, time, &one.most, field, line);
    }
    body += &axis(time, field.foot());
    body += &marks(scene.marks, time, field.foot());
    let about = format!(
        "Messages that were taken over and not yet handed on: the most at once, for each {}.",
        each(scene)
    );
    let words = |(one, (swatch, _)): &(&Backlog, (&'static str, &str))| {
        (*swatch, format!("{}: at most {}", one.name, grouped(most_of(&one.most))))
    };
    Some(Plot {
        title: "Mail that waits",
        svg: picture("Waiting mail over time", &about, HEIGHT + time.story_line(), &body),
        legend: waiting.iter().map(words).collect(),
        about,
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
        "From the start of each operation to its good end, logarithmic; median solid, 99th percentile dotted, over {} each. At most {}.",
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
        grouped(waiting),
        grouped(held)
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
        grouped(all),
        grouped(most),
        each(scene)
    );
    (most > 0).then(|| Plot {
        title: "Firings of faults",
        svg: picture("Firings of faults over time", &about, HEIGHT + Time::of(scene).story_line(), &body),
        about,
        legend: vec![("bad", "a fault struck a file-system call".to_owned())],
    })
}
