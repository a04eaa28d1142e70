//! What all pictures over time share: the scales, the axes, and where faults were armed.
//!
//! A picture is an SVG of [`WIDTH`] units that the page scales; its colours are classes of the page's style sheet, so that it
//! is dark where the page is. Text in it is escaped here and nowhere else.

use crate::kit::escape::escaped;
use crate::kit::picture::WIDTH;

use crate::kit::figures::{Clock, Timed, round_up, seconds, story_mark};
use crate::run::series::Series;
use std::fmt::Write as _;

pub(super) const LEFT: f64 = 88.0;
const RIGHT: f64 = 12.0;
const BOTTOM: f64 = 24.0;
const STORY_LINE: f64 = 17.0;
/// Also where a scale from a file is beyond reason.
const MOST_TICKS: usize = 32;
pub(super) const TOP: f64 = 10.0;

/// What every picture of a run shares.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) series: &'a Series,
    pub(super) marks: &'a [Mark],
    pub(super) phases: &'a [Mark],
    pub(super) clock: Clock,
}

/// Seconds of the run to units of the picture.
#[derive(Clone, Copy)]
pub(super) struct Time {
    from_s: f64,
    to_s: f64,
    clock: Clock,
}

impl Time {
    pub(super) fn of(Scene { series, clock, .. }: Scene<'_>) -> Time {
        let length = series.step_s * series.bins.max(1) as f64;
        Time { from_s: series.from_s, to_s: series.from_s + length, clock }
    }

    /// Height of the story's line of the axis.
    pub(super) fn story_line(self) -> f64 {
        if self.clock.tells_story() { STORY_LINE } else { 0.0 }
    }

    pub(super) fn end_s(self) -> f64 {
        self.to_s
    }

    pub(super) fn moment(self, at_s: f64) -> Timed {
        self.clock.round_moment(at_s)
    }

    /// Outside of the run is its nearest end.
    pub(super) fn x(self, at_s: f64) -> f64 {
        let part = ((at_s - self.from_s) / (self.to_s - self.from_s)).clamp(0.0, 1.0);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    /// Left edge and width of a bin, with a gap to the next one.
    pub(super) fn bin(self, series: &Series, bin: usize) -> (f64, f64) {
        let from_s = series.from_s + bin as f64 * series.step_s;
        let (left, right) = (self.x(from_s), self.x(from_s + series.step_s));
        (left, (right - left - 0.6).max(0.4))
    }

    fn ticks(self) -> Vec<f64> {
        let step = round_up((self.to_s - self.from_s) / 12.0);
        let first = (self.from_s / step).ceil() as i64;
        let last = (self.to_s / step).floor() as i64;
        (first..=last).map(|n| n as f64 * step).collect()
    }

    /// Round times of the story, from the start of the traffic on: seconds of the run and of the story.
    fn story_ticks(self) -> Vec<(f64, f64)> {
        let (Some(length), Some(second)) = (self.clock.story(self.to_s - self.from_s), self.clock.story(1.0))
        else {
            return Vec::new();
        };
        let step = calendar_step(length / 12.0);
        let first = (self.from_s.max(0.0) * second / step).ceil() as i64;
        let last = (self.to_s * second / step).floor() as i64;
        let ticks = (first..=last).take(MOST_TICKS).map(|n| n as f64 * step);
        ticks.map(|story_s| (story_s / second, story_s)).collect()
    }
}

/// The next length of time that a calendar divides by and that is no less: minutes, hours, days.
fn calendar_step(least_s: f64) -> f64 {
    const DAY: f64 = 86_400.0;
    let minutes = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0, 360.0, 720.0];
    let step = minutes.into_iter().map(|minutes| minutes * 60.0).find(|step| *step >= least_s);
    step.unwrap_or_else(|| DAY * round_up((least_s / DAY).max(1.0)))
}

/// The field of a picture with an axis of counts: from 0 at its foot to a round number.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) height: f64,
    pub(super) top: f64,
}

impl Field {
    /// So high that `most` fits.
    pub(super) fn up_to(most: u64, height: f64) -> Field {
        Field { height, top: round_up(most.max(1) as f64) }
    }

    pub(super) fn foot(self) -> f64 {
        self.height - BOTTOM
    }

    pub(super) fn y(self, value: f64) -> f64 {
        self.foot() - value / self.top * (self.foot() - TOP)
    }

    /// Lines across, with their values.
    pub(super) fn grid(self) -> String {
        let values = if self.top >= 2.0 { vec![0.0, self.top / 2.0, self.top] } else { vec![0.0, self.top] };
        values.into_iter().map(|value| level(self.y(value), &crate::kit::figures::number(value))).collect()
    }
}

