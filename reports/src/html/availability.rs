//! Who was served when: a line for each class of clients.

use super::frame::{Field, Scene, Time, armed, axis, level, marks, picture};
use super::plots::{HEIGHT, Plot};
use crate::figures::count;
use crate::model::ClientClass;
use std::fmt::Write as _;

/// Classes of swatches and lines, and what is said of them. The second is dotted, so that it is seen where it lies upon the first.
const DRAWN: [(&str, &str, &str); 3] =
    [("one", "line one", ""), ("two", "line two high", " (dotted)"), ("three", "line three", "")];

/// The picture; `None` if no class was asked.
pub(super) fn of(scene: Scene<'_>, clients: &[ClientClass]) -> Option<Plot> {
    let asked: Vec<&ClientClass> = clients.iter().filter(|class| !class.availability.is_empty()).collect();
    if asked.is_empty() {
        return None;
    }
    let (time, field) = (Time::of(scene), Field { height: HEIGHT, top: 1.0 });
    let mut body = armed(scene.series, time, field.foot());
    body.extend([0.0, 0.5, 1.0].map(|part| level(field.y(part), &format!("{:.0} %", part * 100.0))));
    body.extend(asked.iter().zip(DRAWN).map(|(class, (_, line, _))| curve(class, line, time, field)));
    body += &axis(time, field.foot());
    body += &marks(scene.marks, time, field.foot());
    let about = about(asked.len().saturating_sub(DRAWN.len()));
    Some(Plot {
        title: "Clients that were served",
        svg: picture(
            "Share of clients served over time, by class",
            &about,
            HEIGHT + time.story_line(),
            &body,
        ),
        about,
        legend: asked
            .iter()
            .zip(DRAWN)
            .map(|(class, (swatch, _, how))| (swatch, format!("{}{how}", class.name)))
            .collect(),
    })
}

fn about(more: usize) -> String {
    let about = "The share of the clients of each class that were served when they were last asked.";
    match more {
        0 => about.to_owned(),
        n => format!("{about} {} more classes are in the table only.", count(n as u64)),
    }
}

/// A line of steps, for a share holds until the next one; to the end of the run.
fn curve(class: &ClientClass, line: &str, time: Time, field: Field) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    let ends = class.availability.iter().skip(1).map(|(at_s, _)| *at_s).chain([f64::MAX]);
    for ((from_s, part), to_s) in class.availability.iter().zip(ends) {
        let y = field.y(part.clamp(0.0, 1.0));
        let _ = write!(path, "{pen}{:.1} {y:.1}L{:.1} {y:.1}", time.x(*from_s), time.x(to_s));
        pen = 'L';
    }
    format!("<path class=\"{line}\" d=\"{path}\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Clock;
    use crate::samples;
    use crate::series::Series;

    fn plot(clients: &[ClientClass]) -> Option<Plot> {
        let series = Series { from_s: 0.0, step_s: 1.0, bins: 10, ..Series::default() };
        of(Scene { series: &series, marks: &[], clock: Clock::default() }, clients)
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
        let many: Vec<ClientClass> = (0..5).map(|n| class(&format!("c{n}"), &[(0.0, 1.0)])).collect();
        let plot = plot(&many).expect("a picture");
        assert_eq!((plot.svg.matches("<path").count(), plot.legend.len()), (3, 3));
        assert!(plot.about.ends_with("2 more classes are in the table only."), "{}", plot.about);
    }

    #[test]
    fn shares_beyond_reason_stay_in_the_field() {
        let plot = plot(&[class("webmail", &[(-5.0, 7.0), (1e300, -1.0)])]).expect("a picture");
        assert!(plot.svg.contains("d=\"M88.0 10.0L948.0 10.0L948.0 166.0L948.0 166.0\""), "{}", plot.svg);
    }
}
