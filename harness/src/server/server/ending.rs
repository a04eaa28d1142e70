//! How a mail server is stopped and killed: its processes by the harness, or by its own commands where the harness did not start it.

use super::{LONGEST_COMMAND, Server};
use crate::server::error::TargetError;
use crate::server::leash;
use crate::server::underway::patiently;
use crate::server::witness::Witness;
use record::plan::server::ServerKind;
use std::io;
use std::time::Duration;
use tokio::task::block_in_place;

impl Server {
    /// Stops it in its own way; if it does not end in time it is killed. True if it ended by itself.
    pub(crate) async fn stop(&mut self) -> Result<bool, TargetError> {
        if self.is_on_the_machine() {
            let witness = self.stays().then(|| block_in_place(|| Witness::of(self.addresses())));
            self.run_patiently(&self.rendered.stop, LONGEST_COMMAND).await?;
            block_in_place(|| self.seen_to_end(witness, &self.rendered.stop))?;
            self.has_ended();
            return Ok(true);
        }
        let Some(tree) = &self.tree else { return Ok(true) };
        tree.terminate().map_err(|error| self.cannot_stop(error))?;
        let limit = self.definition.stop_within.0;
        let by_itself = self.tree_ends(limit).await?;
        if !by_itself {
            self.send_kill()?;
            self.tree_ends(limit).await?;
        }
        Ok(by_itself)
    }

    /// Waits until all of it has ended, at most `limit`; whether it has.
    async fn tree_ends(&mut self, limit: Duration) -> Result<bool, TargetError> {
        let Some(tree) = &mut self.tree else { return Ok(true) };
        let ended = patiently(limit, || tree.ended()).await;
        let ended = ended.map_err(|error| self.cannot_stop(error))?.is_some();
        if ended {
            self.tree = None;
        }
        Ok(ended)
    }

    fn cannot_stop(&self, error: io::Error) -> TargetError {
        self.cannot_run(&["stop".into()], error)
    }

    /// After the command that was to end it.
    fn seen_to_end(&self, witness: Option<Witness>, argv: &[String]) -> Result<(), TargetError> {
        match witness.and_then(Witness::still_serves) {
            None => Ok(()),
            Some(address) => {
                let (server, command) = (self.definition.name.clone(), argv.join(" "));
                Err(TargetError::StillServes { server, command, address })
            }
        }
    }

    /// Its own command has ended a `command` server.
    fn has_ended(&mut self) {
        (self.started, self.whole) = (false, false);
        leash::let_go(&self.work);
    }

    /// Kills it and everything it started and does not wait. A `command` server is killed by its own command.
    pub(crate) fn send_kill(&mut self) -> Result<(), TargetError> {
        self.started = false;
        if self.is_on_the_machine() {
            // One that is under way already is not disturbed by another.
            if self.killer.is_none() {
                self.witness = self.stays().then(|| Witness::of(self.addresses()));
                self.killer = Some(self.begin(&self.rendered.kill, self.output()?)?);
            }
            return Ok(());
        }
        let Some(tree) = self.tree.as_mut() else { return Ok(()) };
        self.killed = true;
        tree.kill().map_err(|error| self.cannot_kill(error))
    }

    /// After [`Server::send_kill`]: waits, at most `limit`, until nothing of it will run another instruction.
    pub(crate) fn wait_doomed(&mut self, limit: Duration) -> Result<(), TargetError> {
        if self.is_on_the_machine() {
            return self.killer_ended(limit).map(|_| ());
        }
        let Some(tree) = self.tree.as_mut() else { return Ok(()) };
        tree.wait_until_doomed(limit).map(|_| ()).map_err(|error| self.cannot_kill(error))
    }

    /// Waits until everything that [`Server::send_kill`] killed is gone, at most `limit`; whether it is.
    pub(crate) fn wait_gone(&mut self, limit: Duration) -> Result<bool, TargetError> {
        if self.is_on_the_machine() {
            return self.killer_ended(limit);
        }
        let Some(tree) = self.tree.as_mut() else { return Ok(true) };
        let gone = tree.wait(limit).map_err(|error| self.cannot_kill(error))?.is_some();
        if gone {
            self.tree = None;
        }
        Ok(gone)
    }

    /// Waits for the `kill` command, at most `limit`; whether it is done.
    pub(super) fn killer_ended(&mut self, limit: Duration) -> Result<bool, TargetError> {
        let Some(mut killer) = self.killer.take() else { return Ok(true) };
        let argv = self.rendered.kill.clone();
        match killer.wait(limit).map_err(|error| self.cannot_run(&argv, error))? {
            Some(status) => {
                // What only began to start may not have been there yet.
                let there = self.whole || !leash::nobody_answers(&self.addresses());
                self.succeeded(&argv, status).or_else(|error| if there { Err(error) } else { Ok(()) })?;
                let witness = self.witness.take();
                self.seen_to_end(witness, &argv)?;
                self.has_ended();
                Ok(true)
            }
            None => {
                self.killer = Some(killer);
                Ok(false)
            }
        }
    }

    /// Why it is not gone `limit` after [`Server::send_kill`].
    pub(crate) fn lingers(&self, limit: Duration) -> String {
        match self.definition.kind {
            ServerKind::Command | ServerKind::External => {
                format!("{}; it must end the server at once", self.too_slow(&self.rendered.kill, limit))
            }
            ServerKind::Spawned => {
                "killed, but a process of it waits for a call that the storage holds back; it ends when \
                 that is answered"
                    .to_owned()
            }
        }
    }

    fn cannot_kill(&self, error: io::Error) -> TargetError {
        TargetError::Command { server: self.definition.name.clone(), command: "kill".to_owned(), error }
    }
}
