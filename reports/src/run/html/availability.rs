//! Who was served when: a line for each cohort of users, and one for each class of clients.

use super::frame::{Field, Scene, Time, armed, axis, level, marks};
use super::plot::{HEIGHT, Plot};
use crate::kit::figures::{grouped, share};
use crate::kit::picture::picture;
use crate::run::model::ClientClass;
use crate::run::series::{Cohort, Series};
use std::fmt::Write as _;

/// Classes of swatches and lines, and what is said of them. Neighbours differ in more than their colour, so that each is
/// seen where it lies upon another, and without colours.
const DRAWN: [(&str, &str, &str); 5] = [
    ("one", "line one", ""),
    ("two", "line two high", " (dotted)"),
    ("three", "line three dash", " (dashed)"),
    ("four", "line four", ""),
    ("five", "line five high", " (dotted)"),
];

/// A line and its words in the legend.
struct Curve {
    path: String,
    words: String,
}

/// Classes of clients; `None` if no class was asked.
pub(super) fn clients(scene: Scene<'_>, clients: &[ClientClass]) -> Option<Plot> {
    let (time, field) = field(scene);
    let asked = clients.iter().filter(|class| !class.availability.is_empty());
    let curves =
        asked.map(|class| Curve { path: steps(&class.availability, time, field), words: class.name.clone() });
    shares(
        scene,
        "Clients that were served",
        "The share of the clients of each class that were served when they were last asked.",
        curves.collect(),
    )
}

/// Cohorts of users; `None` if nothing was asked for any.
pub(super) fn cohorts(scene: Scene<'_>) -> Option<Plot> {
    let (time, field) = field(scene);
    let asked = scene.series.cohorts.iter().filter_map(|cohort| {
        let served = cohort.served.iter().sum::<u64>();
        let all = served + cohort.not_served.iter().sum::<u64>();
        let words = || format!("{}: {} of {} operations", cohort.name, share(served, all), grouped(all));
        (all > 0).then(|| Curve { path: bins(cohort, scene.series, time, field), words: words() })
    });
    shares(
        scene,
        "Users that were served",
        "The share of the client operations that ended well, of those that ended in each stretch of time, by cohort of users. \
         An operation without any answer counts at the end.",
        asked.collect(),
    )
}

fn field(scene: Scene<'_>) -> (Time, Field) {
    (Time::of(scene), Field { height: HEIGHT, top: 1.0 })
}

/// A picture of shares; those beyond the styles of lines are only counted.
fn shares(scene: Scene<'_>, title: &'static str, about: &str, curves: Vec<Curve>) -> Option<Plot> {
    if curves.is_empty() {
        return None;
    }
    let (time, field) = field(scene);
    let about = about_with(about, curves.len().saturating_sub(DRAWN.len()));
    let mut body = armed(scene.series, time, field.foot());
    body.extend([0.0, 0.5, 1.0].map(|part| level(field.y(part), &format!("{:.0} %", part * 100.0))));
    let mut legend = Vec::new();
    for (Curve { path, words }, (swatch, line, how)) in curves.iter().zip(DRAWN) {
        let _ = write!(body, "<path class=\"{line}\" d=\"{path}\"/>");
        legend.push((swatch, format!("{words}{how}")));
    }
    body += &axis(time, field.foot());
    body += &marks(scene.marks, time, field.foot());
    let svg = picture(title, &about, HEIGHT + time.story_line(), &body);
    Some(Plot { title, about, legend, svg })
}

fn about_with(about: &str, more: usize) -> String {
    match more {
        0 => about.to_owned(),
        n => format!("{about} {} more are not drawn; the machine forms have them.", grouped(n as u64)),
    }
}

