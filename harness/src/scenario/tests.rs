//! What a user sees for each mistake, and what the shipped files promise.

mod cohorts;
mod contradictions;
mod doors;
mod migrations;
mod plans;
mod power_cuts;
mod senders;
mod shipped;
mod spelling;
mod statements;
mod stories;
mod targets;
mod variants;
mod volumes;
mod windows;

use super::*;
use crate::plan::Plan;
use miette::{GraphicalReportHandler, GraphicalTheme};

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
