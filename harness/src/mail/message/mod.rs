pub mod bounce;
pub mod corpus;
pub mod sizes;
