//! A row for the phases of the run, and one for each service and each fault: what it was when.

use super::frame::{LEFT, Mark, Scene, TOP, Time, axis, marks};
use super::plot::Plot;
use crate::kit::escape::escaped;
use crate::kit::picture::picture;

const ROW: f64 = 22.0;
/// More faults than these are in the table of faults only.
const MOST_FAULTS: usize = 8;

/// The picture; `None` if there is neither.
pub(super) fn of(scene: Scene<'_>) -> Option<Plot> {
    let series = scene.series;
    let mut names: Vec<&str> = Vec::new();
    series.armed.iter().for_each(|s| _ = (!names.contains(&s.name.as_str())).then(|| names.push(&s.name)));
    let more = names.len().saturating_sub(MOST_FAULTS);
    names.truncate(MOST_FAULTS);
    let first = usize::from(!scene.phases.is_empty());
    let rows = first + series.services.len() + names.len();
    if rows == 0 {
        return None;
    }
    let (time, foot) = (Time::of(scene), TOP + ROW * rows as f64);
    let mut body = phases(scene, time);
    for (row, service) in series.services.iter().enumerate().map(|(n, service)| (n + first, service)) {
        body += &label(row, &service.name);
        let found = service.found.iter().map(|found| {
            let (class, words) = if found.up { ("good", "greets") } else { ("bad", "does not greet") };
            stretch(row, time, (found.from_s, found.to_s), class, words)
        });
        body.extend(found);
    }
    for (row, name) in names.iter().enumerate().map(|(n, name)| (n + first + series.services.len(), *name)) {
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
        title: "Phases, services and faults",
        svg: picture(
            "Phases, services and faults over time",
            &about,
            foot + ROW + 2.0 + time.story_line(),
            &body,
        ),
        about,
        legend: vec![
            ("good", "the service greets".to_owned()),
            ("bad", "it does not".to_owned()),
            ("refused", "the fault is armed".to_owned()),
        ],
    })
}

/// The first row. A phase lasts until the next one begins; its name stands in it where there is room.
fn phases(scene: Scene<'_>, time: Time) -> String {
    const LETTER: f64 = 6.5;
    if scene.phases.is_empty() {
        return String::new();
    }
    let mut out = label(0, "phase");
    let ends = scene.phases.iter().skip(1).map(|next| next.at_s).chain([time.end_s()]);
    for (n, (Mark { at_s, what }, to_s)) in scene.phases.iter().zip(ends).enumerate() {
        let class = if n % 2 == 0 { "phase" } else { "phase other" };
        out += &stretch(0, time, (*at_s, to_s), class, what);
        let (left, right) = (time.x(*at_s), time.x(to_s));
        if what.chars().count() as f64 * LETTER < right - left {
            out += &format!(
                "<text text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                f64::midpoint(left, right),
                TOP + 14.0,
                escaped(what)
            );
        }
    }
    out
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
