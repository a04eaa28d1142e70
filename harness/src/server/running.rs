//! The mail server under test with its companions: started together, stopped in reverse, killed as one.

use super::error::TargetError;
use super::server::Server;
use super::services::Services;
use crate::tls::endpoint::Endpoint;
use fuse_fs::clock::Nanos;
use record::history::event::{Event, TargetEvent};
use record::plan::server::Rebuild;
use std::time::{Duration, Instant};

/// What a server of a target is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It serves the traffic along with the mail server.
    Companion,
    /// The mail server under test.
    Main,
    /// The final readings and the rebuild go through it.
    Reader,
}

/// A mail server with its companions.
pub(crate) struct Target {
    /// In the order in which they start; exactly one is [`Role::Main`].
    servers: Vec<(Role, Server)>,
}

impl Target {
    /// Of servers that are prepared, in the order in which they start.
    pub(crate) fn of(servers: Vec<(Role, Server)>) -> Target {
        let main = servers.iter().filter(|(role, _)| *role == Role::Main).count();
        assert_eq!(main, 1, "a target is one mail server and its companions");
        Target { servers }
    }

    fn main(&self) -> &Server {
        let main = self.servers.iter().find(|(role, _)| *role == Role::Main);
        &main.expect("one is the mail server itself").1
    }

    /// Those that serve the traffic.
    fn serving(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(|(role, _)| *role != Role::Reader).map(|(_, server)| server)
    }

    /// Starts what serves the traffic and does not run, and waits until every service greets.
    pub(crate) async fn start(&mut self) -> Result<(), TargetError> {
        self.start_those(|role| role != Role::Reader).await
    }

    /// Starts the companions through which is read; the services to read through.
    pub(crate) async fn start_reading(&mut self) -> Result<Services, TargetError> {
        self.start_those(|role| role == Role::Reader).await?;
        Ok(self.reading_services())
    }

    /// Stops the companions through which is read; what was started along with them stays.
    ///
    /// # Errors
    /// One could not be stopped.
    pub(crate) async fn stop_reading(&mut self) -> Result<(), TargetError> {
        for (_, server) in self.servers.iter_mut().rev().filter(|(role, _)| *role == Role::Reader) {
            server.stop().await?;
        }
        Ok(())
    }

    /// Mail is read through a companion that is there for nothing else.
    pub(crate) fn is_read_by_companion(&self) -> bool {
        self.imap_of(Role::Reader).is_some()
    }

    /// What whoever serves the readings logged last.
    pub(crate) fn reader_words(&self) -> String {
        let serves = |server: &Server| server.services().iter().any(|(service, _)| *service == "imap");
        let of = |wanted: Role| self.servers.iter().find(|(role, server)| *role == wanted && serves(server));
        let reader = of(Role::Reader).or_else(|| of(Role::Main)).or_else(|| of(Role::Companion));
        reader.map_or_else(String::new, |(_, server)| format!("{}: {}", server.name(), server.last_words()))
    }

    async fn start_those(&mut self, chosen: impl Fn(Role) -> bool) -> Result<(), TargetError> {
        for (role, server) in &mut self.servers {
            if chosen(*role) && !server.running() {
                server.start().await?;
            }
        }
        Ok(())
    }

    /// Services that the traffic uses: the mail server's, and a companion's IMAP if it has none itself.
    pub(crate) fn services(&self) -> Services {
        let mut services = self.main().services();
        if services.iter().all(|(service, _)| *service != "imap") {
            services.extend(self.imap_of(Role::Companion));
        }
        services
    }

    /// Services for the final readings: as for the traffic, but IMAP through the companion that is there for it.
    pub(crate) fn reading_services(&self) -> Services {
        let mut services = self.services();
        if let Some(imap) = self.imap_of(Role::Reader) {
            services.retain(|(service, _)| *service != "imap");
            services.push(imap);
        }
        services
    }

    fn imap_of(&self, role: Role) -> Option<(&'static str, Endpoint)> {
        let servers = self.servers.iter().filter(|(own, _)| *own == role);
        servers.flat_map(|(_, server)| server.services()).find(|(service, _)| *service == "imap")
    }

