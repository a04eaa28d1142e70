//! How long one task's clients wait, where that is longer than the workload's limit.

use std::time::Duration;

tokio::task_local! {
    static LIMIT: Duration;
}

/// Does `work` with this limit.
pub(crate) async fn with<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    LIMIT.scope(limit, work).await
}

/// The limit of this task, if it has one of its own.
pub(super) fn own() -> Option<Duration> {
    LIMIT.try_with(|limit| *limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    pub(crate) use crate::mail::workload::context::tests::Bench;
    use crate::mail::workload::context::tests::plan;
    use crate::mail::workload::fake::Answer;
    use crate::mail::workload::health::deliver_one;
    use record::history::UserId;

    #[tokio::test]
    async fn a_patient_task_waits_longer_than_the_plan_says_and_no_other_does() {
        let bench = Bench::new(plan(), |_| Answer::Ok).await;
        let (planned, long) = (bench.ctx.timeout(), Duration::from_secs(600));
        assert_eq!(with(long, async { bench.ctx.timeout() }).await, long);
        assert_eq!(with(Duration::ZERO, async { bench.ctx.timeout() }).await, planned);
        assert_eq!(bench.ctx.timeout(), planned);
    }

    #[tokio::test]
    async fn who_waits_longer_gets_the_answer_of_a_server_that_is_late() {
        let bench = Bench::new(plan(), |_| Answer::Late).await;
        assert!(deliver_one(&bench.ctx, UserId(0)).await.is_err());
        assert!(with(Duration::from_secs(600), deliver_one(&bench.ctx, UserId(0))).await.is_ok());
    }
}
