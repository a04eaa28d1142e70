use super::client::{Client, note};
use super::standing::Class;
use super::{held, webmail};
use crate::mail::client::imap::idle::stopped;
use crate::mail::workload::context::Context;
use fuse_fs::clock::Nanos;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Runs all clients of the plan until `stop` says true; then each ends within the workload's timeout.
pub(crate) async fn run(ctx: Arc<Context>, origin: Nanos, stop: watch::Receiver<bool>) {
    let Some(plan) = ctx.setup.plan.clients.clone().map(Arc::new) else { return };
    let mut tasks = JoinSet::new();
    for number in 0..plan.webmail {
        let client = Client::new(&ctx, &plan, Class::Webmail, number);
        tasks.spawn(webmail::come_again(client, origin, stop.clone()));
    }
    for number in 0..plan.held {
        let client = Client::new(&ctx, &plan, Class::Held, number);
        tasks.spawn(within_grace(client.timeout(), stop.clone(), held::hold_on(client, stop.clone())));
    }
    while let Some(done) = tasks.join_next().await {
        note(&ctx, done);
    }
}

/// Every client of the plan has been served since then, and was not refused since.
pub(crate) fn served_since(ctx: &Context, since: Nanos) -> bool {
    ctx.setup.plan.clients.as_ref().is_none_or(|plan| ctx.standing.served_since(plan, since))
}

/// A client that has not ended by itself `grace` after the stop is dropped, and its connection with it.
pub(crate) async fn within_grace(
    grace: Duration,
    mut stop: watch::Receiver<bool>,
    client: impl Future<Output = ()>,
) {
    let late = async {
        stopped(&mut stop).await;
        sleep(grace).await;
    };
    tokio::select! { () = client => {} () = late => {} }
}