/// A line through the bins in which something ended, broken where nothing did.
fn bins(cohort: &Cohort, series: &Series, time: Time, field: Field) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    for (bin, (served, not)) in cohort.served.iter().zip(&cohort.not_served).enumerate() {
        let all = served + not;
        if all == 0 {
            pen = 'M';
            continue;
        }
        let ((left, width), y) = (time.bin(series, bin), field.y(*served as f64 / all as f64));
        let _ = write!(path, "{pen}{left:.1} {y:.1}L{:.1} {y:.1}", left + width);
        pen = 'L';
    }
    path
}

/// A line of steps, for a share holds until the next one; to the end of the run.
fn steps(availability: &[(f64, f64)], time: Time, field: Field) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    let ends = availability.iter().skip(1).map(|(at_s, _)| *at_s).chain([f64::MAX]);
    for ((from_s, part), to_s) in availability.iter().zip(ends) {
        let y = field.y(part.clamp(0.0, 1.0));
        let _ = write!(path, "{pen}{:.1} {y:.1}L{:.1} {y:.1}", time.x(*from_s), time.x(to_s));
        pen = 'L';
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::figures::Clock;
    use crate::run::samples;
    use crate::run::series::Series;

    fn plot(classes: &[ClientClass]) -> Option<Plot> {
        let series = Series { from_s: 0.0, step_s: 1.0, bins: 10, ..Series::default() };
        clients(Scene { series: &series, marks: &[], phases: &[], clock: Clock::default() }, classes)
    }

    fn class(name: &str, availability: &[(f64, f64)]) -> ClientClass {
        let availability = availability.to_vec();
        ClientClass { name: name.into(), availability, ..samples::story().clients.remove(0) }
    }

    #[test]
    fn a_share_holds_until_the_next_and_the_last_to_the_end() {
        let plot = plot(&[class("webmail", &[(0.0, 1.0), (5.0, 0.0), (7.5, 0.5)])]).expect("a picture");
        assert!(
            plot.svg.contains("d=\"M88.0 10.0L518.0 10.0L518.0 166.0L733.0 166.0L733.0 88.0L948.0 88.0\""),
            "{}",
            plot.svg
        );
    }

    #[test]
    fn classes_never_asked_have_no_line_and_many_are_counted() {
        assert!(plot(&[class("webmail", &[])]).is_none());
        let many: Vec<ClientClass> = (0..7).map(|n| class(&format!("c{n}"), &[(0.0, 1.0)])).collect();
        let plot = plot(&many).expect("a picture");
        assert_eq!((plot.svg.matches("<path").count(), plot.legend.len()), (5, 5));
        assert!(plot.about.ends_with("2 more are not drawn; the machine forms have them."), "{}", plot.about);
    }

    #[test]
    fn shares_beyond_reason_stay_in_the_field() {
        let plot = plot(&[class("webmail", &[(-5.0, 7.0), (1e300, -1.0)])]).expect("a picture");
        assert!(plot.svg.contains("d=\"M88.0 10.0L948.0 10.0L948.0 166.0L948.0 166.0\""), "{}", plot.svg);
    }

    #[test]
    fn a_cohort_has_its_share_of_each_bin_and_no_line_where_nothing_ended() {
        let cohort = |name: &str, served: &[u64], not_served: &[u64]| Cohort {
            name: name.into(),
            served: served.to_vec(),
            not_served: not_served.to_vec(),
        };
        let all = vec![cohort("old", &[4, 0, 1], &[0, 0, 3]), cohort("idle", &[0; 3], &[0; 3])];
        let series = Series { step_s: 1.0, bins: 3, cohorts: all, ..Series::default() };
        let scene = Scene { series: &series, marks: &[], phases: &[], clock: Clock::default() };
        let plot = cohorts(scene).expect("a picture");
        assert_eq!(plot.legend, [("one", "old: 62.5 % of 8 operations".to_owned())]);
        let line = "d=\"M88.0 10.0L374.1 10.0M661.3 127.0L947.4 127.0\"";
        assert!(plot.svg.contains(line), "{}", plot.svg);
        assert!(cohorts(Scene { series: &Series::default(), ..scene }).is_none());
    }
}
