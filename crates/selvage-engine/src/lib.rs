//! The engine: carries out what the gateway lets through. Lists and gets through mappings, creates and verbs as
//! operations with one effect each, whatever breaks in between. Keeps published events, and captures what changes in systems.
//! It never decides who may do what, and never shows a system's own records.

mod answer;
mod asked;
mod authority;
mod body;
mod cache;
mod capture;
mod checking;
mod company;
mod connection;
mod copy;
mod create;
mod cursor;
mod deed;
mod drive;
mod engine;
mod etag;
mod fabric;
mod figures;
mod get;
mod hold;
mod intake;
mod job;
mod lane;
mod links;
mod list;
mod nearest;
mod need;
mod operation;
mod parking;
mod path;
mod payload;
mod persist;
pub mod probe;
mod query;
mod reach;
mod read;
mod reason;
mod refusal;
mod rehearsal;
mod resolve;
mod same;
mod scope;
mod selection;
mod shared;
mod state;
mod trace;
mod trouble;
mod verb;
mod whole;
mod write;

pub use capture::CaptureTask;
pub use engine::{Engine, EngineConfig, EngineError};
pub use rehearsal::{Made, Rehearsal, Trial};
pub use resolve::EngineTask;
