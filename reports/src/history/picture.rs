//! The nights as one picture: a lane for each cell, in it a field for each night with how many of its runs violated something, and
//! beneath it a bar for the latency of deliveries, as high as the lane's slowest night.

use super::model::{History, Point, Row};
use crate::kit::escape::escaped;
use crate::kit::figures::latency;
use crate::kit::picture::{WIDTH, picture};
use crate::kit::verdict::Verdict;
use std::fmt::Write as _;

const LEFT: f64 = 300.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 8.0;
const FIELD: f64 = 18.0;
const BAR: f64 = 26.0;
const LANE: f64 = 60.0;
const FOOT: f64 = 24.0;
/// No field is wider, however few nights there are.
const WIDEST: f64 = 90.0;
/// A field narrower than this has no words in it.
const ROOM: f64 = 26.0;
/// So many characters of a name stand beside a lane, and beneath a night.
const NAME: usize = 46;
const NIGHT: usize = 14;

/// The picture; `None` without anything to draw.
pub(super) fn of(history: &History) -> Option<String> {
    let width = ((WIDTH - LEFT - RIGHT) / history.nights.len().max(1) as f64).min(WIDEST);
    let foot = TOP + LANE * history.rows.len() as f64;
    let mut body = String::new();
    for (n, row) in history.rows.iter().enumerate() {
        lane(row, TOP + LANE * n as f64, width, &mut body);
    }
    names(history, foot, width, &mut body);
    let words = format!(
        "{} cells over {} nights; the tables have them in numbers",
        history.rows.len(),
        history.nights.len()
    );
    let any = history.rows.iter().any(|row| !row.points.is_empty());
    any.then(|| picture("Results and latencies over the nights", &words, foot + FOOT, &body))
}

fn lane(row: &Row, top: f64, width: f64, out: &mut String) {
    let slowest = row.points.iter().filter_map(|point| point.p99_s).fold(0.0, f64::max);
    let _ = write!(
        out,
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        LEFT - 10.0,
        top + 13.0,
        escaped(&shortened(&row.cell, NAME))
    );
    if slowest > 0.0 {
        let _ = write!(
            out,
            "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">p99 up to {}</text>",
            LEFT - 10.0,
            top + FIELD + 20.0,
            escaped(&latency(slowest))
        );
    }
    row.points.iter().for_each(|point| field(point, top, width, slowest, out));
}

fn field(point: &Point, top: f64, width: f64, slowest: f64, out: &mut String) {
    let (left, wide) = (LEFT + point.night as f64 * width, (width - 2.0).max(1.0));
    let class = match point.verdict {
        Verdict::Valid => "good",
        Verdict::Unknown => "refused",
        Verdict::Invalid => "bad",
    };
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{FIELD}\"/>"
    );
    if point.verdict != Verdict::Valid && width >= ROOM {
        let shown = if point.verdict == Verdict::Invalid { point.invalid } else { point.unknown };
        let _ = write!(
            out,
            "<text class=\"number inside\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{shown}/{}</text>",
            left + wide / 2.0,
            top + 13.0,
            point.runs
        );
    }
    let height =
        point.p99_s.filter(|_| slowest > 0.0).map_or(0.0, |p99| (p99 / slowest).clamp(0.0, 1.0) * BAR);
    if height > 0.0 {
        let y = top + FIELD + 2.0 + BAR - height;
        let _ = write!(
            out,
            "<rect class=\"one\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{height:.1}\"/>"
        );
    }
}

/// The nights at the foot, as many as there is room for.
fn names(history: &History, foot: f64, width: f64, out: &mut String) {
    let every = (WIDEST / width).ceil().max(1.0) as usize;
    for (n, night) in history.nights.iter().enumerate().step_by(every) {
        let _ = write!(
            out,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + n as f64 * width,
            foot + 14.0,
            escaped(&shortened(&night.name, NIGHT))
        );
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples;

    #[test]
    fn every_point_has_its_field_and_what_is_beyond_reason_stays_in_the_picture() {
        let mut history = samples::history();
        let svg = of(&history).expect("a picture");
        let points: usize = history.rows.iter().map(|row| row.points.len()).sum();
        let fields =
            ["good", "bad", "refused"].map(|class| svg.matches(&format!("<rect class=\"{class}\"")).count());
        assert_eq!(fields.iter().sum::<usize>(), points);
        history.rows[0].points[0].p99_s = Some(f64::MAX);
        let svg = of(&history).expect("a picture");
        assert!(!svg.contains("inf") && !svg.contains("NaN"), "{svg}");
        history.rows.clear();
        assert_eq!(of(&history), None);
    }
}
