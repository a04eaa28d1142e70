//! What a user sees for each mistake, and what the shipped files promise.

pub(super) mod cohorts;
pub(super) mod contradictions;
pub(super) mod devices;
pub(super) mod doors;
pub(super) mod external;
pub(super) mod migrations;
pub(super) mod plans;
pub(super) mod power_cuts;
pub(super) mod senders;
pub(super) mod shipped;
pub(super) mod spelling;
pub(super) mod statements;
pub(super) mod stories;
pub(super) mod targets;
pub(super) mod variants;
pub(super) mod volumes;

use super::*;
use miette::{GraphicalReportHandler, GraphicalTheme};
use record::plan::Plan;

const GOOD: &str = r#"
name = "t"
why  = "test"
[workload]
duration = "5s"
[[fault]]
name = "f"
where = { op = "fsync" }
effect.errno = { code = "EIO" }
"#;

fn shown(text: &str) -> String {
    shown_with(text, &Overrides::default())
}

fn shown_with(text: &str, overrides: &Overrides) -> String {
    let errors = plan(Path::new("t.toml"), text, overrides).expect_err("the text has a mistake");
    let mut out = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(110);
    handler.render_report(&mut out, &errors).expect("a String can be written");
    out.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn messages(text: &str) -> Vec<String> {
    let errors = plan(Path::new("t.toml"), text, &Overrides::default()).expect_err("the text has a mistake");
    errors.troubles().map(|trouble| trouble.message.clone()).collect()
}
pub(super) mod windows;
