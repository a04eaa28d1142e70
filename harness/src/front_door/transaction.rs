//! What one MAIL FROM began: who will answer for the message, and whose deliveries are under way.

use super::control::Stay;
use record::plan::front_door::QueueLimit;
use std::collections::VecDeque;

/// Recipients of one message, at most.
const RECIPIENTS: usize = 1_000;

/// Who will answer for the message.
pub(crate) enum Route {
    /// No recipient was taken yet.
    Open,
    /// The mail server, for these recipients, at least one.
    Forward(VecDeque<Stay>),
    /// The spool, for this recipient's address.
    Queue(String, QueueLimit),
}

/// From MAIL FROM on.
pub(crate) struct Transaction {
    /// The MAIL FROM line.
    pub(super) mail: Vec<u8>,
    /// The mail server has taken it.
    pub(super) passed_on: bool,
    /// It was counted as an arrival.
    pub(super) counted: bool,
    /// Who will answer.
    pub(super) route: Route,
}

impl Transaction {
    /// A sender without recipients.
    pub(super) fn new(mail: Vec<u8>, passed_on: bool) -> Transaction {
        Transaction { mail, passed_on, counted: false, route: Route::Open }
    }

    /// Recipients that the mail server answers for.
    pub(super) fn recipients(&self) -> usize {
        match &self.route {
            Route::Forward(stays) => stays.len(),
            Route::Open | Route::Queue(..) => 0,
        }
    }

    /// It takes no more recipients.
    pub(super) fn is_full(&self) -> bool {
        self.recipients() >= RECIPIENTS
    }

    /// One more recipient is the mail server's.
    pub(super) fn hold(&mut self, stay: Stay) {
        match &mut self.route {
            Route::Forward(stays) => stays.push_back(stay),
            Route::Open | Route::Queue(..) => self.route = Route::Forward(VecDeque::from([stay])),
        }
    }

    /// The last recipient was refused.
    pub(super) fn let_go(&mut self) {
        if let Route::Forward(stays) = &mut self.route {
            stays.pop_back();
            if stays.is_empty() {
                self.route = Route::Open;
            }
        }
    }

    /// The first recipient has its final reply.
    pub(super) fn answered(&mut self) {
        if let Route::Forward(stays) = &mut self.route {
            stays.pop_front();
        }
    }
}