    /// Everything that serves the traffic runs, as far as the harness can know.
    pub(crate) fn running(&self) -> bool {
        self.serving().all(Server::running)
    }

    /// Nothing of it runs.
    pub(crate) fn idle(&self) -> bool {
        !self.servers.iter().any(|(_, server)| server.running())
    }

    /// How one of its servers ended by itself, if one has; afterwards it counts as not running.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.servers.iter_mut().find_map(|(role, server)| {
            let status = server.ended()?;
            Some(if *role == Role::Main { status } else { format!("{}: {status}", server.name()) })
        })
    }

    /// Stops them in reverse order, each in its own way; one that does not end in time is killed. True if all ended by
    /// themselves.
    pub(crate) async fn stop(&mut self) -> Result<bool, TargetError> {
        let mut stopped = Vec::new();
        for (_, server) in self.servers.iter_mut().rev() {
            stopped.push(server.stop().await);
        }
        stopped.into_iter().try_fold(true, |all, one| Ok(all & one?))
    }

    /// Kills it and everything it started, as a power failure would, and waits until all of it is gone. A process
    /// inside a call that the storage holds back stays until that call is answered: then this is `false`.
    pub(crate) fn kill(&mut self, limit: Duration) -> Result<bool, TargetError> {
        self.begin_kill(Duration::ZERO)?;
        self.wait_gone(limit)
    }

    /// Kills it and waits, at most `limit`, until nothing of it will run another instruction: afterwards it cannot
    /// answer anybody, whatever becomes of the calls it waits in.
    pub(crate) fn begin_kill(&mut self, limit: Duration) -> Result<(), TargetError> {
        let sent: Vec<_> = self.servers.iter_mut().map(|(_, server)| server.send_kill()).collect();
        let deadline = Instant::now() + limit;
        let left = || deadline.saturating_duration_since(Instant::now());
        let doomed: Vec<_> = self.servers.iter_mut().map(|(_, server)| server.wait_doomed(left())).collect();
        sent.into_iter().chain(doomed).collect()
    }

    /// Waits until everything that [`Target::begin_kill`] killed is gone, at most `limit`; whether it is.
    pub(crate) fn wait_gone(&mut self, limit: Duration) -> Result<bool, TargetError> {
        let deadline = Instant::now() + limit;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.servers.iter_mut().try_fold(true, |all, (_, server)| Ok(all & server.wait_gone(left())?))
    }

    /// Why it is not gone `limit` after it was killed.
    pub(crate) fn lingers(&self, limit: Duration) -> String {
        self.main().lingers(limit)
    }

    /// The harness did not start its processes, and its own commands alone can end them.
    pub(crate) fn is_on_the_machine(&self) -> bool {
        self.main().is_on_the_machine()
    }

    /// It was there before the run and stays after it.
    pub(crate) fn stays(&self) -> bool {
        self.main().stays()
    }

    /// Something of the definition's starts it.
    pub(crate) fn can_be_started(&self) -> bool {
        self.main().can_be_started()
    }

    /// Runs the offline checks of those that have one. `Some(false)`: the store is not consistent.
    pub(crate) fn check(&self) -> Result<Option<bool>, TargetError> {
        let checks = self.servers.iter().map(|(_, server)| server.check());
        checks.into_iter().try_fold(None, |all, one| {
            let one = one?;
            Ok(match (all, one) {
                (Some(all), Some(one)) => Some(all && one),
                (all, one) => all.or(one),
            })
        })
    }

    /// The rebuild that serves, and whose: the mail server's own, or else a companion's.
    fn rebuilder(&self) -> Option<(&Server, &Rebuild)> {
        let companions = self.servers.iter().map(|(_, server)| server);
        [self.main()].into_iter().chain(companions).find_map(|server| Some((server, server.rebuild()?)))
    }

    /// Whether the rebuild of its index needs the running server; `None` when it declares no rebuild.
    pub(crate) fn rebuild_needs_server(&self) -> Option<bool> {
        self.rebuilder().map(|(_, rebuild)| rebuild.running)
    }

    /// Rebuilds its index, for each of `users` if the command is about one.
    pub(crate) fn rebuild(&self, users: &[String]) -> Result<(), TargetError> {
        self.rebuilder().map_or(Ok(()), |(server, rebuild)| server.run_rebuild(rebuild, users))
    }

    /// Runs `argv` where the mail server itself is, or would be if it ran, and returns what it printed. It must end
    /// with 0 within `limit`.
    pub(crate) fn run_tool(&self, argv: &[String], limit: Duration) -> Result<String, TargetError> {
        self.main().run_tool(argv, limit)
    }

    /// Starts the mail server's own tool that makes `user`'s mail in the directory `to` what it is in `from`; its output
    /// goes to `log`.
    ///
    /// # Errors
    /// The target declares none, or it cannot be started.
    pub(crate) fn begin_migration(
        &self,
        user: &str,
        from: &std::path::Path,
        to: &std::path::Path,
        log: std::fs::File,
    ) -> Result<std::process::Child, TargetError> {
        self.main().begin_migration(user, from, to, log)
    }

    /// What its queue holds, as its own command prints it; `None` if it declares no queue.
    pub(crate) fn list_queue(&self, limit: Duration) -> Option<Result<String, TargetError>> {
        let list = self.main().queue_list()?;
        Some(self.run_tool(list, limit))
    }

    /// The first line of what each version command prints, the mail server's first.
    pub(crate) fn version(&self) -> Option<String> {
        let main = self.main().version()?;
        let others = self.servers.iter().filter(|(role, _)| *role != Role::Main);
        let others =
            others.filter_map(|(_, server)| Some(format!("{} {}", server.name(), server.version()?)));
        Some([main].into_iter().chain(others).collect::<Vec<_>>().join("; with "))
    }
}

