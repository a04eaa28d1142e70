//! What is wrong with a rule that its types could not exclude. Everything is found at once.

use super::matcher;
use super::trigger;

#[cfg(test)]
mod tests;

use super::effects::Effect;
use super::matcher::OPEN_FLAGS;
use super::opset::OpSet;
use super::problem::{Problem, Problems};
use super::rule::{Counter, Rule, Selector, Threshold, Trigger};
use crate::call::Op;
use crate::nearest::nearest;

impl Rule {
    /// Everything wrong with this rule; empty if it can run.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Problems::default();
        if self.name.trim().is_empty() {
            found.add("name", "the name is empty", "name the rule: reports and commands use it");
        }
        ops(&self.selector, &self.effect, &mut found);
        selector(&self.selector, &mut found);
        when(&self.trigger, &mut found);
        rate(&self.trigger, &self.effect, &mut found);
        for_good(self, &mut found);
        self.effect.problems(&mut found);
        found.into_problems()
    }
}

fn names(ops: OpSet) -> String {
    ops.iter().map(|op| op.to_string()).collect::<Vec<_>>().join(", ")
}

fn ops(selector: &Selector, effect: &Effect, found: &mut Problems) {
    let possible = effect.ops();
    for op in &selector.op {
        if op.ops().and(possible).is_empty() {
            let help = format!("it strikes {}", names(possible));
            found.add("where.op", format!("`{}` cannot strike `{}`", effect.name(), String::from(*op)), help);
        }
    }
    let struck = selector.ops().and(possible);
    let bytes = OpSet::of(&[Op::Read, Op::Write, Op::Fallocate, Op::CopyFileRange]);
    for (field, given) in
        [("where.range", selector.range.is_some()), ("where.length", selector.length.is_some())]
    {
        if given && struck.and(bytes).is_empty() && !struck.is_empty() {
            found.add(
                field,
                "none of the selected operations moves bytes",
                format!("select one of {}", names(bytes)),
            );
        }
    }
}

fn selector(selector: &Selector, found: &mut Problems) {
    let globs = [("path", &selector.path), ("not-path", &selector.not_path), ("command", &selector.command)];
    for (field, pattern) in globs.into_iter().flat_map(|(f, list)| list.iter().map(move |p| (f, p))) {
        if let Err(error) = matcher::glob(pattern) {
            let help = "write a glob such as `**/tmp/**`; quote special characters as `[*]`";
            found.add(format!("where.{field}"), format!("`{pattern}` is no glob: {}", error.kind()), help);
        }
        if field != "command" && pattern.starts_with('/') {
            found.add(
                format!("where.{field}"),
                format!("`{pattern}` starts with a slash and matches nothing"),
                "paths are relative to the storage's root",
            );
        }
    }
    open_flags(selector, found);
    ranges(selector, found);
    if let Some(share) = selector.share {
        if !(share.fraction > 0.0 && share.fraction <= 1.0) {
            found.add(
                "where.share.fraction",
                format!("{} is not above 0 and at most 1", share.fraction),
                "write a number such as 0.1",
            );
        }
        if share.depth == 0 {
            found.add("where.share.depth", "0 components name no mailbox", "write 1 or more");
        }
    }
}

fn open_flags(selector: &Selector, found: &mut Problems) {
    for name in &selector.open_flags {
        if OPEN_FLAGS.iter().any(|(known, _)| known == name) {
            continue;
        }
        let help = match nearest(name, OPEN_FLAGS.iter().map(|(known, _)| *known)) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("known are {}", OPEN_FLAGS.map(|(known, _)| known).join(", ")),
        };
        found.add("where.open-flags", format!("`{name}` is not a flag of open(2)"), help);
    }
}

fn ranges(selector: &Selector, found: &mut Problems) {
    if let Some(range) = selector.range
        && range.to.is_some_and(|to| to <= range.from)
    {
        found.add("where.range", "the range is empty", "`to` is the first byte after the range");
    }
    for (field, range) in [("length", selector.length), ("size", selector.size)] {
        if let Some(range) = range
            && range.max.is_some_and(|max| max < range.min)
        {
            found.add(
                format!("where.{field}"),
                format!("min, {}, is more than max", range.min),
                "exchange them",
            );
        }
    }
}

fn when(trigger: &Trigger, found: &mut Problems) {
    for (field, n) in [("nth", trigger.nth), ("every", trigger.every), ("limit", trigger.limit)] {
        if n == Some(0) {
            found.add(format!("when.{field}"), "0 would never strike", "count from 1");
        }
    }
    if let Some(p) = trigger.probability
        && !(0.0..=1.0).contains(&p)
    {
        found.add("when.probability", format!("{p} is not between 0 and 1"), "write a number such as 0.01");
    }
    if let Some(word) = &trigger.sequence
        && let Err(bad) = trigger::Sequence::parse(word)
    {
        found.add(
            "when.sequence",
            bad.to_string(),
            "write `w` and `x`, the last letter in capitals, such as `wxxW`",
        );
    }
    if trigger.window.is_some_and(|window| window.0.is_zero()) {
        found.add("when.for", "a window of no time would never strike", "leave it out or write a duration");
    }
    exclusive(trigger, found);
    counter(trigger, found);
}

fn rate(trigger: &Trigger, effect: &Effect, found: &mut Problems) {
    if let (Some(rate), None) = (trigger.rate, effect.rates()) {
        let message = format!("`{}` has no {rate} rate: nobody counted it", effect.name());
        found.add("when.rate", message, "write probability = 0.001, or every = 1000");
    }
}

fn for_good(rule: &Rule, found: &mut Problems) {
    if rule.for_good && rule.trigger.window.is_some() {
        found.add(
            "for-good",
            "a window ends, and what is for good does not",
            "remove `when.for`, or `for-good`",
        );
    }
    if rule.for_good && matches!(rule.effect, Effect::PowerCut(_)) {
        found.add("for-good", "the power comes back after a cut", "remove `for-good`");
    }
}

fn exclusive(trigger: &Trigger, found: &mut Problems) {
    let given = [
        ("nth", trigger.nth.is_some()),
        ("every", trigger.every.is_some()),
        ("probability", trigger.probability.is_some()),
        ("rate", trigger.rate.is_some()),
        ("sequence", trigger.sequence.is_some()),
    ];
    let names: Vec<_> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if names.len() > 1 {
        let help = "keep one, or write two rules";
        found.add(format!("when.{}", names[1]), format!("{} exclude each other", names.join(" and ")), help);
    }
}

fn counter(trigger: &Trigger, found: &mut Problems) {
    match (trigger.counter, trigger.at) {
        (None, None) | (Some(Counter::Uptime), Some(Threshold::Time(_))) => {}
        (Some(counter), None) => {
            found.add(
                "when.at",
                format!("counter `{counter}` has no threshold"),
                "write at = 1000, \"10 MB\" or, for uptime, \"20s\"",
            );
        }
        (None, Some(_)) => {
            found.add("when.counter", "`at` without a counter", "write counter = \"calls\" or another one")
        }
        (Some(Counter::Uptime), Some(Threshold::Count(n))) => {
            found.add(
                "when.at",
                format!("uptime is a time, {n} is a number"),
                format!("write at = \"{n}s\""),
            );
        }
        (Some(counter), Some(Threshold::Time(span))) => {
            found.add(
                "when.at",
                format!("`{counter}` is a number, {span} is a time"),
                "write a number such as 1000, or counter = \"uptime\"",
            );
        }
        (Some(_), Some(Threshold::Count(_))) => {}
    }
}
