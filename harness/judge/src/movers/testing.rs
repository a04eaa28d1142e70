//! Messages for the tests.

use record::history::token::RunToken;
use record::history::{Attempt, MessageId};

pub(super) const RUN: RunToken = RunToken(7);

pub(super) fn sent(number: u64) -> Vec<u8> {
    let attempt = Attempt { message: MessageId(number), n: 1 };
    record::message::assemble(RUN, attempt, b"Subject: x\r\n\r\nSome lines.\r\nAnd more.\r\n").bytes
}