/// What the history says of a start that failed. That somebody else is where the mail server should be is no failure of it.
pub(crate) fn not_started(error: &anyhow::Error) -> Event {
    let problem = error.to_string();
    match error.downcast_ref::<TargetError>() {
        Some(error) if error.is_of_somebody_else() => Event::Harness { at: Nanos::now(), problem },
        Some(_) | None => event(TargetEvent::NotReady, Some(problem)),
    }
}

/// When something happened to the target, for the history.
pub(crate) fn event(
    what: record::history::event::TargetEvent,
    detail: Option<String>,
) -> record::history::event::Event {
    record::history::event::Event::Target { at: Nanos::now(), what, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::grounds::Shown;
    use crate::server::stage::Stage;
    use record::plan::server::Definition;
    use record::plan::server::render::Vars;

    fn server(place: &std::path::Path, name: &str, listen: &str) -> Server {
        let text = format!(
            "name = '{name}'\nabout = 't'\nkind = 'spawned'\nstart = ['t']\nlayout.opaque = {{}}\nlisten = {{ {listen} }}"
        );
        let definition: Definition = toml::from_str(&text).unwrap();
        let rendered = definition.render(&Vars::default());
        let (work, shown) = (place.join(name), Shown::default());
        Server::prepare(definition, rendered, Stage { work: &work, root: None, shown: &shown, sealed: &[] })
            .unwrap()
    }

    #[test]
    fn imap_comes_from_whoever_is_there_for_it() {
        let place = tempfile::tempdir().unwrap();
        let main = || (Role::Main, server(place.path(), "main", "smtp = 'm:25'"));
        let other = |role, name, listen| (role, server(place.path(), name, listen));
        let companion = || other(Role::Companion, "companion", "lmtp = 'c:24', imap = 'c:143'");
        let reader = || other(Role::Reader, "reader", "imap = 'r:143'");
        let words = |services: Services| -> Vec<String> {
            services.into_iter().map(|(service, at)| format!("{service} {}", at.address())).collect()
        };
        let alone = Target::of(vec![main(), reader()]);
        assert_eq!(words(alone.services()), ["smtp m:25"]);
        assert_eq!(words(alone.reading_services()), ["smtp m:25", "imap r:143"]);
        let both = Target::of(vec![companion(), main(), reader()]);
        assert_eq!(words(both.services()), ["smtp m:25", "imap c:143"]);
        assert_eq!(words(both.reading_services()), ["smtp m:25", "imap r:143"]);
    }
}
