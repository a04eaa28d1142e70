//! Which of several violated properties is the worst, and so said first. docs/verdict.md shows the order.

use super::ALL;
use super::checker::Harm;
use reports::kit::verdict::Verdict;
use reports::run::Property;
use std::cmp::Reverse;

fn harm(property: &Property) -> Harm {
    let fixed = ALL.iter().find(|checker| checker.name == property.name);
    fixed.map_or(Harm::Asked, |checker| checker.harm)
}

/// The order in which properties are shown: the worst answer first; of violated ones the worst harm, then the most cases.
pub(crate) fn order(property: &Property) -> impl Ord + use<> {
    let violated = property.verdict == Verdict::Invalid;
    (Reverse(property.verdict), violated.then(|| (harm(property), Reverse(property.count))))
}

fn violated(properties: &[Property]) -> impl Iterator<Item = &Property> {
    properties.iter().filter(|property| property.verdict == Verdict::Invalid)
}

/// How many are violated besides the worst.
pub(crate) fn besides_the_worst(properties: &[Property]) -> usize {
    violated(properties).skip(1).count()
}

/// How many are violated that are about other things than mail that is lost, hidden or damaged.
pub(crate) fn besides_harm(properties: &[Property]) -> usize {
    violated(properties).filter(|property| harm(property) > Harm::Damaged).count()
}
