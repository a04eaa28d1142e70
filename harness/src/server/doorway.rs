//! Who answers at the ports of a mail server that the harness reaches on the machine itself.
//!
//! In a network of the run's own only what the harness started can listen. On the machine anybody may: another mail server,
//! with real mail, would be sent to, read and expunged as if it were the one under test. So nobody may answer before the
//! start, and afterwards the process that listens must be one that came to be since. Exceptions are managers of services,
//! which may listen for those that they start, and whoever cannot be seen.

use super::error::TargetError;
use crate::machine::listening::{Process, listeners, processes};
use crate::tls::endpoint::Endpoint;
use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// One that was just stopped or killed may take this long to be gone from its ports.
const LEAVING: Duration = Duration::from_secs(5);

/// Nobody who takes longer to accept a connection is there.
const KNOCK: Duration = Duration::from_secs(2);

/// Managers of services, besides the machine's first process.
const MANAGERS: [&str; 1] = ["systemd"];

/// Services and their addresses.
type Services = [(&'static str, Endpoint)];

/// What there was before a server was started.
pub(super) struct Doorway {
    before: BTreeSet<Process>,
}

impl Doorway {
    /// Before the start of `server`: waits a moment until nobody answers at its addresses.
    pub(super) async fn closed(server: &str, services: &Services) -> Result<Doorway, TargetError> {
        let deadline = Instant::now() + LEAVING;
        for (service, address) in services {
            if !closes(address.address(), deadline).await {
                let (server, service, address) = (server.to_owned(), *service, address.address().to_owned());
                let who = who(&address);
                return Err(TargetError::PortTaken { server, service, address, who });
            }
        }
        Ok(Doorway { before: processes() })
    }

    /// After it greeted: none of those who listen there was there before.
    pub(super) fn entered(&self, server: &str, services: &Services) -> Result<(), TargetError> {
        for (service, address) in services {
            let there = resolved(address.address()).map(listeners).unwrap_or_default();
            if let Some(stranger) = stranger(&there, &self.before) {
                let (server, service, address) = (server.to_owned(), *service, address.address().to_owned());
                return Err(TargetError::Stranger { server, service, address, who: told(&stranger) });
            }
        }
        Ok(())
    }
}

/// Whoever listens, if all of them were there before.
fn stranger(there: &BTreeSet<Process>, before: &BTreeSet<Process>) -> Option<Process> {
    let known = |process: &Process| starts_services(process) || !before.contains(process);
    match there.iter().any(known) {
        true => None,
        false => there.first().copied(),
    }
}

fn starts_services(process: &Process) -> bool {
    process.pid == 1 || MANAGERS.contains(&process.name().as_str())
}

async fn closes(address: &str, deadline: Instant) -> bool {
    let mut tick = interval(Duration::from_millis(50));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if !matches!(timeout(KNOCK, TcpStream::connect(address)).await, Ok(Ok(_))) {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
    }
}

fn resolved(address: &str) -> Option<SocketAddr> {
    address.to_socket_addrs().ok()?.next()
}

fn who(address: &str) -> String {
    let there = resolved(address).map(listeners).unwrap_or_default();
    there.first().map_or_else(
        || "whose process cannot be seen from here (`ss -ltnp` as root may say)".to_owned(),
        told,
    )
}

fn told(process: &Process) -> String {
    format!("process {} ({})", process.pid, process.command())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn taken() -> (TcpListener, Vec<(&'static str, Endpoint)>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        (listener, vec![("smtp", address.into())])
    }

    #[tokio::test]
    async fn whoever_listens_before_the_start_is_named() {
        let (_listener, services) = taken();
        let error = Doorway::closed("mine", &services).await.err().expect("it is taken").to_string();
        let own = format!("process {} (", std::process::id());
        assert!(error.starts_with("mine was not started: somebody else answers at"), "{error}");
        assert!(error.contains(&own), "{error}");
    }

    #[tokio::test]
    async fn whoever_came_by_another_way_is_a_stranger() {
        let (listener, services) = taken();
        drop(listener);
        let doorway = Doorway::closed("mine", &services).await.expect("it is free");
        doorway.entered("mine", &services).expect("nobody can be seen");
        let _listener = TcpListener::bind(services[0].1.address()).expect("it is free");
        let error = doorway.entered("mine", &services).expect_err("it is this test").to_string();
        assert!(error.contains("was there before it was started"), "{error}");
    }

    #[test]
    fn a_listener_that_is_new_or_starts_services_is_the_servers() {
        let everybody = processes();
        let own = everybody.iter().filter(|process| process.pid.cast_unsigned() == std::process::id());
        let own: BTreeSet<Process> = own.copied().collect();
        assert!(stranger(&own, &everybody).is_some());
        assert_eq!(stranger(&own, &BTreeSet::new()), None);
        let init: BTreeSet<Process> = everybody.iter().filter(|process| process.pid == 1).copied().collect();
        assert_eq!(stranger(&init, &everybody), None);
    }
}
