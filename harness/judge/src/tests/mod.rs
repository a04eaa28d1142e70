#[cfg(test)]
mod absent;
mod body_form;
#[cfg(test)]
mod cut;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod external;
#[cfg(test)]
mod failed;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod generator;
#[cfg(test)]
mod gone;
#[cfg(test)]
mod headline;
#[cfg(test)]
mod imap_less;
#[cfg(test)]
mod left_behind;
#[cfg(test)]
mod legal;
#[cfg(test)]
mod lie;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod rollback;
#[cfg(test)]
pub(crate) mod sender;
#[cfg(test)]
mod set_up;
#[cfg(test)]
mod several;
#[cfg(test)]
mod statement;
#[cfg(test)]
mod step;
#[cfg(test)]
mod store;
#[cfg(test)]
mod structure;
#[cfg(test)]
pub(crate) mod table;
#[cfg(test)]
mod trace;
mod trial;
