//! How things are written for people: numbers, money, times, pictures. No store, no clock.

pub(crate) mod chart;
pub(crate) mod number;
pub(crate) mod record;
pub(crate) mod tone;
pub(crate) mod zone;
