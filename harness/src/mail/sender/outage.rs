//! What becomes of the mail of one sender in an outage, in virtual time and without a mount.
//!
//! The receiver is away for a known time, in which every attempt fails, and then takes everything at once: there is no
//! queue before it and no limit on its rate. Messages are born evenly over the outage. So a message is given up exactly if
//! its last attempt falls into the outage.

#[cfg(test)]
mod tests;

use record::plan::sender::Definition;
use std::time::Duration;

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The receiver took it.
    Delivered {
        /// How long after the end of the outage.
        after_end: Duration,
        /// The message's age.
        age: Duration,
    },
    /// It went back to whoever wrote it.
    GivenUp {
        /// How long after the start of the outage; may be after its end.
        at: Duration,
    },
}

/// What became of all messages that were born in an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aftermath {
    /// How long the outage lasted.
    pub length: Duration,
    /// The messages' fates, in the order of their birth.
    pub fates: Vec<Fate>,
}

/// The fates of `messages` messages of `sender` that are born evenly over an outage of this length.
pub fn aftermath(sender: &Definition, length: Duration, messages: u32) -> Aftermath {
    let attempts: Vec<Duration> = sender.attempts().collect();
    // Each message is born in the middle of its share of the outage.
    let births = (0..messages).map(|n| length.mul_f64((f64::from(n) + 0.5) / f64::from(messages)));
    let fates = births.map(|born| fate(&attempts, sender.give_up.0, born, length)).collect();
    Aftermath { length, fates }
}

/// The first attempt that is not in the outage is taken.
fn fate(attempts: &[Duration], give_up: Duration, born: Duration, length: Duration) -> Fate {
    let taken = attempts.partition_point(|age| born + *age < length);
    match attempts.get(taken) {
        Some(age) => Fate::Delivered { after_end: born + *age - length, age: *age },
        None => Fate::GivenUp { at: born + give_up },
    }
}

impl Aftermath {
    /// How many messages were given up.
    pub fn given_up(&self) -> usize {
        self.fates.iter().filter(|fate| matches!(fate, Fate::GivenUp { .. })).count()
    }

    /// The share of messages that were given up; 0 if there were none.
    pub fn fraction_given_up(&self) -> f64 {
        self.given_up() as f64 / self.fates.len().max(1) as f64
    }

    /// How long after the end of the outage the last message was delivered; `None` if none was.
    pub fn last_delivery(&self) -> Option<Duration> {
        self.delays().max()
    }

    /// How many messages waited at their sender when the outage ended.
    pub fn waiting_at_end(&self) -> usize {
        let gone = |fate: &&Fate| matches!(fate, Fate::GivenUp { at } if *at < self.length);
        self.fates.len() - self.fates.iter().filter(gone).count()
    }

    /// The reopening load: how many of the waiting messages come within this time after the end of the outage.
    pub fn back_within(&self, time: Duration) -> usize {
        self.delays().filter(|delay| *delay <= time).count()
    }

    fn delays(&self) -> impl Iterator<Item = Duration> + '_ {
        self.fates.iter().filter_map(|fate| match fate {
            Fate::Delivered { after_end, .. } => Some(*after_end),
            Fate::GivenUp { .. } => None,
        })
    }
}
