//! Figures of both sides as one picture: how many times the baseline each is, on a logarithmic scale, with its interval, the
//! range of the baseline and the limit. Drawn are figures whose change is a number of times: latencies, throughput, recovery.

use super::limits::Allowed;
use super::model::{ChangeUnit, Judgement, Row};
use super::phrases::name;
use crate::kit::escape::escaped;
use crate::kit::picture::{WIDTH, picture};
use std::fmt::Write as _;

const LEFT: f64 = 190.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 8.0;
const LANE: f64 = 30.0;
const FOOT: f64 = 26.0;
/// The scale never goes beyond, whatever was measured.
const MOST: f64 = 1024.0;

/// The picture; `None` without anything to draw.
pub(super) fn of(rows: &[Row]) -> Option<String> {
    let drawn: Vec<Drawn<'_>> = rows.iter().filter_map(Drawn::of).collect();
    let reach = drawn.iter().flat_map(Drawn::ends).map(|ratio| ratio.max(1.0 / ratio)).fold(2.0, f64::max);
    let scale = Scale { powers: reach.min(MOST).log2().ceil() };
    let foot = TOP + LANE * drawn.len() as f64;
    let mut body = scale.grid(foot);
    drawn.iter().enumerate().for_each(|(n, one)| one.draw(TOP + LANE * n as f64, scale, &mut body));
    (!drawn.is_empty()).then(|| {
        picture(
            "Candidate against baseline",
            &format!(
                "{} figures, as multiples of the baseline's median; the table has them in numbers",
                drawn.len()
            ),
            foot + FOOT,
            &body,
        )
    })
}

/// From `2^-powers` to `2^powers`, 1 in the middle.
#[derive(Clone, Copy)]
struct Scale {
    powers: f64,
}

impl Scale {
    /// What is beyond is at the edge.
    fn x(self, ratio: f64) -> f64 {
        let part = (ratio.max(1.0 / MOST).log2() / self.powers).clamp(-1.0, 1.0);
        LEFT + (part + 1.0) / 2.0 * (WIDTH - LEFT - RIGHT)
    }

    fn grid(self, foot: f64) -> String {
        let mut out = String::new();
        let powers = self.powers as i32;
        for power in (-powers..=powers).step_by((powers as usize / 4).max(1)) {
            let (ratio, class) = (2_f64.powi(power), if power == 0 { "middle" } else { "grid" });
            let x = self.x(ratio);
            let words = if power < 0 { format!("1/{}", 2_f64.powi(-power)) } else { ratio.to_string() };
            let _ = write!(
                out,
                "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{foot:.1}\"/>\
                 <text class=\"tick\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{words} x</text>",
                foot + 17.0
            );
        }
        out
    }
}

/// A figure that is drawn, in multiples of the baseline.
struct Drawn<'a> {
    row: &'a Row,
    baseline: [f64; 2],
    /// The interval; an end that is not known lies where the scale ends.
    interval: Option<[f64; 2]>,
    ratio: f64,
    limit: Option<f64>,
}

impl<'a> Drawn<'a> {
    fn of(row: &'a Row) -> Option<Drawn<'a>> {
        let change = row.change.filter(|change| change.unit == ChangeUnit::Times)?;
        let (baseline, ratio) = (row.baseline?, change.middle?);
        let by = baseline.median;
        let known = change.least.is_some() || change.most.is_some();
        let interval = known.then(|| [change.least.unwrap_or(0.0), change.most.unwrap_or(MOST)]);
        let limit = match row.limit {
            Some(Allowed::AtMostTimes(factor)) => Some(factor),
            Some(Allowed::AtLeastOneIn(factor)) => Some(1.0 / factor),
            Some(Allowed::NotLowerBy(_) | Allowed::NoMore | Allowed::None) | None => None,
        };
        let drawn =
            Drawn { row, baseline: [baseline.least / by, baseline.most / by], interval, ratio, limit };
        (by > 0.0 && ratio > 0.0).then_some(drawn)
    }

    /// Everything that must lie on the scale.
    fn ends(&self) -> impl Iterator<Item = f64> {
        let interval = self.interval.into_iter().flatten();
        let all = self.baseline.into_iter().chain(interval).chain([self.ratio]).chain(self.limit);
        all.filter(|ratio| ratio.is_finite() && *ratio > 0.0)
    }

    fn draw(&self, top: f64, scale: Scale, out: &mut String) {
        let class = match self.row.judgement {
            Judgement::Within | Judgement::WithinNoise => "good",
            Judgement::Beyond => "bad",
            Judgement::CannotTell => "refused",
            Judgement::NotJudged => "plain",
        };
        let _ = write!(
            out,
            "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 10.0,
            top + 18.0,
            escaped(&name(self.row))
        );
        bar(self.baseline, top + 6.0, "baseline", scale, out);
        if let Some(interval) = self.interval {
            bar(interval, top + 15.0, class, scale, out);
        }
        let (x, y) = (scale.x(self.ratio), top + 18.5);
        let _ = write!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
        if let Some(limit) = self.limit {
            let x = scale.x(limit);
            let _ = write!(
                out,
                "<line class=\"limit\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                top + 3.0,
                top + 27.0
            );
        }
    }
}

/// A range; also visible where it is none.
fn bar([least, most]: [f64; 2], top: f64, class: &str, scale: Scale, out: &mut String) {
    let (left, right) = (scale.x(least), scale.x(most));
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"7\"/>",
        left - 1.0,
        right - left + 2.0
    );
}

#[cfg(test)]
mod tests {
    use crate::comparison::samples;

    use super::*;

    #[test]
    fn figures_stand_where_their_ratios_are() {
        let comparison = samples::beyond();
        let svg = of(&comparison.rows).expect("a picture");
        let scale = Scale { powers: 3.0 };
        assert!(svg.contains(&format!("cx=\"{:.1}\"", scale.x(3.027))), "{svg}");
        assert_eq!(svg.matches("<circle class=\"bad\"").count(), 2);
        assert_eq!(svg.matches("class=\"limit\"").count(), 4);
        assert!((scale.x(1.0) - (LEFT + WIDTH - RIGHT) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_beyond_reason_stays_in_the_picture_and_nothing_is_drawn_of_nothing() {
        let mut rows = samples::beyond().rows;
        rows.iter_mut()
            .filter_map(|row| row.change.as_mut())
            .for_each(|change| change.middle = Some(f64::MAX));
        let svg = of(&rows).expect("a picture");
        assert!(!svg.contains("inf") && !svg.contains("NaN"), "{svg}");
        assert_eq!(of(&[]), None);
    }
}
