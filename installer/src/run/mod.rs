//! One run, from its request to its end: session, convergence, consent of people, guard, and the next start.

pub mod access;
pub mod begin;
pub mod boot;
pub mod carry_out;
pub mod converge;
pub mod guard;
pub mod planfile;
pub mod second_person;
pub mod session;
pub mod units;
