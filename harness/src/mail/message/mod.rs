pub(crate) mod bounce;
pub(crate) mod corpus;
pub(crate) mod sizes;

pub(crate) mod address;

pub(crate) mod fit;
