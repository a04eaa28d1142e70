pub mod bounce;
pub mod corpus;
pub mod sizes;

pub mod address;

pub mod fit;
