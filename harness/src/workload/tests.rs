use crate::plan::{Mix, Sizes, Stage, WorkloadPlan};
use fuse_fs::units::{Bytes, Span};
use std::time::Duration;

pub(crate) fn plan() -> WorkloadPlan {
    let span = |ms| Span(Duration::from_millis(ms));
    WorkloadPlan {
        stages: vec![Stage { rate: 100.0, duration: span(2000) }],
        users: 3,
        skew: 1.0,
        mix: Mix {
            deliver: 5.0,
            append: 1.0,
            fetch: 1.0,
            flag: 1.0,
            mv: 0.5,
            copy: 0.5,
            expunge: 0.5,
            search: 0.5,
        },
        deliver_by: crate::history::Entry::Lmtp,
        sizes: Sizes::Fixed { size: Bytes(2000) },
        corpus: None,
        in_flight: 50,
        timeout: span(500),
        warm_up: 1,
        retries: 2,
        retry_after: span(50),
    }
}
