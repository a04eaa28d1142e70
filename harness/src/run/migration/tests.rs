use super::*;
use crate::run::placement::tests::placed;
use crate::run::stage::Migrations;
use std::os::unix::process::ExitStatusExt;
use tokio::sync::watch;

fn order(text: &str) -> MigrateOrder {
    toml::from_str(text).expect("an order")
}

/// Who is moved, from where: `user2 from old`.
fn moved(text: &str) -> Vec<String> {
    let (_place, plan, placement) = placed();
    let users: Vec<String> = plan.workload.user_names().collect();
    let moves = chosen(&plan.cohorts, &users, &placement, 4, &order(text)).expect("everybody is placed");
    assert!(moves.iter().all(|one| one.step == 4 && users[one.user.0 as usize] == one.name));
    moves.into_iter().map(|one| format!("{} from {}", one.name, one.from)).collect()
}

#[test]
fn users_move_in_the_order_of_the_cohorts_that_are_named_unless_they_are_there() {
    assert_eq!(moved("to = 'new'"), ["user1 from old", "user2 from old"]);
    assert_eq!(moved("to = 'old'"), ["user3 from new"]);
    assert_eq!(
        moved("to = 'third'\ncohorts = ['b', 'a']"),
        ["user3 from new", "user1 from old", "user2 from old"]
    );
    assert_eq!(moved("to = 'new'\ncohorts = ['b']"), Vec::<String>::new());
}

#[test]
fn users_that_nobody_knows_are_no_panic() {
    let (_place, plan, placement) = placed();
    let error = chosen(&plan.cohorts, &[], &placement, 0, &order("to = 'new'")).err().expect("no users");
    assert_eq!(error.to_string(), "a cohort names users that are not there");
}

#[test]
fn a_migration_says_how_many_stayed_and_why() {
    let failed = || vec![anyhow!("disk full").context("user7"), anyhow!("other")];
    assert!(summed_up(5, 5, &[]).is_ok());
    let said = |begun, failed: &[_]| summed_up(5, begun, failed).expect_err("not all").to_string();
    assert_eq!(said(3, &[]), "2 of 5 users were not begun when the traffic ended");
    assert_eq!(said(5, &failed()), "2 of 5 users were not moved; the first: user7: disk full");
}

#[test]
fn files_that_vanish_are_no_failure_while_the_user_is_served() {
    let ended = |code: i32| ExitStatus::from_raw(code << 8);
    assert!(judged(ended(0), "rsync", None).is_ok());
    assert!(judged(ended(VANISHED), "rsync", Some(VANISHED)).is_ok());
    for (status, harmless) in
        [(ended(VANISHED), None), (ended(23), Some(VANISHED)), (ExitStatus::from_raw(9), Some(VANISHED))]
    {
        assert!(judged(status, "rsync", harmless).is_err(), "{status}");
    }
    let said = judged(ended(23), "rsync", None).expect_err("failed").to_string();
    assert_eq!(said, "rsync failed (exit status: 23); its output is in migration.log in the run directory");
}

#[test]
fn rsync_is_told_that_the_content_is_meant() {
    assert_eq!(slashed(Path::new("/mnt/old/mail/user1")), "/mnt/old/mail/user1/");
}

#[tokio::test]
async fn a_pause_lasts_until_it_is_lifted_or_the_traffic_ends() {
    let (pause, closing) = (Migrations::default(), watch::Sender::new(Closing::Open));
    assert!(pause.over(&closing).await);
    pause.pause(true);
    let waiting = async {
        let still = tokio::time::timeout(Duration::from_millis(20), pause.over(&closing)).await;
        assert!(still.is_err(), "a pause holds");
        pause.pause(false);
        pause.over(&closing).await
    };
    assert!(waiting.await);
    pause.pause(true);
    closing.send_replace(Closing::TrafficEnded);
    assert!(!pause.over(&closing).await, "nobody is begun after the traffic");
    pause.pause(false);
    assert!(!pause.over(&closing).await);
}
