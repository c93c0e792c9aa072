//! Named places in the program at which tests abort, fail or delay it.