/// A line across the field with its label.
pub(super) fn level(y: f64, label: &str) -> String {
    format!(
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        WIDTH - RIGHT,
        LEFT - 6.0,
        y + 4.0,
        escaped(label)
    )
}

/// The axis of time at the foot, with a second line if there is a second clock.
pub(super) fn axis(time: Time, foot: f64) -> String {
    let run = time.ticks().into_iter().map(|at_s| {
        let x = time.x(at_s);
        tick(x, x, foot, &seconds(at_s))
    });
    run.chain(std::iter::once(story_axis(time, foot + STORY_LINE))).collect()
}

fn story_axis(time: Time, foot: f64) -> String {
    /// Half of a label: the last one stays within the picture.
    const ROOM: f64 = 18.0;
    let ticks = time.story_ticks();
    if ticks.is_empty() {
        return String::new();
    }
    let names = [("run", foot - STORY_LINE), ("story", foot)].map(|(name, foot)| axis_name(name, foot));
    let ticks = ticks.into_iter().map(|(at_s, story_s)| {
        let x = time.x(at_s);
        tick(x, x.min(WIDTH - ROOM), foot, &story_mark(story_s))
    });
    names.into_iter().chain(ticks).collect()
}

/// A tick at `x`, its words centred at `words_x`.
fn tick(x: f64, words_x: f64, foot: f64, words: &str) -> String {
    format!(
        "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{foot:.1}\" y2=\"{:.1}\"/>\
         <text class=\"tick\" text-anchor=\"middle\" x=\"{words_x:.1}\" y=\"{:.1}\">{words}</text>",
        foot + 4.0,
        foot + 17.0
    )
}

fn axis_name(name: &str, foot: f64) -> String {
    format!(
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
        LEFT - 26.0,
        foot + 17.0
    )
}

/// Where a fault was armed. What overlaps is shaded once, so that the shade stays one colour.
pub(super) fn armed(series: &Series, time: Time, foot: f64) -> String {
    let mut out = String::new();
    for (from_s, to_s) in merged(series) {
        let (left, right) = (time.x(from_s), time.x(to_s));
        let _ = write!(
            out,
            "<rect class=\"armed\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            (right - left).max(1.0),
            foot - TOP
        );
    }
    out
}

fn merged(series: &Series) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> =
        series.armed.iter().map(|stretch| (stretch.from_s, stretch.to_s)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (from, to) in all {
        match merged.last_mut().filter(|last| from <= last.1) {
            Some(last) => last.1 = last.1.max(to),
            None => merged.push((from, to)),
        }
    }
    merged
}

/// A moment that matters in every picture, or the beginning of a phase.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) at_s: f64,
    pub(super) what: String,
}

/// A thin line for each mark.
pub(super) fn marks(marks: &[Mark], time: Time, foot: f64) -> String {
    let mut out = String::new();
    for Mark { at_s, what } in marks {
        let x = time.x(*at_s);
        let _ = write!(
            out,
            "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{foot:.1}\"><title>{}: {}</title></line>",
            time.moment(*at_s),
            escaped(what)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::series::Stretch;

    #[test]
    fn stretches_that_overlap_are_one() {
        let stretch = |from_s, to_s| Stretch { name: String::new(), from_s, to_s };
        let armed = vec![stretch(5.0, 6.0), stretch(1.0, 3.0), stretch(2.0, 4.0)];
        assert_eq!(merged(&Series { armed, ..Series::default() }), [(1.0, 4.0), (5.0, 6.0)]);
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("<a b='c'>&\""), "&#60;a b=&#39;c&#39;&#62;&#38;&#34;");
    }

    fn time(from_s: f64, to_s: f64, scale: f64) -> Time {
        Time { from_s, to_s, clock: Clock { scale: Some(scale) } }
    }

    #[test]
    fn a_story_has_round_times_on_its_own_line() {
        let labels = |time: Time| {
            time.story_ticks().iter().map(|(_, story_s)| story_mark(*story_s)).collect::<Vec<_>>()
        };
        assert_eq!(
            labels(time(-1.0, 20.0, 7_200.0)),
            ["day 1", "06:00", "12:00", "18:00", "day 2", "06:00", "12:00"]
        );
        assert_eq!(labels(time(0.0, 1.0, 300.0)), ["day 1", "00:01", "00:02", "00:03", "00:04", "00:05"]);
        assert_eq!(time(0.0, 20.0, 7_200.0).story_ticks().get(1), Some(&(3.0, 21_600.0)));
    }

    #[test]
    fn a_scale_beyond_reason_has_few_times() {
        for time in [time(0.0, 1e9, 1e300), time(1e18, 1e18 + 1.0, 1e9), time(0.0, 1.0, 1e-300)] {
            assert!(time.story_ticks().len() <= MOST_TICKS);
        }
    }
}
