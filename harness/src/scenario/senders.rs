//! Who sends the mail of a scenario.

use super::sender_files;

use super::file::Workload;
use super::troubles::Troubles;
use record::plan::workload::SenderPlan;
use std::path::Path;

/// Every sender with its share. Their clocks are the story's, so without a story they would wait for hours.
pub(crate) fn senders(
    path: &Path,
    workload: &Workload,
    has_story: bool,
    found: &mut Troubles<'_>,
) -> Vec<SenderPlan> {
    let beside = path.parent().unwrap_or(Path::new(""));
    let mut plans = Vec::new();
    for (name, share) in &workload.senders {
        let field = format!("workload.senders.{name}");
        if !share.is_finite() || *share <= 0.0 {
            found.add(
                &field,
                format!("a share of {share}"),
                "write a number above 0; shares may have any sum",
            );
        }
        match sender_files::find(name, beside) {
            Ok(definition) => plans.push(SenderPlan { definition, share: *share }),
            Err(wrong) => found.add(&field, wrong.message, wrong.help),
        }
    }
    if !plans.is_empty() && !has_story {
        let help =
            "add [time] with a `scale`, such as 7200: senders try again after minutes and give up after days";
        found.add("workload.senders", "senders need a story's clock", help);
    }
    if !plans.is_empty() && workload.retries > 0 {
        let help = "remove `retries`: each sender tries again by its own schedule";
        found.add("workload.retries", "`retries` and `senders` contradict each other", help);
    }
    if !plans.is_empty() && workload.single.is_some() {
        let help = "remove `senders`, or `single`";
        found.add("workload.senders", "a single delivery is made by the harness itself", help);
    }
    plans
}
