//! Remote mail systems that have mail for the mail server under test: when they try again and when they give up.
//!
//! A sender is data: one TOML file with its documented retry schedule. Everything here is a function of that file
//! and of the age of a message; there is no clock and no I/O but the reading of a user's own file.
//!
//! The model follows one message by itself. It leaves out what a sender knows of a whole destination: that Postfix and
//! Exim stop trying a dead host for other messages too, connection limits, and jitter. Attempts take no time. Queue runs
//! are counted from the birth of the message, so those of different messages are not in step.

pub(crate) mod outage;
