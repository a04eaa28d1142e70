//! `--shard`: which part of many runs this machine does.

use clap::Args;
use reports::kit::shard::Shard;

/// More parts than anybody has machines.
const MOST: u32 = 10_000;

#[derive(Debug, Args)]
pub(crate) struct ShardArgs {
    /// Do only the M-th of N parts, `2/4`; `merge` makes one result of all. `auto`, or `auto/N`: as Slurm, Kubernetes or GitLab
    /// numbered this job.
    #[arg(long, value_name = "M/N", default_value_t = Shard::WHOLE, hide_default_value = true, value_parser = parsed)]
    pub(crate) shard: Shard,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NoShard {
    #[error("write M/N with M from 1 to N and N at most {MOST}, `auto`, or `auto/N`")]
    Written,
    #[error(
        "nothing here says which shard this is: none of {} is set; write M/N",
        SCHEDULERS.map(|scheduler| scheduler.index).join(", ")
    )]
    Nowhere,
    #[error("{index} is set, and {missing}; write M/N, or auto/N if only N is unknown")]
    Incomplete { index: &'static str, missing: String },
    #[error("{variable} is `{value}`, which is no number; write M/N")]
    NoNumber { variable: &'static str, value: String },
    #[error("{index} is {value}, and {words}; write M/N")]
    Outside { index: &'static str, value: u32, words: String },
    #[error(
        "SLURM_ARRAY_TASK_MIN is {0}: of an array that begins there nobody knows what it is a part of; submit it with --array=1-N, or write M/N"
    )]
    OddArray(u32),
    #[error("{one} says {first}, and {other} says {second}; write M/N")]
    Contradiction { one: &'static str, first: Shard, other: &'static str, second: Shard },
    #[error("{index} says {found}, and auto/{asked} was asked for; write M/N")]
    OtherTotal { index: &'static str, found: Shard, asked: u32 },
}

/// How a scheduler numbers the jobs of one command.
struct Scheduler {
    index: &'static str,
    total: Option<&'static str>,
    first: First,
}

/// The index of the first job.
enum First {
    Is(u32),
    /// The user's choice: it is here.
    In(&'static str),
}

const SCHEDULERS: [Scheduler; 3] = [
    Scheduler {
        index: "SLURM_ARRAY_TASK_ID",
        total: Some("SLURM_ARRAY_TASK_COUNT"),
        first: First::In("SLURM_ARRAY_TASK_MIN"),
    },
    Scheduler { index: "JOB_COMPLETION_INDEX", total: None, first: First::Is(0) },
    Scheduler { index: "CI_NODE_INDEX", total: Some("CI_NODE_TOTAL"), first: First::Is(1) },
];

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

fn parsed(text: &str) -> Result<Shard, NoShard> {
    of(text, &|name| std::env::var(name).ok())
}

fn of(text: &str, environment: Environment<'_>) -> Result<Shard, NoShard> {
    match text.split_once('/') {
        None if text == "auto" => automatic(None, environment),
        Some(("auto", of)) => automatic(Some(written(of)?), environment),
        Some((number, of)) => Shard::new(written(number)?, written(of)?).ok_or(NoShard::Written),
        None => Err(NoShard::Written),
    }
}

fn written(text: &str) -> Result<u32, NoShard> {
    text.parse().ok().filter(|number| (1..=MOST).contains(number)).ok_or(NoShard::Written)
}

/// What every scheduler says that numbered this job: they must agree.
fn automatic(asked: Option<u32>, environment: Environment<'_>) -> Result<Shard, NoShard> {
    let mut said: Option<(&'static str, Shard)> = None;
    for scheduler in SCHEDULERS {
        let Some(shard) = scheduler.shard(asked, environment)? else { continue };
        match said {
            Some((one, first)) if first != shard => {
                return Err(NoShard::Contradiction { one, first, other: scheduler.index, second: shard });
            }
            _ => said = Some((scheduler.index, shard)),
        }
    }
    said.map(|(_, shard)| shard).ok_or(NoShard::Nowhere)
}

impl Scheduler {
    /// None if it did not number this job.
    fn shard(&self, asked: Option<u32>, environment: Environment<'_>) -> Result<Option<Shard>, NoShard> {
        let Some(value) = number(self.index, environment)? else { return Ok(None) };
        let first = self.first(environment)?;
        let total = self.total.map(|total| number(total, environment)).transpose()?.flatten().or(asked);
        let total = total.ok_or_else(|| self.incomplete(self.total))?;
        let shard = value.checked_sub(first).and_then(|past| Shard::new(past + 1, total));
        let outside = || {
            let words = format!("{total} jobs are numbered from {first} on");
            NoShard::Outside { index: self.index, value, words }
        };
        let shard = shard.ok_or_else(outside)?;
        match asked.filter(|asked| *asked != total) {
            Some(asked) => Err(NoShard::OtherTotal { index: self.index, found: shard, asked }),
            None => Ok(Some(shard)),
        }
    }

    /// Of a later part of an array alone its own jobs are counted, and they would take the work of others.
    fn first(&self, environment: Environment<'_>) -> Result<u32, NoShard> {
        match self.first {
            First::Is(first) => Ok(first),
            First::In(variable) => match number(variable, environment)? {
                Some(first @ (0 | 1)) => Ok(first),
                Some(first) => Err(NoShard::OddArray(first)),
                None => Err(self.incomplete(Some(variable))),
            },
        }
    }

    fn incomplete(&self, missing: Option<&str>) -> NoShard {
        let missing = missing.map_or("nothing tells a job of how many it is one".to_owned(), |variable| {
            format!("{variable} is not")
        });
        NoShard::Incomplete { index: self.index, missing }
    }
}

fn number(variable: &'static str, environment: Environment<'_>) -> Result<Option<u32>, NoShard> {
    let Some(value) = environment(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
    let number = value.parse().ok().filter(|number| *number <= MOST);
    number.map(Some).ok_or(NoShard::NoNumber { variable, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text` comes to, in words, where these are set.
    fn said(text: &str, variables: &str) -> String {
        let lookup = |name: &str| {
            let mut all = variables.split_whitespace().filter_map(|pair| pair.split_once('='));
            all.find(|(variable, _)| *variable == name).map(|(_, value)| value.to_owned())
        };
        of(text, &lookup).map_or_else(|error| error.to_string(), |shard| shard.to_string())
    }

    #[test]
    fn it_is_written_from_one_on() {
        assert_eq!(said("2/4", ""), "2/4");
        for wrong in ["0/4", "5/4", "4", "a/b", "1/0", "-1/4", "1/10001", "1/2/3", "auto/0", "automatic"] {
            assert_eq!(
                said(wrong, "CI_NODE_INDEX=1 CI_NODE_TOTAL=2"),
                NoShard::Written.to_string(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn each_scheduler_counts_in_its_own_way() {
        let slurm = "SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_ID";
        assert_eq!(said("auto", &format!("SLURM_ARRAY_TASK_MIN=1 {slurm}=4")), "4/4");
        assert_eq!(said("auto", &format!("SLURM_ARRAY_TASK_MIN=0 {slurm}=0")), "1/4");
        assert_eq!(said("auto/3", "JOB_COMPLETION_INDEX=0"), "1/3");
        assert_eq!(said("auto", "CI_NODE_INDEX=1 CI_NODE_TOTAL=3"), "1/3");
        assert_eq!(said("auto", "CI_NODE_INDEX=2 CI_NODE_TOTAL=3 JOB_COMPLETION_INDEX="), "2/3");
    }

    #[test]
    fn what_cannot_be_known_is_said_with_the_way_out() {
        let all = [
            said("auto", "CI_NODE_TOTAL=1"),
            said("auto", "JOB_COMPLETION_INDEX=2"),
            said("auto", "CI_NODE_INDEX=2"),
            said("auto", "CI_NODE_INDEX=two CI_NODE_TOTAL=3"),
            said("auto", "CI_NODE_INDEX=0 CI_NODE_TOTAL=3"),
            said("auto/3", "JOB_COMPLETION_INDEX=3"),
            said("auto", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_COUNT=1"),
            said("auto", "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=4"),
            said("auto", "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=4"),
            said(
                "auto",
                "CI_NODE_INDEX=1 CI_NODE_TOTAL=3 SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=3",
            ),
            said("auto/4", "CI_NODE_INDEX=1 CI_NODE_TOTAL=3"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        nothing here says which shard this is: none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, CI_NODE_INDEX is set; write M/N
        JOB_COMPLETION_INDEX is set, and nothing tells a job of how many it is one; write M/N, or auto/N if only N is unknown
        CI_NODE_INDEX is set, and CI_NODE_TOTAL is not; write M/N, or auto/N if only N is unknown
        CI_NODE_INDEX is `two`, which is no number; write M/N
        CI_NODE_INDEX is 0, and 3 jobs are numbered from 1 on; write M/N
        JOB_COMPLETION_INDEX is 3, and 3 jobs are numbered from 0 on; write M/N
        SLURM_ARRAY_TASK_MIN is 3: of an array that begins there nobody knows what it is a part of; submit it with --array=1-N, or write M/N
        SLURM_ARRAY_TASK_ID is 7, and 4 jobs are numbered from 1 on; write M/N
        SLURM_ARRAY_TASK_ID is set, and SLURM_ARRAY_TASK_MIN is not; write M/N, or auto/N if only N is unknown
        SLURM_ARRAY_TASK_ID says 2/3, and CI_NODE_INDEX says 1/3; write M/N
        CI_NODE_INDEX says 1/3, and auto/4 was asked for; write M/N
        ");
    }
}
