//! Who has an account, how they log in, and what they may become.

pub(crate) mod authselect;
pub mod login;
pub mod operators;
pub(crate) mod pam;
pub mod passwd;
pub(crate) mod shell;
pub mod sudoers;
pub mod superusers;
